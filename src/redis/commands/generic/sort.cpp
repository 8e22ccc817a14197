// SPDX-License-Identifier: Apache-2.0
//
// SORT and SORT_RO. Source: redis.io/commands/sort.
#include <algorithm>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

struct SortQuery {
  std::string_view by;
  std::vector<std::string_view> gets;
  std::string_view store;
  bool storing = false;
  bool descending = false;
  bool alpha = false;
  bool dont_sort = false;
  int64_t offset = 0;
  int64_t count = -1;
};

struct Sortable {
  std::string element;
  std::string text;
  double number = 0;
  bool absent = false;
  size_t position = 0;  // before sorting: equal ones keep their order
};

// A pattern can read any key.
bool may_use_patterns(Context& ctx, std::string_view option) {
  const AclUser* user = ctx.session.user;
  if (user == nullptr || user->may_read_all_keys(acl_request(ctx.row, ctx.args))) return true;
  return ctx.error("ERR " + std::string(option) + " option of SORT denied due to insufficient ACL permissions.");
}

bool parse(Context& ctx, bool may_store, SortQuery& query) {
  for (size_t i = 2; i < ctx.size(); ++i) {
    const size_t left = ctx.size() - i - 1;
    if (ctx.is(i, "ASC")) {
      query.descending = false;
    } else if (ctx.is(i, "DESC")) {
      query.descending = true;
    } else if (ctx.is(i, "ALPHA")) {
      query.alpha = true;
    } else if (ctx.is(i, "LIMIT") && left >= 2) {
      if (!ctx.integer(ctx.arg(i + 1), query.offset) || !ctx.integer(ctx.arg(i + 2), query.count)) return false;
      i += 2;
    } else if (may_store && ctx.is(i, "STORE") && left >= 1) {
      query.store = ctx.arg(++i);
      query.storing = true;
    } else if (ctx.is(i, "BY") && left >= 1) {
      query.by = ctx.arg(++i);
      query.dont_sort = query.by.find('*') == std::string_view::npos;
      if (!query.dont_sort && !may_use_patterns(ctx, "BY")) return false;
    } else if (ctx.is(i, "GET") && left >= 1) {
      if (!may_use_patterns(ctx, "GET")) return false;
      query.gets.push_back(ctx.arg(++i));
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

// The value a pattern points at: "weight_*" a string key, "weight_*->field" a field of a hash, "#" the element itself.
std::optional<std::string> look_up(Context& ctx, std::string_view pattern, const std::string& element) {
  if (pattern == "#") return element;
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  const size_t arrow = pattern.find("->", star + 1);
  const bool field = arrow != std::string_view::npos && arrow + 2 < pattern.size();
  const std::string_view name = field ? pattern.substr(0, arrow) : pattern;
  const std::string key = std::string(name.substr(0, star)) + element + std::string(name.substr(star + 1));
  const Entry* entry = ctx.db().find(key);
  if (entry == nullptr) return std::nullopt;
  if (field) {
    if (entry->type != Type::hash) return std::nullopt;
    const auto value = entry->value<HashValue>().get(pattern.substr(arrow + 2));
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  return entry->type == Type::string ? std::optional<std::string>(entry->string()) : std::nullopt;
}

bool collect(Context& ctx, const SortQuery& query, std::vector<Sortable>& elements) {
  const Entry* entry = ctx.db().find(ctx.arg(1));
  if (entry == nullptr) return true;
  const auto add = [&](std::string_view text) {
    elements.push_back({.element = std::string(text), .position = elements.size()});
  };
  if (entry->type == Type::list) {
    const auto& list = entry->value<ListValue>();
    auto cursor = list.locate(0);
    do add(list.get(cursor));
    while (list.advance(cursor));
  } else if (entry->type == Type::set) {
    entry->value<SetValue>().for_each(add);
  } else if (entry->type == Type::zset) {
    auto& zset = ctx.db().find_for_write(ctx.arg(1))->value<ZSetValue>();
    zset.use_large();  // Redis sorts from the large form, and keeps it.
    zset.for_each(0, zset.size(), query.dont_sort && query.descending, [&](const ScoredMember& m) { add(m.text()); });
  } else {
    return ctx.error(kWrongType);
  }
  return true;
}

bool load_weights(Context& ctx, const SortQuery& query, std::vector<Sortable>& elements) {
  for (Sortable& one : elements) {
    const auto value = query.by.empty() ? std::optional(one.element) : look_up(ctx, query.by, one.element);
    one.absent = !value;
    if (!value) continue;
    if (query.alpha) {
      one.text = *value;
    } else if (!value->empty() && !parse_redis_double(*value, one.number)) {  // "" counts as 0
      return ctx.error("ERR One or more scores can't be converted into double");
    }
  }
  return true;
}

void order(const SortQuery& query, std::vector<Sortable>& elements) {
  std::ranges::sort(elements, [&](const Sortable& a, const Sortable& b) {
    int compared = 0;
    if (query.alpha) {
      compared =
          a.absent || b.absent ? static_cast<int>(b.absent) - static_cast<int>(a.absent) : a.text.compare(b.text);
    } else {
      compared = a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
    }
    // Equal numbers are ordered by bytes, equal texts stay as they came.
    if (compared == 0 && !query.alpha) compared = a.element.compare(b.element);
    if (compared == 0) return a.position < b.position;
    return query.descending ? compared > 0 : compared < 0;
  });
}

void store_result(Context& ctx, const SortQuery& query, const std::vector<std::optional<std::string>>& values) {
  auto* list = counted_new<ListValue>();
  for (const auto& value : values) list->push_back(value ? std::string_view(*value) : std::string_view());
  const size_t size = list->size();
  const bool existed = ctx.db().exists(query.store);
  ctx.store(query.store, list);
  if (existed || size > 0) ctx.touched(query.store);
  ctx.reply.integer(static_cast<int64_t>(size));
}

void sort(Context& ctx, bool may_store) {
  SortQuery query;
  std::vector<Sortable> elements;
  if (!parse(ctx, may_store, query) || !collect(ctx, query, elements)) return;
  // A stored set must not depend on the hash table's order.
  const Entry* entry = ctx.db().find(ctx.arg(1));
  if (query.dont_sort && entry != nullptr && entry->type == Type::set && (query.storing || ctx.from_script)) {
    query.dont_sort = false;
    query.alpha = true;
    query.by = {};
  }
  if (!query.dont_sort) {
    if (!load_weights(ctx, query, elements)) return;
    order(query, elements);
  }
  const auto size = static_cast<int64_t>(elements.size());
  const int64_t start = std::clamp<int64_t>(query.offset, 0, size);
  const int64_t end = query.count < 0 ? size : std::min(size, start + std::min(query.count, size));
  std::vector<std::optional<std::string>> values;
  for (int64_t i = start; i < end; ++i) {
    const std::string& element = elements[static_cast<size_t>(i)].element;
    if (query.gets.empty()) values.emplace_back(element);
    for (const auto pattern : query.gets) values.push_back(look_up(ctx, pattern, element));
  }
  if (query.storing) return store_result(ctx, query, values);
  ctx.reply.array(values.size());
  for (const auto& value : values) {
    if (value) {
      ctx.reply.bulk(*value);
    } else {
      ctx.reply.null();
    }
  }
}

}  // namespace

void run_sort(Context& ctx) { sort(ctx, true); }
void run_sort_ro(Context& ctx) { sort(ctx, false); }

}  // namespace compozy::redis
