// SPDX-License-Identifier: Apache-2.0
#include "observe/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/text.hpp"

namespace compozy::log {

namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "warn", "error", "off"};

std::atomic<Level> threshold{Level::info};
std::atomic<Format> format_in_use{Format::text};

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();
    spdlog::logger made("compozy", sink);
    made.set_level(spdlog::level::trace);
    made.set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%-5l%$ %v");
    made.flush_on(spdlog::level::trace);
    return made;
  }();
  return instance;
}

Writer& writer_in_use() {
  static Writer writer;
  return writer;
}

void append_quoted(fmt::memory_buffer& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append(std::string_view("\\n"));
    } else if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void append_value(fmt::memory_buffer& out, const Field& field, Format format) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    const bool bare = format == Format::text && !text->empty() && std::ranges::all_of(*text, [](char c) {
                        return static_cast<unsigned char>(c) > ' ' && c != '\x7F' && c != '"' && c != '\\' && c != '=';
                      });
    if (bare) {
      out.append(*text);
    } else {
      append_quoted(out, *text);
    }
  } else if (const auto* integer = std::get_if<int64_t>(&field.value)) {
    fmt::format_to(std::back_inserter(out), "{}", *integer);
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    out.append(format_double(*number));
  } else {
    out.append(std::string_view(std::get<bool>(field.value) ? "true" : "false"));
  }
}

spdlog::level::level_enum spdlog_level(Level level) {
  constexpr std::array kMap{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err,
                            spdlog::level::off};
  return kMap[static_cast<size_t>(level)];
}

}  // namespace

void configure(Level level, Format format) {
  threshold = level;
  format_in_use = format;
  if (format == Format::json) logger().set_pattern("%v");
}

Quiet::Quiet(Level least) : before_(threshold) {
  if (before_ != Level::debug && before_ < least) threshold = least;
}
Quiet::~Quiet() { threshold = before_; }

void redirect(Writer writer) { writer_in_use() = std::move(writer); }

Result<Level> parse_level(std::string_view text) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == text) return static_cast<Level>(i);
  }
  return fail(Errc::invalid_argument, "unknown log level '" + std::string(text) +
                                          "', expected debug, info, warn, error or off" +
                                          did_you_mean(text, kLevelNames));
}

bool enabled(Level level) { return level >= threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view sentence, Fields fields) {
  const Format format = format_in_use;
  fmt::memory_buffer out;
  if (format == Format::json) {
    const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(spdlog::log_clock::now());
    fmt::format_to(std::back_inserter(out), R"({{"ts_ms":{},"level":"{}","msg":)", now.time_since_epoch().count(),
                   kLevelNames[static_cast<size_t>(level)]);
    append_quoted(out, sentence);
    for (const Field& field : fields) {
      out.push_back(',');
      append_quoted(out, field.name);
      out.push_back(':');
      append_value(out, field, format);
    }
    out.push_back('}');
  } else {
    out.append(sentence);
    for (const Field& field : fields) {
      out.push_back(' ');
      out.append(field.name);
      out.push_back('=');
      append_value(out, field, format);
    }
  }
  if (writer_in_use()) return writer_in_use()(level, std::string_view(out.data(), out.size()));
  logger().log(spdlog_level(level), std::string_view(out.data(), out.size()));
}

}  // namespace compozy::log
