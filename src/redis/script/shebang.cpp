// SPDX-License-Identifier: Apache-2.0
#include "redis/script/shebang.hpp"

#include <vector>

#include "base/text.hpp"
#include "redis/commands/scripting/script_port.hpp"
#include "redis/resp/words.hpp"

namespace compozy::redis {

namespace {

Failure refuse(std::string text) { return fail(Errc::invalid_argument, "ERR " + std::move(text)); }

Result<uint32_t> read_flags(std::string_view list) {
  uint32_t flags = 0;
  if (list.empty()) return flags;
  for (const std::string_view name : split(list, ',')) {
    const auto flag = script_flag_of(name);
    if (!flag) return refuse("Unexpected flag in script shebang: " + std::string(name));
    flags |= *flag;
  }
  return flags;
}

}  // namespace

Result<ScriptHead> read_script_head(std::string_view source) {
  if (!source.starts_with("#!")) return ScriptHead{.flags = kScriptUndeclared, .body = source};
  const size_t end = source.find('\n');
  if (end == std::string_view::npos) return refuse("Invalid script shebang");
  std::vector<std::string> words;
  if (!split_words(source.substr(0, end), words) || words.empty()) return refuse("Invalid engine in script shebang");
  if (words[0] != "#!lua") return refuse("Unexpected engine in script shebang: " + words[0]);
  ScriptHead head{.body = source.substr(end)};
  for (size_t i = 1; i < words.size(); ++i) {
    if (!words[i].starts_with("flags=")) return refuse("Unknown lua shebang option: " + words[i]);
    TRY(const uint32_t flags, read_flags(std::string_view(words[i]).substr(6)));
    head.flags |= flags;
  }
  return head;
}

Result<LibraryHead> read_library_head(std::string_view source) {
  if (!source.starts_with("#!")) return refuse("Missing library metadata");
  const size_t end = source.find('\n');
  std::vector<std::string> words;
  if (end == std::string_view::npos || !split_words(source.substr(0, end), words) || words.empty())
    return refuse("Invalid library metadata");
  LibraryHead head{.engine = words[0].substr(2), .body = source.substr(end)};
  bool named = false;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].size() < 5 || !equals_ignoring_case(std::string_view(words[i]).substr(0, 5), "name="))
      return refuse("Invalid metadata value given: " + words[i]);
    if (named) return refuse("Invalid metadata value, name argument was given multiple times");
    named = true;
    head.name = words[i].substr(5);
  }
  if (!named) return refuse("Library name was not given");
  return head;
}

}  // namespace compozy::redis
