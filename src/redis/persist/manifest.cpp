// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/manifest.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "redis/resp/words.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kLineMax = 1024;

// A name that has more than letters and signs is quoted.
std::string name_in_manifest(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\\'; });
  return plain ? name : quote_word(name);
}

void add_line(std::string& text, const ManifestFile& file, char type) {
  text += "file " + name_in_manifest(file.name) + " seq " + std::to_string(file.seq) + " type " + type + "\n";
}

}  // namespace

std::string Manifest::to_string() const {
  std::string text;
  if (base) add_line(text, *base, 'b');
  for (const auto& file : history) add_line(text, file, 'h');
  for (const auto& file : incrementals) add_line(text, file, 'i');
  return text;
}

void Manifest::replace_base(ManifestFile fresh, uint64_t first_kept) {
  if (base) history.insert(history.begin(), *base);
  base = std::move(fresh);
  std::erase_if(incrementals, [&](const ManifestFile& file) {
    if (file.seq < first_kept) history.insert(history.begin(), file);
    return file.seq < first_kept;
  });
}

namespace {

// "file NAME seq N type T", and pairs that a later version may add. Empty: what is wrong.
std::string parse_line(std::string_view line, ManifestFile& file, char& type) {
  constexpr std::string_view kFormat = "Invalid AOF manifest file format";
  std::vector<std::string> words;
  if (!split_words(line, words) || words.size() < 6 || words.size() % 2 != 0) return std::string(kFormat);
  for (size_t i = 0; i < words.size(); i += 2) {
    int64_t seq = 0;
    if (words[i] == "file") file.name = words[i + 1];
    if (words[i] == "type") type = words[i + 1].size() == 1 ? words[i + 1][0] : '?';
    if (words[i] == "seq" && parse_int64(words[i + 1], seq) && seq > 0) file.seq = static_cast<uint64_t>(seq);
  }
  if (file.name.empty() || file.seq == 0 || type == 0) return std::string(kFormat);
  if (file.name.contains('/')) return "File can't be a path, just a filename";
  return {};
}

std::string add_file(Manifest& manifest, ManifestFile file, char type) {
  if (type == 'b') {
    if (manifest.base) return "Found duplicate base file information";
    manifest.base = std::move(file);
  } else if (type == 'i') {
    if (!manifest.incrementals.empty() && manifest.incrementals.back().seq >= file.seq)
      return "Found a non-monotonic sequence number";
    manifest.incrementals.push_back(std::move(file));
  } else if (type == 'h') {
    manifest.history.push_back(std::move(file));
  } else {
    return "Unknown AOF file type";
  }
  return {};
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text, const std::string& path) {
  Manifest manifest;
  uint32_t number = 0;
  const auto broken = [&](const std::string& what, std::string_view line) {
    return fail(Error{.code = Errc::corrupt_data,
                      .message = what + " in the manifest of the append-only log: '" + shorten(line, 100) + "'",
                      .where = {.file = path, .line = number}});
  };
  if (text.empty()) return broken("Found an empty AOF manifest", {});
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    if (raw.starts_with('#')) continue;
    if (raw.size() >= kLineMax) return broken("The AOF manifest file contains too long line", raw);
    ManifestFile file;
    char type = 0;
    if (const std::string problem = parse_line(trim(raw), file, type); !problem.empty()) return broken(problem, raw);
    if (const std::string problem = add_file(manifest, std::move(file), type); !problem.empty())
      return broken(problem, raw);
  }
  return manifest;
}

}  // namespace compozy::redis
