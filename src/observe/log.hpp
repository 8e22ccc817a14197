// SPDX-License-Identifier: Apache-2.0
//
// Log: one line per event, a sentence and fields. log::info("run closed", {{"run", id}, {"status", "SUCCESS"}});
//
// The sentence is constant, the fields vary: that is what makes a log searchable. Secrets never become fields.
// Text goes to standard error for people; format "json" writes one object per line. Thread: any.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.hpp"
#include "base/result.hpp"

namespace compozy::log {

enum class Level : uint8_t { debug, info, warn, error, off };
enum class Format : uint8_t { text, json };

struct Field {
  std::string_view name;
  std::variant<std::string_view, int64_t, double, bool> value;

  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  template <std::integral T>
  Field(std::string_view n, T v) : name(n), value(static_cast<int64_t>(v)) {}
};
using Fields = std::initializer_list<Field>;

void configure(Level level, Format format);
// From now on lines (sentence and fields, as text) go there instead. Before other threads log.
using Writer = std::function<void(Level level, std::string_view line)>;
void redirect(Writer writer);
// While it lives, lines below `least` are left out, unless the level is debug.
class Quiet {
 public:
  explicit Quiet(Level least);
  ~Quiet();
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  Level before_;
};
Result<Level> parse_level(std::string_view text);  // debug, info, warn, error, off
bool enabled(Level level);

void write(Level level, std::string_view sentence, Fields fields);
inline void debug(std::string_view sentence, Fields fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, sentence, fields);
}
inline void info(std::string_view sentence, Fields fields = {}) {
  if (enabled(Level::info)) write(Level::info, sentence, fields);
}
inline void warn(std::string_view sentence, Fields fields = {}) {
  if (enabled(Level::warn)) write(Level::warn, sentence, fields);
}
inline void error(std::string_view sentence, Fields fields = {}) {
  if (enabled(Level::error)) write(Level::error, sentence, fields);
}

}  // namespace compozy::log
