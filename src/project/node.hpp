// SPDX-License-Identifier: Apache-2.0
//
// Node: a YAML value that knows where it stands, so that every later complaint can name file, line and column.
// Members keep the order in which they were written; names are unique. Private to project/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "json/value.hpp"

namespace compozy::project {

struct Mark {
  std::shared_ptr<const std::string> file;
  uint32_t line = 0;
  uint32_t column = 0;

  Location location() const { return {.file = file ? *file : std::string(), .line = line, .column = column}; }
};

struct Node {
  struct Member;
  enum class Shape : uint8_t { scalar, list, map };

  Shape shape = Shape::scalar;
  Mark mark;
  json::Value scalar;
  std::vector<Node> items;
  std::vector<Member> members;

  bool is_map() const { return shape == Shape::map; }
  bool is_list() const { return shape == Shape::list; }
  bool is_null() const { return shape == Shape::scalar && scalar.is_null(); }
  bool is_text() const { return shape == Shape::scalar && scalar.is_string(); }

  const Node* find(std::string_view name) const;  // null when absent or when this is no map
  Node* find(std::string_view name);
  void set(std::string_view name, Node value);  // replaces in place, or appends
  void erase(std::string_view name);

  std::string text(std::string_view name) const;  // of a member, as scalar_text; "" when absent
  json::Value json() const;
  json::Value json(std::string_view name) const;  // of a member; null when absent
  std::string_view kind_name() const;             // "text", "list", ... for messages
  size_t count() const;                           // of this and all below
};

struct Node::Member {
  std::string name;
  Mark mark;
  Node value;
};

std::string scalar_text(const Node& node);  // a number or boolean as it would be written; "" of a list, a map or null

}  // namespace compozy::project
