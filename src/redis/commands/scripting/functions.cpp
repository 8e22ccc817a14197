// SPDX-License-Identifier: Apache-2.0
//
// FUNCTION and FCALL: arguments and payloads here, the libraries behind ScriptPort.
// Source: redis.io/docs/manual/programmability/functions-intro.
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/rdb/crc64.hpp"
#include "redis/rdb/rdb_bytes.hpp"

namespace compozy::redis {

namespace {

constexpr uint8_t kFunctionOpcode = 245;
constexpr size_t kFooter = 10;  // version and CRC

void wrong_subcommand(Context& ctx) {
  ctx.error("ERR unknown subcommand or wrong number of arguments for '" + std::string(ctx.arg(1)) +
            "'. Try FUNCTION HELP.");
}

bool is_good_payload(std::string_view payload) {
  if (payload.size() < kFooter) return false;
  const size_t body = payload.size() - kFooter;
  RdbReader footer(payload.substr(body));
  uint64_t version = 0;
  uint64_t sum = 0;
  return footer.little_endian(2, version) && footer.little_endian(8, sum) &&
         version <= static_cast<uint64_t>(kRdbVersion) && sum == crc64(0, payload.substr(0, body + 2));
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
  RdbWriter writer(payload);
  for (const LibraryInfo& library : ctx.server.scripts->libraries()) {
    writer.byte(kFunctionOpcode);
    writer.string(library.code);
  }
  writer.little_endian(kRdbVersion, 2);
  writer.little_endian(crc64(0, payload), 8);
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
  RdbReader reader(ctx.arg(2).substr(0, ctx.arg(2).size() - kFooter));
  while (!reader.at_end()) {
    uint8_t opcode = 0;
    if (!reader.byte(opcode) || opcode != kFunctionOpcode) {
      ctx.error("ERR given type is not a function");
      return;
    }
    if (!reader.string(codes.emplace_back())) {
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
