// SPDX-License-Identifier: Apache-2.0
//
// Strings as bitmaps: GETBIT, SETBIT, BITCOUNT, BITPOS, BITOP. Bit 0 is the highest bit of the first byte.
// Source: redis.io/commands/?group=bitmap.
#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/strings/bit_offsets.hpp"

namespace compozy::redis {

bool parse_bit_offset(Context& ctx, std::string_view text, int64_t width, uint64_t& offset) {
  constexpr std::string_view kWrong = "ERR bit offset is not an integer or out of range";
  const bool counted = width > 0 && text.starts_with('#');
  int64_t value = 0;
  if (!is_canonical_integer(counted ? text.substr(1) : text, value)) return ctx.error(kWrong);
  if (counted && __builtin_mul_overflow(value, width, &value)) return ctx.error(kWrong);
  if (value < 0 || (value >> 3) >= ctx.server.settings.proto_max_bulk_len) return ctx.error(kWrong);
  offset = static_cast<uint64_t>(value);
  return true;
}

namespace {

uint64_t load_word(const char* bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

int64_t count_bits(std::string_view bytes) {
  int64_t count = 0;
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) count += std::popcount(load_word(bytes.data() + i));
  for (; i < bytes.size(); ++i) count += std::popcount(static_cast<uint8_t>(bytes[i]));
  return count;
}

bool bit_at(std::string_view bytes, int64_t at) {
  return ((static_cast<uint8_t>(bytes[static_cast<size_t>(at >> 3)]) >> (7 - (at & 7))) & 1) != 0;
}

// Bits [from, to] of a string.
struct BitRange {
  int64_t from = 0;
  int64_t to = -1;
  bool end_given = false;
};

// Parses [start [end [BYTE|BIT]]] from argument `at` on for a string of so many bytes; a wrong unit is a syntax error.
bool parse_bit_range(Context& ctx, size_t at, size_t bytes, BitRange& range) {
  const auto size = static_cast<int64_t>(bytes);
  int64_t start = 0;
  int64_t end = -1;
  bool bits = false;
  if (ctx.size() > at && !ctx.integer(ctx.arg(at), start)) return false;
  if (ctx.size() > at + 2) {
    bits = ctx.is(at + 2, "BIT");
    if (!bits && !ctx.is(at + 2, "BYTE")) return ctx.error(kSyntaxError);
  }
  range.end_given = ctx.size() > at + 1;
  if (range.end_given && !ctx.integer(ctx.arg(at + 1), end)) return false;
  const int64_t total = bits ? size * 8 : size;
  if (start < 0) start = std::max<int64_t>(0, total + start);
  if (end < 0) end = std::max<int64_t>(0, total + end);
  end = std::min(end, total - 1);
  if (start > end) {
    range.from = 0;
    range.to = -1;
  } else {
    range.from = bits ? start : start * 8;
    range.to = bits ? end : end * 8 + 7;
  }
  return true;
}

int64_t count_range(std::string_view bytes, const BitRange& range) {
  int64_t count = 0;
  int64_t at = range.from;
  for (; at <= range.to && (at & 7) != 0; ++at) count += bit_at(bytes, at) ? 1 : 0;
  const int64_t whole = (range.to + 1 - at) / 8;
  if (whole > 0) {
    count += count_bits(bytes.substr(static_cast<size_t>(at >> 3), static_cast<size_t>(whole)));
    at += whole * 8;
  }
  for (; at <= range.to; ++at) count += bit_at(bytes, at) ? 1 : 0;
  return count;
}

// The first bit of this kind in the range, or -1.
int64_t find_bit(std::string_view bytes, const BitRange& range, bool wanted) {
  const auto dull = static_cast<uint8_t>(wanted ? 0x00 : 0xff);
  for (int64_t at = range.from; at <= range.to;) {
    if ((at & 7) == 0) {
      auto byte = static_cast<size_t>(at >> 3);
      const auto last = static_cast<size_t>(range.to >> 3);
      const uint64_t dull_word = wanted ? 0 : ~uint64_t{0};
      while (byte + 8 <= last && load_word(bytes.data() + byte) == dull_word) byte += 8;
      while (byte < last && static_cast<uint8_t>(bytes[byte]) == dull) ++byte;
      at = static_cast<int64_t>(byte) * 8;
    }
    const int64_t stop = std::min(range.to, at | 7);
    for (; at <= stop; ++at) {
      if (bit_at(bytes, at) == wanted) return at;
    }
  }
  return -1;
}

enum class BitOperation : uint8_t { conjunction, disjunction, difference, negation };

bool parse_operation(Context& ctx, BitOperation& operation) {
  if (ctx.is(1, "AND")) {
    operation = BitOperation::conjunction;
  } else if (ctx.is(1, "OR")) {
    operation = BitOperation::disjunction;
  } else if (ctx.is(1, "XOR")) {
    operation = BitOperation::difference;
  } else if (ctx.is(1, "NOT")) {
    operation = BitOperation::negation;
  } else {
    return ctx.error(kSyntaxError);
  }
  if (operation == BitOperation::negation && ctx.size() != 4) {
    return ctx.error("ERR BITOP NOT must be called with a single source key.");
  }
  return true;
}

void combine(std::string& result, std::string_view source, BitOperation operation) {
  // Beyond its end a source counts as zeros.
  if (operation == BitOperation::conjunction && source.size() < result.size()) {
    std::fill(result.begin() + static_cast<ptrdiff_t>(source.size()), result.end(), '\0');
  }
  for (size_t i = 0; i < source.size(); ++i) {
    const auto byte = static_cast<uint8_t>(source[i]);
    auto& target = reinterpret_cast<uint8_t&>(result[i]);
    if (operation == BitOperation::conjunction) {
      target &= byte;
    } else if (operation == BitOperation::disjunction) {
      target |= byte;
    } else {
      target ^= byte;
    }
  }
}

}  // namespace

void run_getbit(Context& ctx) {
  uint64_t offset = 0;
  if (!parse_bit_offset(ctx, ctx.arg(2), 0, offset)) return;
  std::optional<std::string_view> value;
  if (!ctx.read_string(ctx.arg(1), value)) return;
  const bool inside = value && offset / 8 < value->size();
  ctx.reply.integer(inside && bit_at(*value, static_cast<int64_t>(offset)) ? 1 : 0);
}

void run_setbit(Context& ctx) {
  uint64_t offset = 0;
  if (!parse_bit_offset(ctx, ctx.arg(2), 0, offset)) return;
  constexpr std::string_view kWrong = "ERR bit is not an integer or out of range";
  int64_t bit = 0;
  if (!ctx.integer(ctx.arg(3), bit, kWrong)) return;
  if (bit != 0 && bit != 1) {
    ctx.error(kWrong);
    return;
  }
  const std::string_view key = ctx.arg(1);
  std::optional<std::string_view> old;
  if (!ctx.peek_string(key, old)) return;
  const size_t size = old ? old->size() : 0;
  const size_t needed = offset / 8 + 1;
  char& byte = ctx.db().resize_string(key, std::max(size, needed))[offset / 8];
  const auto mask = static_cast<uint8_t>(0x80U >> (offset & 7));
  const bool before = (static_cast<uint8_t>(byte) & mask) != 0;
  byte = static_cast<char>(bit == 1 ? static_cast<uint8_t>(byte) | mask : static_cast<uint8_t>(byte) & ~mask);
  if (before != (bit == 1) || needed > size) ctx.touched(key);
  ctx.reply.integer(before ? 1 : 0);
}

void run_bitcount(Context& ctx) {
  std::optional<std::string_view> value;
  if (!ctx.read_string(ctx.arg(1), value)) return;
  if (!value) return ctx.reply.integer(0);
  if (ctx.size() == 2) return ctx.reply.integer(count_bits(*value));
  if (ctx.size() == 3 || ctx.size() > 5) {
    ctx.error(kSyntaxError);
    return;
  }
  BitRange range;
  int64_t start = 0;
  int64_t end = 0;
  if (!ctx.integer(ctx.arg(2), start) || !ctx.integer(ctx.arg(3), end)) return;
  if (start < 0 && end < 0 && start > end) return ctx.reply.integer(0);
  if (parse_bit_range(ctx, 2, value->size(), range)) ctx.reply.integer(count_range(*value, range));
}

void run_bitpos(Context& ctx) {
  int64_t bit = 0;
  if (!ctx.integer(ctx.arg(2), bit)) return;
  if (bit != 0 && bit != 1) {
    ctx.error("ERR The bit argument must be 1 or 0.");
    return;
  }
  std::optional<std::string_view> value;
  if (!ctx.read_string(ctx.arg(1), value)) return;
  // An absent key is an endless row of zeros.
  if (!value) return ctx.reply.integer(bit == 1 ? -1 : 0);
  if (ctx.size() > 6) {
    ctx.error(kSyntaxError);
    return;
  }
  BitRange range;
  if (!parse_bit_range(ctx, 3, value->size(), range)) return;
  if (range.from > range.to) return ctx.reply.integer(-1);
  int64_t found = find_bit(*value, range, bit == 1);
  // Without an end, zeros follow the string.
  if (found < 0 && bit == 0 && !range.end_given) found = static_cast<int64_t>(value->size()) * 8;
  ctx.reply.integer(found);
}

void run_bitop(Context& ctx) {
  BitOperation operation{};
  if (!parse_operation(ctx, operation)) return;
  std::string result;
  std::vector<std::string> sources;
  for (size_t i = 3; i < ctx.size(); ++i) {
    std::optional<std::string_view> value;
    if (!ctx.read_string(ctx.arg(i), value)) return;
    sources.emplace_back(value.value_or(std::string_view()));
  }
  size_t longest = 0;
  for (const auto& source : sources) longest = std::max(longest, source.size());
  result = sources[0];
  result.resize(longest, '\0');
  if (operation == BitOperation::negation) {
    for (char& byte : result) byte = static_cast<char>(~byte);
  }
  for (size_t i = 1; i < sources.size(); ++i) combine(result, sources[i], operation);
  const std::string_view target = ctx.arg(2);
  if (!result.empty()) {
    ctx.db().set_string(target, result);
    ctx.db().resize_string(target, result.size());  // so that its encoding is "raw"
    ctx.touched(target);
  } else if (ctx.db().exists(target)) {
    ctx.db().erase(target);
    ctx.touched(target);
  }
  ctx.reply.integer(static_cast<int64_t>(longest));
}

}  // namespace compozy::redis
