// SPDX-License-Identifier: Apache-2.0
//
// The parsed form of a CEL expression. Private to cel*.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expression/cel/cel.hpp"
#include "expression/cel/value.hpp"

namespace compozy::expression {

enum class CelMacro : uint8_t { all, exists, exists_one, map, filter };

struct CelNode {
  enum class Kind : uint8_t { literal, name, select, has, index, call, list, map, condition, both, either, macro };
  Kind kind = Kind::literal;
  uint32_t offset = 0;
  CelValue literal;
  std::string name;  // variable, field, function or operator; the variable that a macro binds
  CelMacro macro = CelMacro::all;
  bool is_member = false;                            // a.f(b): args[0] is a
  std::vector<std::unique_ptr<const CelNode>> args;  // macro: range, then one or two expressions; map: key, value, ...
};

using CelNodePtr = std::unique_ptr<const CelNode>;

struct CelParsed {
  CelNodePtr root;
  std::vector<Reference> references;
};

Location cel_location(std::string_view text, uint32_t offset);
Result<CelParsed> parse_cel(std::string_view text, std::span<const std::string_view> names);

// A function or operator by its name and arguments; the arguments are evaluated.
bool cel_function_exists(std::string_view name);
std::span<const std::string_view> cel_function_names();
Result<CelValue> call_cel(std::string_view name, bool is_member, std::span<const CelValue> args, size_t output_max);

// Names of types are values: type(1) == int.
bool is_cel_type(std::string_view name);

}  // namespace compozy::expression
