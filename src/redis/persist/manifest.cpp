// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/manifest.hpp"

#include "base/text.hpp"
#include "redis/resp/request_parser.hpp"

namespace compozy::redis {

namespace {

void add_line(std::string& text, const ManifestFile& file, char type) {
  text += "file " + file.name + " seq " + std::to_string(file.seq) + " type " + type + "\n";
}

}  // namespace

std::string Manifest::to_string() const {
  std::string text;
  if (base) add_line(text, *base, 'b');
  for (const auto& file : history) add_line(text, file, 'h');
  for (const auto& file : incrementals) add_line(text, file, 'i');
  return text;
}

Result<Manifest> parse_manifest(std::string_view text, const std::string& path) {
  Manifest manifest;
  uint32_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line[0] == '#') continue;
    const auto broken = [&](std::string_view what) {
      return fail(Error{
          .code = Errc::corrupt_data,
          .message = "the manifest of the append-only log has " + std::string(what) + ": '" + shorten(line, 100) + "'",
          .where = {.file = path, .line = number}});
    };
    RequestParser words;  // Names may be quoted, as in an inline command.
    const std::string input = std::string(line) + "\n";
    if (words.parse(input) != RequestParser::Status::complete || words.args().size() % 2 != 0)
      return broken("an unreadable line");
    ManifestFile file;
    std::string_view type;
    for (size_t i = 0; i < words.args().size(); i += 2) {
      const std::string_view value = words.args()[i + 1];
      int64_t seq = 0;
      if (words.args()[i] == "file") file.name = value;
      if (words.args()[i] == "type") type = value;
      if (words.args()[i] == "seq" && parse_int64(value, seq)) file.seq = static_cast<uint64_t>(seq);
    }
    if (file.name.empty() || file.seq == 0 || file.name.contains('/'))
      return broken("a line without file or sequence number");
    if (type == "b") {
      if (manifest.base) return broken("two base files");
      manifest.base = file;
    } else if (type == "i") {
      if (!manifest.incrementals.empty() && manifest.incrementals.back().seq >= file.seq)
        return broken("files out of order");
      manifest.incrementals.push_back(file);
    } else if (type == "h") {
      manifest.history.push_back(file);
    } else {
      return broken("an unknown file type");
    }
  }
  return manifest;
}

}  // namespace compozy::redis
