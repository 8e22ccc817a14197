// SPDX-License-Identifier: Apache-2.0
//
// BITFIELD: integers of 1 to 64 bits (unsigned: 63) anywhere inside a string. Source: redis.io/commands/bitfield.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/strings/bit_offsets.hpp"

namespace compozy::redis {

namespace {

enum class Overflow : uint8_t { wrap, saturate, fail };
enum class Action : uint8_t { get, set, increment };

struct FieldType {
  bool is_signed = false;
  int64_t width = 0;
};

struct FieldOperation {
  Action action{};
  FieldType type;
  uint64_t offset = 0;
  int64_t operand = 0;
  Overflow overflow{};
};

bool parse_type(Context& ctx, std::string_view text, FieldType& type) {
  type.is_signed = text.starts_with('i');
  const bool named = type.is_signed || text.starts_with('u');
  if (!named || !is_canonical_integer(text.substr(1), type.width) || type.width < 1 ||
      type.width > (type.is_signed ? 64 : 63)) {
    return ctx.error(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.");
  }
  return true;
}

bool parse_overflow(Context& ctx, std::string_view text, Overflow& overflow) {
  const std::string name = to_lower(text);
  if (name == "wrap") {
    overflow = Overflow::wrap;
  } else if (name == "sat") {
    overflow = Overflow::saturate;
  } else if (name == "fail") {
    overflow = Overflow::fail;
  } else {
    return ctx.error("ERR Invalid OVERFLOW type specified");
  }
  return true;
}

bool parse_operations(Context& ctx, std::vector<FieldOperation>& operations) {
  Overflow overflow = Overflow::wrap;
  for (size_t i = 2; i < ctx.size();) {
    const size_t left = ctx.size() - i - 1;
    FieldOperation operation{.overflow = overflow};
    if (ctx.is(i, "GET") && left >= 2) {
      operation.action = Action::get;
    } else if (ctx.is(i, "SET") && left >= 3) {
      operation.action = Action::set;
    } else if (ctx.is(i, "INCRBY") && left >= 3) {
      operation.action = Action::increment;
    } else if (ctx.is(i, "OVERFLOW") && left >= 1) {
      if (!parse_overflow(ctx, ctx.arg(i + 1), overflow)) return false;
      i += 2;
      continue;
    } else {
      return ctx.error(kSyntaxError);
    }
    if (!parse_type(ctx, ctx.arg(i + 1), operation.type) ||
        !parse_bit_offset(ctx, ctx.arg(i + 2), operation.type.width, operation.offset)) {
      return false;
    }
    i += 3;
    if (operation.action != Action::get && !ctx.integer(ctx.arg(i++), operation.operand)) return false;
    operations.push_back(operation);
  }
  return true;
}

// Bits beyond the end are zeros.
uint64_t read_bits(std::string_view bytes, uint64_t offset, int64_t width) {
  uint64_t value = 0;
  for (int64_t i = 0; i < width; ++i, ++offset) {
    const uint8_t byte = offset / 8 < bytes.size() ? static_cast<uint8_t>(bytes[offset / 8]) : uint8_t{0};
    value = (value << 1) | ((byte >> (7 - (offset & 7))) & 1U);
  }
  return value;
}

void write_bits(char* bytes, uint64_t offset, int64_t width, uint64_t value) {
  for (int64_t i = width - 1; i >= 0; --i, ++offset) {
    const auto mask = static_cast<uint8_t>(0x80U >> (offset & 7));
    auto& byte = reinterpret_cast<uint8_t&>(bytes[offset / 8]);
    byte = static_cast<uint8_t>(((value >> i) & 1U) != 0 ? byte | mask : byte & ~mask);
  }
}

__extension__ using Wide = __int128;

Wide read_field(std::string_view bytes, const FieldOperation& operation) {
  const uint64_t bits = read_bits(bytes, operation.offset, operation.type.width);
  if (!operation.type.is_signed) return bits;
  const auto unused = static_cast<int>(64 - operation.type.width);
  return static_cast<int64_t>(bits << unused) >> unused;
}

// Fits a value into the field's width as the overflow rule says; nothing: the rule is to fail.
std::optional<Wide> fit(Wide value, const FieldOperation& operation) {
  const int64_t width = operation.type.width;
  const Wide max = (Wide{1} << (operation.type.is_signed ? width - 1 : width)) - 1;
  const Wide min = operation.type.is_signed ? -max - 1 : Wide{0};
  if (value >= min && value <= max) return value;
  if (operation.overflow == Overflow::fail) return std::nullopt;
  // As in Redis, whose difference wraps around: SET of what is 2^63 or more below the maximum counts as above it.
  const bool far_below = operation.action == Action::set && operation.type.is_signed && width < 64 &&
                         max - value > std::numeric_limits<int64_t>::max();
  const bool above = value > max || far_below;
  if (operation.overflow == Overflow::saturate) return above ? max : min;
  const Wide wrapped = value & ((Wide{1} << width) - 1);
  return wrapped > max ? wrapped - (Wide{1} << width) : wrapped;
}

// Replies, and answers whether the field was written.
bool apply(Context& ctx, const FieldOperation& operation, char* bytes, size_t size) {
  const Wide before = read_field({bytes, size}, operation);
  Wide wanted = operation.operand;
  if (operation.action == Action::increment) {
    wanted += before;
  } else if (!operation.type.is_signed) {
    wanted = static_cast<uint64_t>(operation.operand);
  }
  const auto fitted = fit(wanted, operation);
  if (!fitted) {
    ctx.reply.null();
    return false;
  }
  write_bits(bytes, operation.offset, operation.type.width, static_cast<uint64_t>(*fitted));
  ctx.reply.integer(static_cast<int64_t>(operation.action == Action::set ? before : *fitted));
  return *fitted != before;
}

void read_only(Context& ctx, const std::vector<FieldOperation>& operations) {
  std::optional<std::string_view> value;
  if (!ctx.read_string(ctx.arg(1), value)) return;
  ctx.reply.array(operations.size());
  for (const auto& operation : operations) {
    ctx.reply.integer(static_cast<int64_t>(read_field(value.value_or(std::string_view()), operation)));
  }
}

}  // namespace

void run_bitfield(Context& ctx) {
  std::vector<FieldOperation> operations;
  if (!parse_operations(ctx, operations)) return;
  size_t needed = 0;
  for (const auto& operation : operations) {
    if (operation.action == Action::get) continue;
    needed = std::max(needed, (operation.offset + static_cast<uint64_t>(operation.type.width) - 1) / 8 + 1);
  }
  if (needed == 0) return read_only(ctx, operations);
  const std::string_view key = ctx.arg(1);
  std::optional<std::string_view> old;
  if (!ctx.peek_string(key, old)) return;
  const size_t before = old ? old->size() : 0;
  const size_t size = std::max(before, needed);
  char* bytes = ctx.db().resize_string(key, size);
  bool changed = size > before;
  ctx.reply.array(operations.size());
  for (const auto& operation : operations) {
    if (operation.action == Action::get) {
      ctx.reply.integer(static_cast<int64_t>(read_field({bytes, size}, operation)));
    } else if (apply(ctx, operation, bytes, size)) {
      changed = true;
    }
  }
  if (changed) ctx.touched(key);
}

void run_bitfield_ro(Context& ctx) {
  std::vector<FieldOperation> operations;
  if (!parse_operations(ctx, operations)) return;
  if (std::ranges::any_of(operations, [](const auto& o) { return o.action != Action::get; })) {
    ctx.error("ERR BITFIELD_RO only supports the GET subcommand");
    return;
  }
  read_only(ctx, operations);
}

}  // namespace compozy::redis
