// SPDX-License-Identifier: Apache-2.0
//
// PFADD, PFCOUNT, PFMERGE and their debugging aids. Source: redis.io/commands/?group=hyperloglog.
#include "redis/keyspace/hyperloglog.hpp"

#include <cmath>
#include <memory>
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

namespace hll = hyperloglog;

constexpr std::string_view kNotOne = "WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr std::string_view kCorrupt = "INVALIDOBJ Corrupted HLL object detected";

// False: an error was sent.
bool check(Context& ctx, const std::optional<std::string_view>& value) {
  return !value || hll::is_valid(*value) || ctx.error(kNotOne);
}

bool read_one(Context& ctx, std::string_view key, std::optional<std::string_view>& value) {
  return ctx.read_string(key, value) && check(ctx, value);
}

void store(Context& ctx, std::string_view key, const std::string& bytes) {
  char* target = ctx.db().resize_string(key, bytes.size());
  bytes.copy(target, bytes.size());
}

size_t sparse_max(const Context& ctx) { return static_cast<size_t>(ctx.server.settings.hll_sparse_max_bytes); }

// Adds all elements; answers whether a register changed, or nothing after an error.
std::optional<bool> add_elements(Context& ctx, std::string_view key, std::string_view old) {
  bool changed = false;
  if (hll::is_dense(old)) {
    char* bytes = ctx.db().resize_string(key, old.size());
    for (const std::string_view element : ctx.args.subspan(2)) {
      changed = hll::raise_dense(bytes, hll::pattern_of(element)) == hll::Outcome::changed || changed;
    }
    return changed;
  }
  std::string bytes(old);
  bool corrupt = false;
  for (const std::string_view element : ctx.args.subspan(2)) {
    const auto outcome = hll::raise(bytes, hll::pattern_of(element), sparse_max(ctx));
    changed = changed || outcome == hll::Outcome::changed;
    corrupt = outcome == hll::Outcome::corrupt;
    if (corrupt) break;
  }
  if (changed) store(ctx, key, bytes);
  if (!corrupt) return changed;
  ctx.error(kCorrupt);
  return std::nullopt;
}

void count_several(Context& ctx) {
  const auto registers = std::make_unique<hll::Registers>();
  registers->fill(0);
  for (const std::string_view key : ctx.args.subspan(1)) {
    std::optional<std::string_view> value;
    if (!read_one(ctx, key, value)) return;
    if (value && !hll::merge_into(*registers, *value)) {
      ctx.error(kCorrupt);
      return;
    }
  }
  ctx.reply.integer(static_cast<int64_t>(hll::estimate(*registers)));
}

}  // namespace

void run_pfadd(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  std::optional<std::string_view> value;
  if (!ctx.peek_string(key, value) || !check(ctx, value)) return;
  const bool created = !value;
  if (created) {
    store(ctx, key, hll::make_empty());
    ctx.peek_string(key, value);
  }
  const auto changed = add_elements(ctx, key, *value);
  if (!changed) return;
  if (created || *changed) {
    hll::forget_estimate(ctx.db().resize_string(key, ctx.db().peek(key)->string().size()));
    ctx.touched(key);
  }
  ctx.reply.integer(created || *changed ? 1 : 0);
}

void run_pfcount(Context& ctx) {
  if (ctx.size() > 2) return count_several(ctx);
  const std::string_view key = ctx.arg(1);
  std::optional<std::string_view> value;
  if (!read_one(ctx, key, value)) return;
  if (!value) return ctx.reply.integer(0);
  if (const auto cached = hll::cached_estimate(*value)) return ctx.reply.integer(static_cast<int64_t>(*cached));
  const auto registers = std::make_unique<hll::Registers>();
  if (!hll::read_registers(*value, *registers)) {
    ctx.error(kCorrupt);
    return;
  }
  const uint64_t estimate = hll::estimate(*registers);
  // The estimate is kept in the value, which counts as a change: the log gets the command.
  hll::cache_estimate(ctx.db().resize_string(key, value->size()), estimate);
  ctx.touched(key);
  ctx.reply.integer(static_cast<int64_t>(estimate));
}

void run_pfmerge(Context& ctx) {
  const auto registers = std::make_unique<hll::Registers>();
  registers->fill(0);
  bool dense = false;
  for (const std::string_view key : ctx.args.subspan(1)) {
    std::optional<std::string_view> value;
    if (!read_one(ctx, key, value)) return;
    if (!value) continue;
    dense = dense || hll::is_dense(*value);
    if (!hll::merge_into(*registers, *value)) {
      ctx.error(kCorrupt);
      return;
    }
  }
  const std::string_view target = ctx.arg(1);
  std::optional<std::string_view> old;
  ctx.peek_string(target, old);
  std::string bytes = old ? std::string(*old) : hll::make_empty();
  if (dense && !hll::make_dense(bytes)) {
    ctx.error(kCorrupt);
    return;
  }
  for (size_t i = 0; i < hll::kRegisters; ++i) {
    if ((*registers)[i] != 0) hll::raise(bytes, {static_cast<uint32_t>(i), (*registers)[i]}, sparse_max(ctx));
  }
  hll::forget_estimate(bytes.data());
  store(ctx, target, bytes);
  ctx.touched(target);
  ctx.reply.ok();
}

namespace {

// Makes the value dense; answers whether it was sparse, or nothing after an error.
std::optional<bool> force_dense(Context& ctx, std::string_view key, std::string& bytes) {
  if (hll::is_dense(bytes)) return false;
  if (!hll::make_dense(bytes)) {
    ctx.error(kCorrupt);
    return std::nullopt;
  }
  store(ctx, key, bytes);
  ctx.touched(key);
  return true;
}

void reply_registers(Context& ctx, const std::string& bytes) {
  const auto registers = std::make_unique<hll::Registers>();
  hll::read_registers(bytes, *registers);
  ctx.reply.array(hll::kRegisters);
  for (const uint8_t value : *registers) ctx.reply.integer(value);
}

}  // namespace

void run_pfdebug(Context& ctx) {
  const std::string_view key = ctx.arg(2);
  std::optional<std::string_view> value;
  if (!ctx.peek_string(key, value)) return;
  if (!value) {
    ctx.error("ERR The specified key does not exist");
    return;
  }
  if (!check(ctx, value)) return;
  std::string bytes(*value);
  const bool known = ctx.is(1, "GETREG") || ctx.is(1, "DECODE") || ctx.is(1, "ENCODING") || ctx.is(1, "TODENSE");
  if (!known) {
    ctx.error("ERR Unknown PFDEBUG subcommand '" + std::string(ctx.arg(1)) + "'");
  } else if (ctx.size() != 3) {
    ctx.error("ERR Wrong number of arguments for the '" + std::string(ctx.arg(1)) + "' subcommand");
  } else if (ctx.is(1, "ENCODING")) {
    ctx.reply.simple(hll::is_dense(bytes) ? "dense" : "sparse");
  } else if (ctx.is(1, "DECODE")) {
    if (hll::is_dense(bytes)) {
      ctx.error("ERR HLL encoding is not sparse");
    } else {
      ctx.reply.bulk(hll::describe_runs(bytes));
    }
  } else if (const auto converted = force_dense(ctx, key, bytes)) {
    if (ctx.is(1, "TODENSE")) return ctx.reply.integer(*converted ? 1 : 0);
    reply_registers(ctx, bytes);
  }
}

void run_pfselftest(Context& ctx) {
  // The sparse and the dense form must agree, and both must be near the truth.
  constexpr uint64_t kElements = 20000;
  std::string sparse = hll::make_empty();
  std::string dense = hll::make_empty();
  hll::make_dense(dense);
  const auto registers = std::make_unique<hll::Registers>();
  for (uint64_t i = 1; i <= kElements; ++i) {
    const auto pattern = hll::pattern_of(std::to_string(i * 0x9e3779b97f4a7c15ULL));
    hll::raise(sparse, pattern, sparse_max(ctx));
    hll::raise(dense, pattern, 0);
    if (i % 1000 != 0) continue;
    hll::read_registers(sparse, *registers);
    const uint64_t estimate = hll::estimate(*registers);
    hll::read_registers(dense, *registers);
    const double wrong = std::abs(static_cast<double>(estimate) - static_cast<double>(i)) / static_cast<double>(i);
    if (hll::estimate(*registers) == estimate && wrong < 0.05) continue;
    ctx.error("TESTFAILED the estimate for " + std::to_string(i) + " elements is " + std::to_string(estimate));
    return;
  }
  ctx.reply.ok();
}

}  // namespace compozy::redis
