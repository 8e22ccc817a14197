// SPDX-License-Identifier: Apache-2.0
//
// Sprig's list functions (masterminds.github.io/sprig/lists.html). Lists are values: every function answers a new one.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"

namespace compozy::expression {
namespace {

using json::Array;
using json::Value;

constexpr int64_t kListMax = 1'000'000;

Result<Value> list(CallScope&, Args args) { return Value(Array(args.begin(), args.end())); }

Result<Value> first(CallScope&, Args args) {
  if (args[0].is_string()) return Value(args[0].as_string().substr(0, 1));
  TRY(const Array* items, list_argument(args[0]));
  return items->empty() ? Value() : items->front();
}
Result<Value> last(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  return items->empty() ? Value() : items->back();
}
Result<Value> rest(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  return Value(items->empty() ? Array() : Array(items->begin() + 1, items->end()));
}
Result<Value> initial(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  return Value(items->empty() ? Array() : Array(items->begin(), items->end() - 1));
}
Result<Value> append(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  Array out = *items;
  out.push_back(args[1]);
  return Value(std::move(out));
}
Result<Value> prepend(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  Array out{args[1]};
  out.insert(out.end(), items->begin(), items->end());
  return Value(std::move(out));
}
Result<Value> concat(CallScope&, Args args) {
  Array out;
  for (const Value& arg : args) {
    TRY(const Array* items, list_argument(arg));
    if (out.size() + items->size() > kListMax) return fail(Errc::too_large, "a list may hold 1000000 elements");
    out.insert(out.end(), items->begin(), items->end());
  }
  return Value(std::move(out));
}
Result<Value> reverse(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  return Value(Array(items->rbegin(), items->rend()));
}

bool holds(const Array& items, const Value& wanted) { return std::ranges::find(items, wanted) != items.end(); }

// Equal values have equal hashes: 1 and 1.0, and maps whatever their order.
size_t hash_of(const Value& value) {
  constexpr size_t kMix = 0x9e3779b97f4a7c15;
  size_t hash = 0;
  if (value.is_number()) return std::hash<double>{}(value.as_double());
  if (value.is_bool()) return value.as_bool() ? 1 : 2;
  if (value.is_string()) return std::hash<std::string>{}(value.as_string());
  if (value.is_array()) {
    for (const Value& item : value.as_array()) hash = (hash + hash_of(item)) * kMix;
  } else if (value.is_object()) {
    for (const auto& [name, member] : value.as_object())
      hash += (std::hash<std::string>{}(name) ^ hash_of(member)) * kMix;
  }
  return hash;
}

Result<Value> uniq(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  Array out;
  std::unordered_multimap<size_t, size_t> seen;  // hash to position in `out`
  for (const Value& item : *items) {
    const size_t hash = hash_of(item);
    const auto [first, last] = seen.equal_range(hash);
    const bool known = std::any_of(first, last, [&](const auto& entry) { return out[entry.second] == item; });
    if (known) continue;
    seen.emplace(hash, out.size());
    out.push_back(item);
  }
  return Value(std::move(out));
}
Result<Value> without(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  Array out;
  for (const Value& item : *items) {
    if (std::ranges::find(args.subspan(1), item) == args.end()) out.push_back(item);
  }
  return Value(std::move(out));
}
Result<Value> has(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[1]));
  return Value(holds(*items, args[0]));
}
Result<Value> compact(CallScope&, Args args) {
  TRY(const Array* items, list_argument(args[0]));
  Array out;
  std::ranges::copy_if(*items, std::back_inserter(out), is_truthy);
  return Value(std::move(out));
}
Result<Value> sort_alpha(CallScope&, Args args) {
  if (!args[0].is_array()) return Value(Array{Value(go_value(args[0]))});
  std::vector<std::string> texts;
  for (const Value& item : args[0].as_array()) texts.push_back(go_value(item));
  std::ranges::sort(texts);
  Array out;
  for (std::string& text : texts) out.emplace_back(std::move(text));
  return Value(std::move(out));
}
Result<Value> chunk(CallScope&, Args args) {
  TRY(int64_t size, integer_argument(args[0]));
  TRY(const Array* items, list_argument(args[1]));
  if (size < 1) return fail(Errc::invalid_argument, "the size of a chunk must be at least 1");
  Array out;
  for (size_t at = 0; at < items->size(); at += static_cast<size_t>(size)) {
    const size_t end = std::min(items->size(), at + static_cast<size_t>(size));
    out.emplace_back(Array(items->begin() + static_cast<ptrdiff_t>(at), items->begin() + static_cast<ptrdiff_t>(end)));
  }
  return Value(std::move(out));
}

Result<Value> count_up(int64_t from, int64_t to, int64_t step) {
  Array out;
  if (step == 0 || (to - from > 0) != (step > 0)) return Value(std::move(out));
  if ((to - from) / step > kListMax) return fail(Errc::too_large, "a list may hold 1000000 elements");
  for (int64_t i = from; step > 0 ? i < to : i > to; i += step) out.emplace_back(i);
  return Value(std::move(out));
}
Result<Value> until(CallScope&, Args args) {
  TRY(int64_t to, integer_argument(args[0]));
  return count_up(0, std::clamp(to, -2 * kListMax, 2 * kListMax), to < 0 ? -1 : 1);
}
Result<Value> until_step(CallScope&, Args args) {
  TRY(int64_t from, integer_argument(args[0]));
  TRY(int64_t to, integer_argument(args[1]));
  TRY(int64_t step, integer_argument(args[2]));
  constexpr int64_t kFar = int64_t{1} << 60;
  if (std::abs(from) > kFar || std::abs(to) > kFar) return fail(Errc::invalid_argument, "the range is too large");
  return count_up(from, to, step);
}
Result<Value> seq(CallScope&, Args args) {
  std::array<int64_t, 3> numbers{1, 1, 1};
  for (size_t i = 0; i < args.size(); ++i) {
    TRY(numbers[i], integer_argument(args[i]));
  }
  int64_t from = 1, step = 0, to = numbers[0];
  if (args.size() == 2) from = numbers[0], to = numbers[1];
  if (args.size() == 3) from = numbers[0], step = numbers[1], to = numbers[2];
  if (step == 0) step = from <= to ? 1 : -1;
  constexpr int64_t kFar = int64_t{1} << 60;
  if (std::abs(from) > kFar || std::abs(to) > kFar) return fail(Errc::invalid_argument, "the range is too large");
  TRY(Value items, count_up(from, step > 0 ? to + 1 : to - 1, step));
  std::string out;
  for (const Value& item : items.as_array()) out += (out.empty() ? "" : " ") + go_value(item);
  return Value(std::move(out));
}

constexpr std::array kFunctions{
    Function{"list", 0, kAnyNumber, list, kOpaque},
    Function{"tuple", 0, kAnyNumber, list, kOpaque},
    Function{"first", 1, 1, first, kPart},
    Function{"mustFirst", 1, 1, first, kPart},
    Function{"last", 1, 1, last, kPart},
    Function{"mustLast", 1, 1, last, kPart},
    Function{"rest", 1, 1, rest},
    Function{"mustRest", 1, 1, rest},
    Function{"initial", 1, 1, initial},
    Function{"mustInitial", 1, 1, initial},
    Function{"append", 2, 2, append, kOpaque},
    Function{"push", 2, 2, append, kOpaque},
    Function{"mustAppend", 2, 2, append, kOpaque},
    Function{"mustPush", 2, 2, append, kOpaque},
    Function{"prepend", 2, 2, prepend, kOpaque},
    Function{"mustPrepend", 2, 2, prepend, kOpaque},
    Function{"concat", 0, kAnyNumber, concat, kOpaque},
    Function{"reverse", 1, 1, reverse},
    Function{"mustReverse", 1, 1, reverse},
    Function{"uniq", 1, 1, uniq, kElements},
    Function{"mustUniq", 1, 1, uniq, kElements},
    Function{"without", 1, kAnyNumber, without, kElements},
    Function{"mustWithout", 1, kAnyNumber, without, kElements},
    Function{"has", 2, 2, has, kElements},
    Function{"mustHas", 2, 2, has, kElements},
    Function{"compact", 1, 1, compact},
    Function{"mustCompact", 1, 1, compact},
    Function{"sortAlpha", 1, 1, sort_alpha, kElements},
    Function{"chunk", 2, 2, chunk},
    Function{"mustChunk", 2, 2, chunk},
    Function{"until", 1, 1, until},
    Function{"untilStep", 3, 3, until_step},
    Function{"seq", 1, 3, seq},
};

}  // namespace

std::span<const Function> list_functions() { return kFunctions; }

}  // namespace compozy::expression
