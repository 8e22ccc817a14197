// SPDX-License-Identifier: Apache-2.0
//
// DEBUG: what tests need to look inside and to make time pass. To add a subcommand: one row below and one function.
// Source: redis.io/commands/debug.
#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <vector>

#include <poll.h>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

struct DebugRow {
  std::string_view name;
  size_t arguments_min;  // with DEBUG and the name
  size_t arguments_max;
  Handler run;
  std::string_view help;
};

void debug_sleep(Context& ctx) {
  double seconds = 0;
  if (!parse_double(ctx.arg(2), seconds) || seconds < 0) seconds = 0;
  ::poll(nullptr, 0, static_cast<int>(seconds * 1000));  // the whole server stands still: that is what is asked for
  ctx.reply.ok();
}

void debug_set_active_expire(Context& ctx) {
  ctx.server.settings.active_expire = ctx.arg(2) != "0";
  ctx.reply.ok();
}

void debug_allow_denied(Context& ctx) {
  ctx.server.allow_denied_in_scripts = ctx.arg(2) != "0";
  ctx.reply.ok();
}

void debug_pause_cron(Context& ctx) {
  ctx.server.cron_is_paused = ctx.arg(2) != "0";
  ctx.reply.ok();
}

void debug_skip_checksums(Context& ctx) {
  ctx.server.skip_payload_checksums = ctx.arg(2) != "0";
  ctx.reply.ok();
}

void debug_aof_flush_sleep(Context& ctx) {
  int64_t us = 0;
  if (!ctx.integer(ctx.arg(2), us)) return;
  ctx.server.log_delay_us = us;
  ctx.reply.ok();
}

void debug_log(Context& ctx) {
  if (ctx.server.host != nullptr) ctx.server.host->log("DEBUG LOG: " + std::string(ctx.arg(2)));
  ctx.reply.ok();
}

void debug_segfault(Context& ctx) {
  if (ctx.server.host != nullptr) std::raise(SIGSEGV);
  ctx.error("ERR DEBUG SEGFAULT is not allowed: the engine is part of another program");
}

void debug_error(Context& ctx) { ctx.error(ctx.arg(2)); }

void debug_reply_buffer(Context& ctx) {
  if (ctx.is(2, "resizing")) {
    ctx.server.reply_buffers_resize = ctx.arg(3) != "0";
  } else if (ctx.is(2, "peak-reset-time")) {
    int64_t ms = 0;
    if (ctx.is(3, "never")) {
      ms = -1;
    } else if (ctx.is(3, "reset")) {
      ms = 5000;
    } else if (!ctx.integer(ctx.arg(3), ms)) {
      return;
    }
    ctx.server.reply_peak_reset_ms = ms;
  } else {
    ctx.error(kSyntaxError);
    return;
  }
  ctx.reply.ok();
}

void debug_stringmatch_len(Context& ctx) {
  int64_t size = 0;
  if (!ctx.integer(ctx.arg(2), size)) return;
  const std::string text(static_cast<size_t>(std::clamp<int64_t>(size, 0, 64 * 1024 * 1024)), 'a');
  ctx.reply.integer(glob_match(ctx.arg(3), text) ? 1 : 0);
}

void debug_populate(Context& ctx) {
  int64_t count = 0;
  int64_t size = 0;
  if (!ctx.integer(ctx.arg(2), count)) return;
  if (count < 0) {
    ctx.error(kMustBePositive);
    return;
  }
  const std::string prefix(ctx.size() > 3 ? ctx.arg(3) : "key");
  if (ctx.size() > 4 && !ctx.integer(ctx.arg(4), size)) return;
  for (int64_t i = 0; i < count; ++i) {
    const std::string key = prefix + ":" + std::to_string(i);
    if (ctx.db().exists(key)) continue;
    std::string value = "value:" + std::to_string(i);
    if (size > 0) value.resize(static_cast<size_t>(size));
    ctx.db().set_string(key, value);
  }
  ctx.reply.ok();
}

// One reply of each kind that RESP3 knows.
void debug_protocol(Context& ctx) {
  ReplyWriter& reply = ctx.reply;
  if (ctx.is(2, "string")) {
    reply.bulk("Hello World");
  } else if (ctx.is(2, "integer")) {
    reply.integer(12345);
  } else if (ctx.is(2, "double")) {
    reply.number(3.141);
  } else if (ctx.is(2, "null")) {
    reply.null();
  } else if (ctx.is(2, "array")) {
    reply.array(3);
    for (int i = 0; i < 3; ++i) reply.integer(i);
  } else if (ctx.is(2, "set")) {
    reply.set(3);
    for (int i = 0; i < 3; ++i) reply.integer(i);
  } else if (ctx.is(2, "map")) {
    reply.map(3);
    for (int i = 0; i < 3; ++i) {
      reply.integer(i);
      reply.boolean(i == 1);
    }
  } else if (ctx.is(2, "attrib")) {
    if (reply.resp3()) {
      reply.raw("|1\r\n");
      reply.bulk("key-popularity");
      reply.array(2);
      reply.bulk("key:123");
      reply.integer(90);
    }
    reply.bulk("Some real reply following the attribute");
  } else if (ctx.is(2, "push")) {
    reply.push(2);
    reply.bulk("server-cpu-usage");
    reply.integer(42);
  } else if (ctx.is(2, "verbatim")) {
    reply.verbatim("txt", "This is a verbatim\nstring");
  } else if (ctx.is(2, "true")) {
    reply.boolean(true);
  } else if (ctx.is(2, "false")) {
    reply.boolean(false);
  } else if (ctx.is(2, "bignum")) {
    reply.big_number("1234567999999999999999999999999999999");
  } else {
    ctx.error(
        "ERR Wrong protocol type name. Please use one of the following: "
        "string|integer|double|null|array|set|map|attrib|push|verbatim|true|false");
  }
}

void debug_config_rewrite(Context& ctx) {
  if (const std::string reason = rewrite_config(ctx.server, true); !reason.empty()) {
    ctx.error(reason);
    return;
  }
  ctx.reply.ok();
}

void debug_jmap(Context& ctx) { ctx.reply.ok(); }

// To the replicas alone: what comes of data that differ.
void debug_replicate(Context& ctx) {
  ctx.propagate_only(EffectBuffer::kReplicas, ctx.args.subspan(2));
  ctx.reply.ok();
}

void debug_help(Context& ctx);

constexpr size_t kAny = 1024;
constexpr std::array kRows{
    DebugRow{"aof-flush-sleep", 3, 3, debug_aof_flush_sleep, "Wait so many microseconds before the log is written."},
    DebugRow{"config-rewrite-force-all", 2, 2, debug_config_rewrite,
             "Write every setting into the configuration file."},
    DebugRow{"error", 3, 3, debug_error, "Reply with this error."},
    DebugRow{"help", 2, 2, debug_help, "Print this help."},
    DebugRow{"jmap", 2, kAny, debug_jmap, "Do nothing."},
    DebugRow{"log", 3, 3, debug_log, "Write a line to the log."},
    DebugRow{"object", 3, 4, run_debug_object, "Look inside the value of a key."},
    DebugRow{"pause-cron", 3, 3, debug_pause_cron, "Hold periodic work (1) or let it go on (0)."},
    DebugRow{"populate", 3, 5, debug_populate, "Create so many string keys."},
    DebugRow{"protocol", 3, 3, debug_protocol, "Reply with a value of this type."},
    DebugRow{"replybuffer", 4, 4, debug_reply_buffer, "Steer how reply buffers shrink."},
    DebugRow{"replicate", 3, kAny, debug_replicate, "Send a command to the replicas."},
    DebugRow{"segfault", 2, 2, debug_segfault, "Crash the server."},
    DebugRow{"set-active-expire", 3, 3, debug_set_active_expire, "Turn active expiry on (1) or off (0)."},
    DebugRow{"set-disable-deny-scripts", 3, 3, debug_allow_denied, "Let scripts run every command (1) or not (0)."},
    DebugRow{"set-skip-checksum-validation", 3, 3, debug_skip_checksums,
             "Take payloads of RESTORE also with a wrong checksum (1) or not (0)."},
    DebugRow{"sleep", 3, 3, debug_sleep, "Stand still for so many seconds."},
    DebugRow{"stringmatch-len", 4, 4, debug_stringmatch_len, "Match a string of so many bytes with a pattern."},
};

void debug_help(Context& ctx) {
  const auto values = debug_values_rows();
  ctx.reply.array(1 + (kRows.size() + values.size()) * 2);
  ctx.reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const DebugRow& row : kRows) {
    ctx.reply.simple(to_upper(row.name));
    ctx.reply.simple("    " + std::string(row.help));
  }
  for (const Row& row : values) {
    ctx.reply.simple(to_upper(row.name));
    ctx.reply.simple("    " + std::string(row.summary));
  }
}

}  // namespace

void run_debug(Context& ctx) {
  for (const DebugRow& row : kRows) {
    if (!ctx.is(1, row.name) || ctx.size() < row.arguments_min || ctx.size() > row.arguments_max) continue;
    return row.run(ctx);
  }
  for (const Row& row : debug_values_rows()) {
    if (ctx.is(1, row.name) && row.accepts(ctx.size())) return row.run(ctx);
  }
  ctx.error("ERR unknown subcommand or wrong number of arguments for '" + std::string(ctx.arg(1).substr(0, 128)) +
            "'. Try DEBUG HELP.");
}

}  // namespace compozy::redis
