// SPDX-License-Identifier: Apache-2.0
//
// FUNCTION and FCALL: arguments and payloads here, the libraries behind ScriptPort.
// Source: redis.io/docs/manual/programmability/functions-intro.
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/resp/crc64.hpp"
#include "redis/resp/lzf.hpp"

namespace compozy::redis {

namespace {

constexpr uint16_t kRdbVersion = 10;
constexpr unsigned char kFunctionOpcode = 245;
constexpr size_t kFooter = 10;  // version and CRC

void wrong_subcommand(Context& ctx) {
  ctx.error("ERR unknown subcommand or wrong number of arguments for '" + std::string(ctx.arg(1)) +
            "'. Try FUNCTION HELP.");
}

void append_little_endian(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// A length as RDB writes it: 6 bits, 14 bits, or 32 bits after a marker.
void append_length(std::string& out, size_t size) {
  if (size < 64) {
    out += static_cast<char>(size);
    return;
  }
  if (size < 16384) {
    out += static_cast<char>(0x40 | size >> 8);
    out += static_cast<char>(size & 0xff);
    return;
  }
  out += static_cast<char>(0x80);
  for (int i = 3; i >= 0; --i) out += static_cast<char>(size >> (8 * i) & 0xff);
}

class PayloadReader {
 public:
  explicit PayloadReader(std::string_view bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  bool byte(unsigned char& out) {
    uint64_t value = 0;
    if (!big_endian(1, value)) return false;
    out = static_cast<unsigned char>(value);
    return true;
  }
  bool text(std::string& out) {
    uint64_t size = 0;
    bool compressed = false;
    if (!length(size, compressed)) return false;
    if (!compressed) return take(size, out);
    uint64_t packed = 0;
    bool ignored = false;
    std::string input;
    if (!length(packed, ignored) || !length(size, ignored) || !take(packed, input)) return false;
    auto plain = lzf_decompress(input, static_cast<size_t>(size));
    if (!plain) return false;
    out = *std::move(plain);
    return true;
  }

 private:
  bool big_endian(size_t bytes, uint64_t& value) {
    if (left_.size() < bytes) return false;
    value = 0;
    for (size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(left_[i]);
    left_.remove_prefix(bytes);
    return true;
  }
  bool length(uint64_t& size, bool& compressed) {
    uint64_t first = 0;
    if (!big_endian(1, first)) return false;
    compressed = first == 0xc3;
    if (compressed) return true;
    if (first < 0x40) {
      size = first;
      return true;
    }
    if (first < 0x80) {
      uint64_t low = 0;
      if (!big_endian(1, low)) return false;
      size = (first & 0x3f) << 8 | low;
      return true;
    }
    if (first == 0x80) return big_endian(4, size);
    return first == 0x81 && big_endian(8, size);
  }
  bool take(uint64_t size, std::string& out) {
    if (size > left_.size()) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }

  std::string_view left_;
};

bool is_good_payload(std::string_view payload) {
  if (payload.size() < kFooter) return false;
  const size_t body = payload.size() - kFooter;
  const auto at = [&](size_t i) { return static_cast<uint64_t>(static_cast<unsigned char>(payload[i])); };
  if ((at(body) | at(body + 1) << 8) > kRdbVersion) return false;
  uint64_t sum = 0;
  for (size_t i = 0; i < 8; ++i) sum |= at(body + 2 + i) << (8 * i);
  return sum == crc64(payload.substr(0, body + 2));
}

// "sync" or "async" as the third word, or nothing.
bool flush_mode(Context& ctx, std::string_view error) {
  if (ctx.size() == 2 || (ctx.size() == 3 && (ctx.is(2, "SYNC") || ctx.is(2, "ASYNC")))) return true;
  return ctx.error(error);
}

void write_function(Context& ctx, const FunctionInfo& function) {
  ctx.reply.map(3);
  ctx.reply.bulk("name");
  ctx.reply.bulk(function.name);
  ctx.reply.bulk("description");
  if (function.description) {
    ctx.reply.bulk(*function.description);
  } else {
    ctx.reply.null();
  }
  ctx.reply.bulk("flags");
  const auto flags = names_of_script_flags(function.flags);
  ctx.reply.set(flags.size());
  for (const std::string_view flag : flags) ctx.reply.simple(flag);
}

}  // namespace

void run_fcall(Context& ctx) { ctx.server.scripts->call_function(ctx, ScriptMode::normal); }
void run_fcall_ro(Context& ctx) { ctx.server.scripts->call_function(ctx, ScriptMode::readonly); }

void run_function_load(Context& ctx) {
  bool replace = false;
  for (size_t i = 2; i + 1 < ctx.size(); ++i) {
    if (!ctx.is(i, "REPLACE")) {
      ctx.error("ERR Unknown option given: " + std::string(ctx.arg(i)));
      return;
    }
    replace = true;
  }
  const auto name = ctx.server.scripts->load_library(ctx.arg(ctx.size() - 1), replace);
  if (!name) {
    ctx.error(name.error().message);
    return;
  }
  ++ctx.server.stats.dirty;
  ctx.reply.bulk(*name);
}

void run_function_delete(Context& ctx) {
  if (!ctx.server.scripts->delete_library(ctx.arg(2))) {
    ctx.error("ERR Library not found");
    return;
  }
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

void run_function_flush(Context& ctx) {
  if (ctx.size() > 3) return wrong_subcommand(ctx);
  if (!flush_mode(ctx, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option")) return;
  ctx.server.scripts->flush_libraries();
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

void run_function_list(Context& ctx) {
  bool with_code = false;
  std::optional<std::string_view> pattern;
  for (size_t i = 2; i < ctx.size(); ++i) {
    if (!with_code && ctx.is(i, "WITHCODE")) {
      with_code = true;
    } else if (!pattern && ctx.is(i, "LIBRARYNAME")) {
      if (++i == ctx.size()) {
        ctx.error("ERR library name argument was not given");
        return;
      }
      pattern = ctx.arg(i);
    } else {
      ctx.error("ERR Unknown argument " + std::string(ctx.arg(i)));
      return;
    }
  }
  auto libraries = ctx.server.scripts->libraries();
  if (pattern) {
    const std::string wanted = to_lower(*pattern);
    std::erase_if(libraries, [&](const LibraryInfo& info) { return !glob_match(wanted, to_lower(info.name)); });
  }
  ctx.reply.array(libraries.size());
  for (const LibraryInfo& library : libraries) {
    ctx.reply.map(with_code ? 4 : 3);
    ctx.reply.bulk("library_name");
    ctx.reply.bulk(library.name);
    ctx.reply.bulk("engine");
    ctx.reply.bulk("LUA");
    ctx.reply.bulk("functions");
    ctx.reply.array(library.functions.size());
    for (const FunctionInfo& function : library.functions) write_function(ctx, function);
    if (!with_code) continue;
    ctx.reply.bulk("library_code");
    ctx.reply.bulk(library.code);
  }
}

void run_function_stats(Context& ctx) {
  ctx.reply.map(2);
  ctx.reply.bulk("running_script");
  const auto running = ctx.server.scripts->running_script();
  if (!running) {
    ctx.reply.null();
  } else {
    ctx.reply.map(3);
    ctx.reply.bulk("name");
    ctx.reply.bulk(running->name);
    ctx.reply.bulk("command");
    ctx.reply.array(running->command.size());
    for (const std::string& word : running->command) ctx.reply.bulk(word);
    ctx.reply.bulk("duration_ms");
    ctx.reply.integer(running->duration_ms);
  }
  ctx.reply.bulk("engines");
  ctx.reply.map(1);
  ctx.reply.bulk("LUA");
  ctx.reply.map(2);
  ctx.reply.bulk("libraries_count");
  ctx.reply.integer(static_cast<int64_t>(ctx.server.scripts->libraries().size()));
  ctx.reply.bulk("functions_count");
  ctx.reply.integer(static_cast<int64_t>(ctx.server.scripts->function_count()));
}

void run_function_kill(Context& ctx) {
  const std::string refused = ctx.server.scripts->kill(true);
  if (refused.empty()) return ctx.reply.ok();
  ctx.error(refused);
}

void run_function_dump(Context& ctx) {
  std::string payload;
  for (const LibraryInfo& library : ctx.server.scripts->libraries()) {
    payload += static_cast<char>(kFunctionOpcode);
    append_length(payload, library.code.size());
    payload += library.code;
  }
  append_little_endian(payload, kRdbVersion, 2);
  append_little_endian(payload, crc64(payload), 8);
  ctx.reply.bulk(payload);
}

void run_function_restore(Context& ctx) {
  if (ctx.size() > 4) return wrong_subcommand(ctx);
  RestorePolicy policy = RestorePolicy::append;
  if (ctx.size() == 4) {
    if (ctx.is(3, "REPLACE")) {
      policy = RestorePolicy::replace;
    } else if (ctx.is(3, "FLUSH")) {
      policy = RestorePolicy::flush;
    } else if (!ctx.is(3, "APPEND")) {
      ctx.error("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
      return;
    }
  }
  if (!is_good_payload(ctx.arg(2))) {
    ctx.error("ERR DUMP payload version or checksum are wrong");
    return;
  }
  std::vector<std::string> codes;
  PayloadReader reader(ctx.arg(2).substr(0, ctx.arg(2).size() - kFooter));
  while (!reader.empty()) {
    unsigned char opcode = 0;
    if (!reader.byte(opcode) || opcode != kFunctionOpcode) {
      ctx.error("ERR given type is not a function");
      return;
    }
    if (!reader.text(codes.emplace_back())) {
      ctx.error("ERR Failed loading library data");
      return;
    }
  }
  const auto restored = ctx.server.scripts->restore_libraries(codes, policy);
  if (!restored) {
    ctx.error(restored.error().message);
    return;
  }
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

}  // namespace compozy::redis
