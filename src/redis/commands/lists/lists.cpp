// SPDX-License-Identifier: Apache-2.0
//
// Lists. Source: redis.io/commands/?group=list.
#include <algorithm>
#include <limits>
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/lists/list_moves.hpp"

namespace compozy::redis {

namespace {

void push(Context& ctx, Side side, bool only_existing) {
  const std::string_view key = ctx.arg(1);
  ListValue* list = nullptr;
  if (!ctx.write(key, list)) return;
  if (list == nullptr) {
    if (only_existing) return ctx.reply.integer(0);
    list = &ctx.create<ListValue>(key);
  }
  for (size_t i = 2; i < ctx.size(); ++i) {
    if (side == Side::left) {
      list->push_front(ctx.arg(i));
    } else {
      list->push_back(ctx.arg(i));
    }
  }
  ctx.reply.integer(static_cast<int64_t>(list->size()));
  ctx.touched(key);
}

void pop(Context& ctx, Side side) {
  if (ctx.size() > 3) return ctx.wrong_arguments();
  int64_t count = 1;
  const bool many = ctx.size() == 3;
  if (many) {
    if (!ctx.integer(ctx.arg(2), count, kMustBePositive)) return;
    if (count < 0) {
      ctx.error(kMustBePositive);
      return;
    }
  }
  const std::string_view key = ctx.arg(1);
  ListValue* list = nullptr;
  if (!ctx.write(key, list)) return;
  if (list == nullptr) return many ? ctx.reply.null_array() : ctx.reply.null();
  if (many && count == 0) return ctx.reply.array(0);
  const auto taken = std::min(static_cast<size_t>(count), list->size());
  if (many) ctx.reply.array(taken);
  for (size_t i = 0; i < taken; ++i) ctx.reply.bulk(pop_side(*list, side));
  ctx.erase_if_empty(key, *list);
  ctx.touched(key);
}

struct LposOptions {
  int64_t rank = 1;
  int64_t count = -1;
  int64_t maxlen = 0;
};

bool parse_lpos(Context& ctx, LposOptions& options) {
  for (size_t i = 3; i < ctx.size(); i += 2) {
    if (i + 1 >= ctx.size()) return ctx.error(kSyntaxError);
    if (ctx.is(i, "RANK")) {
      if (!ctx.integer(ctx.arg(i + 1), options.rank)) return false;
      if (options.rank == 0) {
        return ctx.error(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
            "start from the end of the list");
      }
    } else if (ctx.is(i, "COUNT")) {
      if (!ctx.integer(ctx.arg(i + 1), options.count, "ERR COUNT can't be negative")) return false;
      if (options.count < 0) return ctx.error("ERR COUNT can't be negative");
    } else if (ctx.is(i, "MAXLEN")) {
      if (!ctx.integer(ctx.arg(i + 1), options.maxlen, "ERR MAXLEN can't be negative")) return false;
      if (options.maxlen < 0) return ctx.error("ERR MAXLEN can't be negative");
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

}  // namespace

std::string pop_side(ListValue& list, Side side) {
  std::string value(side == Side::left ? list.front() : list.back());
  if (side == Side::left) {
    list.pop_front();
  } else {
    list.pop_back();
  }
  return value;
}

bool clamp_range(int64_t size, int64_t& start, int64_t& stop) {
  if (start < 0) start = std::max<int64_t>(0, size + start);
  if (stop < 0) stop = size + stop;
  stop = std::min(stop, size - 1);
  return start <= stop;
}

void run_lpush(Context& ctx) { push(ctx, Side::left, false); }
void run_rpush(Context& ctx) { push(ctx, Side::right, false); }
void run_lpushx(Context& ctx) { push(ctx, Side::left, true); }
void run_rpushx(Context& ctx) { push(ctx, Side::right, true); }
void run_lpop(Context& ctx) { pop(ctx, Side::left); }
void run_rpop(Context& ctx) { pop(ctx, Side::right); }

void run_llen(Context& ctx) {
  const ListValue* list = nullptr;
  if (ctx.read(ctx.arg(1), list)) ctx.reply.integer(list == nullptr ? 0 : static_cast<int64_t>(list->size()));
}

void run_lindex(Context& ctx) {
  const ListValue* list = nullptr;
  if (!ctx.read(ctx.arg(1), list)) return;
  if (list == nullptr) return ctx.reply.null();
  int64_t index = 0;
  if (!ctx.integer(ctx.arg(2), index)) return;
  const auto size = static_cast<int64_t>(list->size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return ctx.reply.null();
  ctx.reply.bulk(list->at(static_cast<size_t>(index)));
}

void run_lrange(Context& ctx) {
  int64_t start = 0;
  int64_t stop = 0;
  if (!ctx.integer(ctx.arg(2), start) || !ctx.integer(ctx.arg(3), stop)) return;
  const ListValue* list = nullptr;
  if (!ctx.read(ctx.arg(1), list)) return;
  if (list == nullptr || !clamp_range(static_cast<int64_t>(list->size()), start, stop)) return ctx.reply.array(0);
  auto left = static_cast<size_t>(stop - start + 1);
  ctx.reply.array(left);
  auto cursor = list->locate(static_cast<size_t>(start));
  for (; left > 0; --left) {
    ctx.reply.bulk(list->get(cursor));
    list->advance(cursor);
  }
}

void run_ltrim(Context& ctx) {
  int64_t start = 0;
  int64_t stop = 0;
  if (!ctx.integer(ctx.arg(2), start) || !ctx.integer(ctx.arg(3), stop)) return;
  const std::string_view key = ctx.arg(1);
  ListValue* list = nullptr;
  if (!ctx.write(key, list)) return;
  if (list == nullptr) return ctx.reply.ok();
  const size_t size = list->size();
  if (!clamp_range(static_cast<int64_t>(size), start, stop)) {
    ctx.db().erase(key);
  } else {
    list->erase(static_cast<size_t>(stop) + 1, size);
    list->erase(0, static_cast<size_t>(start));
  }
  ctx.reply.ok();
  ctx.touched(key);
}

void run_lset(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  ListValue* list = nullptr;
  if (!ctx.write(key, list)) return;
  if (list == nullptr) {
    ctx.error(kNoSuchKey);
    return;
  }
  int64_t index = 0;
  if (!ctx.integer(ctx.arg(2), index)) return;
  const auto size = static_cast<int64_t>(list->size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) {
    ctx.error(kOutOfRange);
    return;
  }
  list->set(static_cast<size_t>(index), ctx.arg(3));
  ctx.reply.ok();
  ctx.touched(key);
}

void run_linsert(Context& ctx) {
  const bool after = ctx.is(2, "AFTER");
  if (!after && !ctx.is(2, "BEFORE")) {
    ctx.error(kSyntaxError);
    return;
  }
  const std::string_view key = ctx.arg(1);
  ListValue* list = nullptr;
  if (!ctx.write(key, list)) return;
  if (list == nullptr) return ctx.reply.integer(0);
  auto cursor = list->locate(0);
  size_t index = 0;
  while (list->get(cursor) != ctx.arg(3)) {
    if (!list->advance(cursor)) return ctx.reply.integer(-1);
    ++index;
  }
  list->insert(after ? index + 1 : index, ctx.arg(4));
  ctx.reply.integer(static_cast<int64_t>(list->size()));
  ctx.touched(key);
}

void run_lrem(Context& ctx) {
  int64_t count = 0;
  if (!ctx.integer(ctx.arg(2), count)) return;
  const std::string_view key = ctx.arg(1);
  ListValue* list = nullptr;
  if (!ctx.write(key, list)) return;
  if (list == nullptr) return ctx.reply.integer(0);
  const auto limit = count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  const size_t removed = list->remove(ctx.arg(3), limit, count < 0);
  ctx.erase_if_empty(key, *list);
  if (removed > 0) ctx.touched(key);
  ctx.reply.integer(static_cast<int64_t>(removed));
}

void run_lpos(Context& ctx) {
  LposOptions options;
  if (!parse_lpos(ctx, options)) return;
  const ListValue* list = nullptr;
  if (!ctx.read(ctx.arg(1), list)) return;
  const bool many = options.count >= 0;
  if (list == nullptr) return many ? ctx.reply.array(0) : ctx.reply.null();
  const bool backwards = options.rank < 0;
  const auto rank = static_cast<uint64_t>(options.rank);
  uint64_t to_skip = (backwards ? 0 - rank : rank) - 1;
  const size_t place = ctx.reply.begin_deferred();
  size_t found = 0;
  auto cursor = list->locate(backwards ? list->size() - 1 : 0);
  for (size_t i = 0; i < list->size(); ++i) {
    if (options.maxlen != 0 && static_cast<int64_t>(i) >= options.maxlen) break;
    const bool matches = list->get(cursor) == ctx.arg(2);
    if (matches && to_skip > 0) {
      --to_skip;
    } else if (matches) {
      ctx.reply.integer(static_cast<int64_t>(backwards ? list->size() - 1 - i : i));
      ++found;
      if (!many || (options.count != 0 && static_cast<int64_t>(found) >= options.count)) break;
    }
    if (!(backwards ? list->retreat(cursor) : list->advance(cursor))) break;
  }
  if (many) {
    ctx.reply.end_array(place, found);
  } else if (found == 0) {
    ctx.reply.null();
  }
}

}  // namespace compozy::redis
