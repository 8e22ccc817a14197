// SPDX-License-Identifier: Apache-2.0
//
// Config: every key of key_table.hpp with its value and where that came from.
//
// Precedence, lowest first: default < file (compozy.yaml) < environment < command line. It is the only order, and
// `explain` shows each candidate of a key. Unknown keys in a section that belongs to the configuration, wrong types and
// values out of range are errors; all of them are reported at once. Immutable after load. Thread: any.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "config/key_table.hpp"
#include "json/value.hpp"

namespace compozy::config {

enum class Source : uint8_t { fallback, file, environment, flag };

struct Candidate {
  Source source = Source::fallback;
  std::string origin;  // "compozy.yaml:4:9", "REDIS_MODE", "--port", "default"
  std::string text;    // as written
};

struct Inputs {
  json::Value file;                                            // the parsed compozy.yaml, or null
  std::function<Location(std::string_view path)> locate;       // where a path stands in the file; may be empty
  std::function<const char*(const std::string& name)> getenv;  // may be empty
  std::map<std::string, std::string> flags;                    // flag name without dashes → text
};

class Config {
 public:
  static Result<Config> load(const Inputs& inputs);

  // The path must be a key of the table (asserted); text and lists may be empty when the key has no default.
  const std::string& text(std::string_view path) const;
  int64_t integer(std::string_view path) const;
  bool boolean(std::string_view path) const;
  int64_t duration_ms(std::string_view path) const;
  int64_t size_bytes(std::string_view path) const;
  bool is_set(std::string_view path) const;  // has a value other than "none"

  // The winning candidate is the last.
  const std::vector<Candidate>& candidates(std::string_view path) const;

  json::Value show() const;                                         // {path: {value, source}}, secrets as "***"
  Result<std::string> explain(std::string_view path) const;         // for people
  const std::vector<std::string>& notes() const { return notes_; }  // old names in use

 private:
  struct Setting {
    const Key* key = nullptr;
    std::vector<Candidate> candidates;
    int64_t number = 0;  // integers, booleans, durations in ms, sizes in bytes
  };

  const Setting& setting(std::string_view path) const;

  std::map<std::string_view, Setting> settings_;
  std::vector<std::string> notes_;
};

// The names at the top of compozy.yaml that belong to the configuration, not to the project.
std::vector<std::string_view> section_names();

}  // namespace compozy::config
