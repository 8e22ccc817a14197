// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/server/command_docs.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace compozy::redis {

namespace {

struct Argument {
  std::vector<std::string_view> flags;
  std::string_view type;
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> marks;  // in the order of the reply
  std::string_view own;                                              // arguments
  int64_t key = -1;
};

std::string_view type_name(char letter) {
  switch (letter) {
    case 's': return "string";
    case 'i': return "integer";
    case 'd': return "double";
    case 'k': return "key";
    case 'p': return "pattern";
    case 'u': return "unix-time";
    case 't': return "pure-token";
    case 'o': return "oneof";
    default: return "block";
  }
}

// Takes what stands before the next mark.
std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find_first_of("#=@<( ", 1), text.size());
  const std::string_view word = text.substr(1, end - 1);
  text.remove_prefix(end);
  return word;
}

std::string_view take_own(std::string_view& text) {
  size_t depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) {
      const std::string_view own = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return own;
    }
  }
  return {};
}

Argument take_argument(std::string_view& text) {
  Argument argument;
  for (const auto& [mark, name] :
       {std::pair{'?', "optional"}, std::pair{'*', "multiple"}, std::pair{'+', "multiple_token"}}) {
    if (!text.starts_with(mark)) continue;
    argument.flags.emplace_back(name);
    text.remove_prefix(1);
  }
  argument.type = type_name(text.front());
  text.remove_prefix(1);
  argument.name = take_word(text);
  while (!text.empty() && text.front() != ' ') {
    const char mark = text.front();
    if (mark == '(') {
      argument.own = take_own(text);
    } else if (mark == '#') {
      parse_int64(take_word(text), argument.key);
    } else if (mark == '=' && text.substr(1).starts_with('=')) {
      argument.marks.emplace_back("token", text.substr(1, 1));
      text.remove_prefix(2);
    } else {
      argument.marks.emplace_back(mark == '=' ? "token" : mark == '@' ? "since" : "deprecated_since", take_word(text));
    }
  }
  if (!text.empty()) text.remove_prefix(1);
  return argument;
}

void reply_argument(ReplyWriter& reply, const Argument& argument) {
  reply.map(2 + (argument.key >= 0 ? 1 : 0) + argument.marks.size() + (argument.flags.empty() ? 0 : 1) +
            (argument.own.empty() ? 0 : 1));
  reply.bulk("name");
  reply.bulk(argument.name);
  reply.bulk("type");
  reply.bulk(argument.type);
  if (argument.key >= 0) {
    reply.bulk("key_spec_index");
    reply.integer(argument.key);
  }
  for (const auto& [name, value] : argument.marks) {
    reply.bulk(name);
    reply.bulk(value);
  }
  if (!argument.flags.empty()) {
    reply.bulk("flags");
    reply.set(argument.flags.size());
    for (const std::string_view flag : argument.flags) reply.simple(flag);
  }
  if (argument.own.empty()) return;
  reply.bulk("arguments");
  reply_arguments(reply, argument.own);
}

}  // namespace

void reply_arguments(ReplyWriter& reply, std::string_view notation) {
  std::vector<Argument> arguments;
  while (!notation.empty()) arguments.push_back(take_argument(notation));
  reply.array(arguments.size());
  for (const Argument& argument : arguments) reply_argument(reply, argument);
}

const CommandDocs* find_command_docs(std::string_view name) {
  const auto rows = command_docs();
  const auto at = std::ranges::lower_bound(rows, name, {}, &CommandDocs::name);
  return at != rows.end() && at->name == name ? &*at : nullptr;
}

}  // namespace compozy::redis
