// SPDX-License-Identifier: Apache-2.0
//
// The parsed form of a template. Private to template*.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "expression/functions/function.hpp"
#include "expression/template/template.hpp"

namespace compozy::expression {

struct Pipe;

// An operand: a base, and the path of fields that follows it.
struct Operand {
  enum class Base : uint8_t { dot, nil, variable, function, constant, pipe };
  Base base = Base::dot;
  uint32_t offset = 0;
  uint32_t slot = 0;  // variable: position in the frame, 0 is `$`
  std::string name;   // variable or function as written
  const Function* function = nullptr;
  json::Value constant;
  std::shared_ptr<const Pipe> pipe;  // parenthesised
  std::vector<std::string> fields;
  bool of_context = false;  // what the fields follow is the context itself
};

struct Command {
  std::vector<Operand> operands;
};

struct Pipe {
  uint32_t offset = 0;
  std::vector<uint32_t> variables;  // slots that the value is declared in or assigned to
  bool is_assignment = false;
  std::vector<Command> commands;
};

struct Node {
  enum class Kind : uint8_t { text, action, condition, with, range, call, leave, proceed };
  Kind kind = Kind::text;
  uint32_t offset = 0;
  std::string text;  // text; name of the called template
  std::shared_ptr<const Pipe> pipe;
  std::vector<Node> body;
  std::vector<Node> otherwise;
};

struct Template::Code {
  std::string text;
  std::vector<Node> body;
  std::map<std::string, std::vector<Node>, std::less<>> definitions;
  std::vector<Reference> references;
};

Location template_location(std::string_view text, uint32_t offset);

Result<std::shared_ptr<const Template::Code>> parse_template(std::string_view text);

}  // namespace compozy::expression
