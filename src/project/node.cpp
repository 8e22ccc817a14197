// SPDX-License-Identifier: Apache-2.0
#include "project/node.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace compozy::project {

const Node* Node::find(std::string_view name) const {
  auto found = std::ranges::find(members, name, [](const Member& member) { return std::string_view(member.name); });
  return found == members.end() ? nullptr : &found->value;
}

Node* Node::find(std::string_view name) { return const_cast<Node*>(std::as_const(*this).find(name)); }

void Node::set(std::string_view name, Node value) {
  if (Node* present = find(name)) {
    *present = std::move(value);
    return;
  }
  Mark at = value.mark;
  members.push_back(Member{.name = std::string(name), .mark = std::move(at), .value = std::move(value)});
}

void Node::erase(std::string_view name) {
  std::erase_if(members, [&](const Member& member) { return member.name == name; });
}

std::string Node::text(std::string_view name) const {
  const Node* found = find(name);
  return found != nullptr ? scalar_text(*found) : std::string();
}

size_t Node::count() const {
  size_t total = 1;
  for (const Node& item : items) total += item.count();
  for (const Member& member : members) total += member.value.count();
  return total;
}

std::string scalar_text(const Node& node) {
  const json::Value& value = node.scalar;
  if (value.is_string()) return value.as_string();
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_integer()) return std::to_string(value.as_integer());
  return value.is_number() ? format_double(value.as_double()) : std::string();
}

json::Value Node::json() const {
  if (shape == Shape::list) {
    json::Array out;
    for (const Node& item : items) out.push_back(item.json());
    return out;
  }
  if (shape == Shape::map) {
    json::Object out;
    for (const Member& member : members) out.set(member.name, member.value.json());
    return out;
  }
  return scalar;
}

json::Value Node::json(std::string_view name) const {
  const Node* found = find(name);
  return found == nullptr ? json::Value() : found->json();
}

std::string_view Node::kind_name() const {
  if (shape == Shape::list) return "list";
  if (shape == Shape::map) return "map";
  switch (scalar.kind()) {
    case json::Kind::null: return "empty value";
    case json::Kind::boolean: return "true/false";
    case json::Kind::integer:
    case json::Kind::number: return "number";
    default: return "text";
  }
}

}  // namespace compozy::project
