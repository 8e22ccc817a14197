// SPDX-License-Identifier: Apache-2.0
//
// Sprig's dictionary functions (masterminds.github.io/sprig/dicts.html). Dictionaries are values: `set` and its like
// answer a new one, which the runner puts into the variable that was their first argument.
#include <array>
#include <unordered_set>

#include "base/text.hpp"
#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"

namespace compozy::expression {
namespace {

using json::Array;
using json::Object;
using json::Value;

Result<Value> dict(CallScope&, Args args) {
  Object out;
  for (size_t i = 0; i < args.size(); i += 2) out.set(go_value(args[i]), i + 1 < args.size() ? args[i + 1] : Value(""));
  return Value(std::move(out));
}

Result<Value> get(CallScope&, Args args) {
  TRY(const Object* map, dict_argument(args[0]));
  const Value* found = map->find(go_value(args[1]));
  return found != nullptr ? *found : Value("");
}
Result<Value> set(CallScope&, Args args) {
  TRY(const Object* map, dict_argument(args[0]));
  Object out = *map;
  out.set(go_value(args[1]), args[2]);
  return Value(std::move(out));
}
Result<Value> unset(CallScope&, Args args) {
  TRY(const Object* map, dict_argument(args[0]));
  Object out = *map;
  out.erase(go_value(args[1]));
  return Value(std::move(out));
}
Result<Value> has_key(CallScope&, Args args) {
  if (args[0].is_null()) return Value(false);
  TRY(const Object* map, dict_argument(args[0]));
  return Value(map->contains(go_value(args[1])));
}
Result<Value> pluck(CallScope&, Args args) {
  Array out;
  for (const Value& arg : args.subspan(1)) {
    TRY(const Object* map, dict_argument(arg));
    if (const Value* found = map->find(go_value(args[0]))) out.push_back(*found);
  }
  return Value(std::move(out));
}
Result<Value> keys(CallScope&, Args args) {
  Array out;
  for (const Value& arg : args) {
    TRY(const Object* map, dict_argument(arg));
    for (std::string_view name : map->sorted_names()) out.emplace_back(name);
  }
  return Value(std::move(out));
}
Result<Value> values(CallScope&, Args args) {
  TRY(const Object* map, dict_argument(args[0]));
  Array out;
  for (std::string_view name : map->sorted_names()) out.push_back(*map->find(name));
  return Value(std::move(out));
}

// pick and omit take names, or lists of names.
void add_names(Args names, std::unordered_set<std::string_view>& out) {
  for (const Value& name : names) {
    if (name.is_array()) add_names(name.as_array(), out);
    if (name.is_string()) out.insert(name.as_string());
  }
}
Result<Value> named(Args args, bool wanted) {
  TRY(const Object* map, dict_argument(args[0]));
  std::unordered_set<std::string_view> names;
  add_names(args.subspan(1), names);
  Object out;
  for (const auto& [name, value] : *map) {
    if (names.contains(name) == wanted) out.set(name, value);
  }
  return Value(std::move(out));
}
Result<Value> pick(CallScope&, Args args) { return named(args, true); }
Result<Value> omit(CallScope&, Args args) { return named(args, false); }

Value merged(const Value& into, const Value& from, bool overwrite) {
  Value out = into;
  for (const auto& [name, value] : from.as_object()) {
    const Value* present = out.find(name);
    if (present != nullptr && present->is_object() && value.is_object()) {
      out.set(name, merged(*present, value, overwrite));
    } else if (present == nullptr || (overwrite ? is_truthy(value) : !is_truthy(*present))) {
      out.set(name, value);
    }
  }
  return out;
}
Result<Value> merge_all(Args args, bool overwrite) {
  Value out = args[0];
  for (const Value& arg : args) {
    TRY(dict_argument(arg));
  }
  for (const Value& arg : args.subspan(1)) out = merged(out, arg, overwrite);
  return out;
}
Result<Value> merge(CallScope&, Args args) { return merge_all(args, false); }
Result<Value> merge_overwrite(CallScope&, Args args) { return merge_all(args, true); }
Result<Value> deep_copy(CallScope&, Args args) { return args[0]; }
Result<Value> deep_equal(CallScope&, Args args) { return Value(args[0] == args[1]); }

// dig "a" "b" default map
Result<Value> dig(CallScope&, Args args) {
  const Value* at = &args.back();
  for (const Value& name : args.first(args.size() - 2)) {
    const Value* next = at->is_object() ? at->find(go_value(name)) : nullptr;
    if (next == nullptr) return args[args.size() - 2];
    at = next;
  }
  return *at;
}

constexpr std::array kFunctions{
    Function{"dict", 0, kAnyNumber, dict, kOpaque},
    Function{"get", 2, 2, get, kPart},
    Function{"set", 3, 3, set, kOpaque | kMutates},
    Function{"unset", 2, 2, unset, kMutates},
    Function{"hasKey", 2, 2, has_key, kLenient | kPart},
    Function{"pluck", 1, kAnyNumber, pluck},
    Function{"keys", 1, kAnyNumber, keys},
    Function{"values", 1, 1, values},
    Function{"pick", 1, kAnyNumber, pick},
    Function{"omit", 1, kAnyNumber, omit},
    Function{"merge", 1, kAnyNumber, merge, kMutates},
    Function{"mustMerge", 1, kAnyNumber, merge, kMutates},
    Function{"mergeOverwrite", 1, kAnyNumber, merge_overwrite, kMutates},
    Function{"mustMergeOverwrite", 1, kAnyNumber, merge_overwrite, kMutates},
    Function{"deepCopy", 1, 1, deep_copy, kOpaque},
    Function{"mustDeepCopy", 1, 1, deep_copy, kOpaque},
    Function{"deepEqual", 2, 2, deep_equal, kElements},
    Function{"dig", 3, kAnyNumber, dig, kLenient | kOpaque | kPart},
};

}  // namespace

std::span<const Function> dict_functions() { return kFunctions; }

}  // namespace compozy::expression
