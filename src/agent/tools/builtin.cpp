// SPDX-License-Identifier: Apache-2.0
#include "agent/tools/builtin.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "json/parse.hpp"

namespace compozy::agent {
namespace {

using json::Value;

constexpr size_t kReadBytesMax = 1U << 20U;
constexpr size_t kFilesMax = 10'000;
constexpr size_t kLineBytesMax = 400;

struct Row {
  std::string_view name;
  std::string_view description;
  std::string_view parameters;
  Result<Value> (*run)(const FileSandbox& files, const Value& input);  // null: run by the toolbox
};

Result<Value> read_file(const FileSandbox& files, const Value& input) {
  const std::string path = input["path"].string_or("");
  TRY(FileSandbox::Content content, files.read(path, kReadBytesMax));
  // A cut may fall into a character.
  for (int i = 0; i < 3 && content.size > static_cast<int64_t>(kReadBytesMax) && !is_valid_utf8(content.bytes); ++i)
    content.bytes.pop_back();
  if (!is_valid_utf8(content.bytes)) return fail(Errc::unsupported, "'" + path + "' is not UTF-8 text");
  const bool is_cut = static_cast<int64_t>(content.bytes.size()) < content.size;
  return Value::object(
      {{"path", path}, {"content", std::move(content.bytes)}, {"size", content.size}, {"truncated", is_cut}});
}

Result<Value> write_file(const FileSandbox& files, const Value& input) {
  const std::string path = input["path"].string_or("");
  const std::string content = input["content"].string_or("");
  TRY(files.write(path, content, input["append"].bool_or(false)));
  return Value::object({{"path", path}, {"bytes", content.size()}, {"success", true}});
}

// A pattern without a slash looks at the file's name, any other at its path.
bool pattern_matches(std::string_view pattern, std::string_view path) {
  const size_t slash = path.rfind('/');
  const bool by_name = pattern.find('/') == std::string_view::npos;
  return glob_match(pattern, by_name && slash != std::string_view::npos ? path.substr(slash + 1) : path);
}

std::vector<std::string> patterns_of(const Value& value) {
  std::vector<std::string> out;
  if (value.is_string()) out.push_back(value.as_string());
  if (value.is_array()) {
    for (const Value& item : value.as_array()) out.push_back(item.string_or(""));
  }
  return out;
}

// As .gitignore: the last pattern that matches decides. Only "!" patterns: everything else is excluded.
bool is_excluded(const std::vector<std::string>& patterns, std::string_view path) {
  bool excluded =
      !patterns.empty() && std::ranges::all_of(patterns, [](const std::string& p) { return p.starts_with('!'); });
  for (const std::string& pattern : patterns) {
    const bool negated = pattern.starts_with('!');
    if (pattern_matches(std::string_view(pattern).substr(negated ? 1 : 0), path)) excluded = !negated;
  }
  return excluded;
}

Result<Value> list_files(const FileSandbox& files, const Value& input) {
  const std::string dir = input["dir"].string_or(".");
  TRY(auto found, files.walk(dir, kFilesMax));
  const auto exclude = patterns_of(input["exclude"]);
  const auto include = patterns_of(input["pattern"]);
  json::Array out;
  for (const FileEntry& entry : found) {
    const bool wanted = include.empty() || std::ranges::any_of(include, [&](const std::string& p) {
                          return pattern_matches(p, entry.path);
                        });
    if (wanted && !is_excluded(exclude, entry.path)) out.emplace_back(entry.path);
  }
  const size_t count = out.size();
  return Value::object({{"dir", dir}, {"files", std::move(out)}, {"count", count}});
}

Result<Value> list_dir(const FileSandbox& files, const Value& input) {
  const std::string path = input["path"].string_or(".");
  TRY(auto found, files.list(path));
  const auto offset = static_cast<size_t>(std::max(input["offset"].integer_or(0), int64_t{0}));
  const auto limit = static_cast<size_t>(std::clamp(input["limit"].integer_or(1'000), int64_t{1}, int64_t{10'000}));
  json::Array out;
  for (size_t i = offset; i < found.size() && out.size() < limit; ++i) {
    out.push_back(Value::object({{"name", found[i].path}, {"type", found[i].type}, {"size", found[i].size}}));
  }
  return Value::object({{"path", path}, {"entries", std::move(out)}, {"total", found.size()}});
}

Result<Value> grep(const FileSandbox& files, const Value& input) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(!input["ignore_case"].bool_or(false));
  const re2::RE2 regex(input["pattern"].string_or(""), options);
  if (!regex.ok()) return fail(Errc::invalid_argument, "bad regular expression: " + regex.error());
  const std::string path = input["path"].string_or(".");
  const auto most = static_cast<size_t>(std::clamp(input["max_results"].integer_or(100), int64_t{1}, int64_t{10'000}));
  std::vector<std::string> names;
  if (auto folder = files.walk(path, kFilesMax)) {
    for (const FileEntry& entry : *folder) names.push_back(path == "." ? entry.path : path + '/' + entry.path);
  } else if (files.read(path, 0)) {
    names.push_back(path);
  } else {
    return fail(std::move(folder).error());
  }
  json::Array out;
  bool truncated = false;
  for (const std::string& name : names) {
    auto content = files.read(name, kReadBytesMax);
    if (!content || content->bytes.find('\0') != std::string::npos) continue;  // gone meanwhile, or no text
    int64_t line = 0;
    for (std::string_view text : split(content->bytes, '\n')) {
      ++line;
      if (!re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex)) continue;
      if (out.size() >= most) {
        truncated = true;
        break;
      }
      if (is_valid_utf8(text))
        out.push_back(Value::object({{"file", name}, {"line", line}, {"text", shorten(text, kLineBytesMax)}}));
    }
  }
  return Value::object({{"matches", std::move(out)}, {"truncated", truncated}});
}

constexpr std::array kRows{
    Row{"cp__read_file", "Reads a text file of the project, at most 1 MiB of it.",
        R"({"type":"object","properties":{"path":{"type":"string","description":"relative to the project's folder"}},"required":["path"],"additionalProperties":false})",
        read_file},
    Row{"cp__write_file", "Writes a text file of the project; missing folders are made.",
        R"({"type":"object","properties":{"path":{"type":"string"},"content":{"type":"string"},"append":{"type":"boolean","default":false}},"required":["path","content"],"additionalProperties":false})",
        write_file},
    Row{"cp__list_files", "Lists the files below a folder, at any depth, relative to it.",
        R"({"type":"object","properties":{"dir":{"type":"string","default":"."},"pattern":{"description":"names to keep, such as *.md"},"exclude":{"description":"names to leave out, as in .gitignore; !*.go keeps only those"}},"additionalProperties":false})",
        list_files},
    Row{"cp__list_dir", "Lists one folder with kinds and sizes.",
        R"({"type":"object","properties":{"path":{"type":"string","default":"."},"offset":{"type":"integer","minimum":0},"limit":{"type":"integer","minimum":1}},"additionalProperties":false})",
        list_dir},
    Row{"cp__grep", "Finds lines that match a regular expression (RE2) in the files below a folder, or in one file.",
        R"({"type":"object","properties":{"pattern":{"type":"string"},"path":{"type":"string","default":"."},"ignore_case":{"type":"boolean"},"max_results":{"type":"integer","minimum":1}},"required":["pattern"],"additionalProperties":false})",
        grep},
    Row{"cp__exec", "Runs one of the programs that the project allows, without a shell.",
        R"({"type":"object","properties":{"command":{"type":"string","description":"absolute path of an allowed program"},"args":{"type":"array","items":{"type":"string"},"maxItems":64}},"required":["command"],"additionalProperties":false})",
        nullptr},
};

const Row* find_row(std::string_view tool) {
  const auto* found = std::ranges::find(kRows, tool, &Row::name);
  return found == kRows.end() ? nullptr : found;
}

}  // namespace

ToolOffer builtin_offer(std::string_view tool) {
  const Row* row = find_row(tool);
  if (row == nullptr) return {.name = std::string(tool), .description = {}, .parameters = Value::object()};
  auto parameters = json::parse(row->parameters);
  return {.name = std::string(tool),
          .description = std::string(row->description),
          .parameters = parameters ? *std::move(parameters) : Value::object()};
}

Result<Value> run_builtin(const FileSandbox& files, std::string_view tool, const Value& input) {
  const Row* row = find_row(tool);
  if (row == nullptr || row->run == nullptr)
    return fail(Errc::not_found, "there is no built-in tool '" + std::string(tool) + "'");
  return row->run(files, input);
}

}  // namespace compozy::agent
