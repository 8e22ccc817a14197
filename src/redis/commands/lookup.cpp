// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "redis/commands/row.hpp"
#include "redis/keyspace/set_value.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kSlots = 2048;
constexpr size_t kNameMax = 32;

struct Index {
  std::array<const Row*, kSlots> slots{};

  Index() {
    for (const auto& table : all_tables()) {
      for (const Row& row : table) insert(row);
    }
  }

  static uint64_t hash(std::string_view name, std::string_view parent) {
    return hash64(name, parent.empty() ? 0 : hash64(parent));
  }

  void insert(const Row& row) {
    uint64_t at = hash(row.name, row.parent) % kSlots;
    while (slots[at] != nullptr) at = (at + 1) % kSlots;
    slots[at] = &row;
  }

  const Row* find(std::string_view name, std::string_view parent) const {
    for (uint64_t at = hash(name, parent) % kSlots; slots[at] != nullptr; at = (at + 1) % kSlots) {
      if (slots[at]->name == name && slots[at]->parent == parent) return slots[at];
    }
    return nullptr;
  }
};

const Index& names() {
  static const Index index;
  return index;
}

// The rows of all tables, numbered in their order. Each command looks its number up, so it is found by the row's
// address, in a table that is so sparse that the first look nearly always hits.
struct Numbers {
  struct Place {
    const Row* row = nullptr;
    size_t id = 0;
  };
  std::vector<const Row*> rows;
  std::array<Place, kSlots> places{};

  Numbers() {
    for (const auto& table : all_tables()) {
      for (const Row& row : table) {
        size_t at = place_of(row);
        while (places[at].row != nullptr) at = (at + 1) % kSlots;
        places[at] = {.row = &row, .id = rows.size()};
        rows.push_back(&row);
      }
    }
    ASSERT(rows.size() * 2 < kSlots);
  }

  static size_t place_of(const Row& row) {
    constexpr uint64_t kSpread = 0x9e3779b97f4a7c15;
    return reinterpret_cast<uintptr_t>(&row) / alignof(Row) * kSpread >> 53;  // 11 bits: kSlots places
  }

  size_t id(const Row& row) const {
    for (size_t at = place_of(row); places[at].row != nullptr; at = (at + 1) % kSlots) {
      if (places[at].row == &row) return places[at].id;
    }
    ASSERT(false);  // a row of no table
    return 0;
  }
};

const Numbers& numbers() {
  static const Numbers all;
  return all;
}

std::string_view lower(std::string_view text, std::array<char, kNameMax>& buffer) {
  if (text.size() > kNameMax) return {};
  std::ranges::transform(text, buffer.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; });
  return {buffer.data(), text.size()};
}

}  // namespace

const Row* find_row(std::string_view name, std::string_view parent) { return names().find(name, parent); }

Found find_command(Args args) {
  std::array<char, kNameMax> buffer;
  Found found;
  found.row = names().find(lower(args[0], buffer), {});
  if (found.row == nullptr || args.size() < 2 || !is_container(*found.row)) return found;
  std::array<char, kNameMax> sub;
  found.subcommand = names().find(lower(args[1], sub), found.row->name);
  return found;
}

bool is_container(const Row& row) { return row.run == nullptr || row.name == "command"; }

std::vector<const Row*> subcommands_of(std::string_view parent) {
  std::vector<const Row*> rows;
  for (const auto& table : all_tables()) {
    for (const Row& row : table) {
      if (row.parent == parent) rows.push_back(&row);
    }
  }
  return rows;
}

namespace {

// Where the first key stands; 0 when the keyword before it is absent.
int64_t first_key(const KeySpec& spec, Args args) {
  if (spec.keyword.empty()) return spec.first;
  const auto count = static_cast<int64_t>(args.size());
  const int64_t step = spec.first < 0 ? -1 : 1;
  for (int64_t i = spec.first < 0 ? count + spec.first : spec.first; i > 0 && i + 1 < count; i += step) {
    if (equals_ignoring_case(args[static_cast<size_t>(i)], spec.keyword)) return i + 1;
  }
  return 0;
}

// What a command does with a key may depend on its options.
std::string_view flags_of(const Row& row, const KeySpec& spec, Args args) {
  if (spec.flags.find("variable_flags") == std::string_view::npos) return spec.flags;
  if (row.name == "set") {
    for (const std::string_view arg : args.subspan(3)) {
      if (equals_ignoring_case(arg, "get")) return "RW access update";
    }
    return "OW update";
  }
  for (size_t i = 2; i < args.size(); ++i) {
    if (!equals_ignoring_case(args[i], "get")) return "RW access update";
    i += 2;
  }
  return "RO access";
}

// The positions of one specification; false: the counts are wrong.
bool add_keys(const Row& row, const KeySpec& spec, Args args, std::vector<KeyUse>& uses) {
  const auto count = static_cast<int64_t>(args.size());
  int64_t first = first_key(spec, args);
  int64_t last = 0;
  if (first == 0) return true;
  if (spec.how == KeySpec::How::numkeys) {
    int64_t keys = 0;
    if (first >= count || !is_canonical_integer(args[static_cast<size_t>(first)], keys) || keys < 0 || keys > count)
      return false;
    first += spec.last;
    last = first + (keys - 1) * spec.step;
  } else {
    last = spec.last < 0 ? count + spec.last : first + spec.last;
    if (spec.limit > 1) last = first + (count - first) / spec.limit + spec.last;
  }
  if (last >= count) return false;
  const std::string_view flags = flags_of(row, spec, args);
  for (int64_t at = first; at <= last; at += spec.step) uses.push_back({static_cast<size_t>(at), flags});
  return true;
}

// KEYS ends the options; the words that follow AUTH and AUTH2 may be that word.
std::vector<KeyUse> keys_to_migrate(Args args) {
  constexpr std::string_view kFlags = "RW access delete";
  for (size_t i = 6; i < args.size(); ++i) {
    if (equals_ignoring_case(args[i], "keys")) {
      std::vector<KeyUse> uses;
      if (!args[3].empty()) return uses;  // a syntax error
      while (++i < args.size()) uses.push_back({i, kFlags});
      return uses;
    }
    i += equals_ignoring_case(args[i], "auth") ? 1 : equals_ignoring_case(args[i], "auth2") ? 2 : 0;
  }
  return {{3, kFlags}};
}

}  // namespace

std::vector<KeyUse> key_uses(const Row& row, Args args) {
  if (row.name == "migrate") return keys_to_migrate(args);
  std::vector<KeyUse> uses;
  for (const KeySpec& spec : row.keys) {
    if (spec.how == KeySpec::How::unknown) continue;
    if (spec.flags == "not_key" || spec.flags.find("incomplete") != std::string_view::npos) continue;
    if (!add_keys(row, spec, args, uses)) return {};
  }
  if (row.name == "sort") {
    // STORE may stand anywhere; the last one counts.
    size_t store = 0;
    for (size_t i = 2; i + 1 < args.size(); ++i) {
      if (equals_ignoring_case(args[i], "store")) store = i + 1;
    }
    if (store != 0) uses.push_back({store, "OW update"});
  }
  std::ranges::sort(uses, {}, &KeyUse::at);
  const auto rest = std::ranges::unique(uses, {}, &KeyUse::at);
  uses.erase(rest.begin(), rest.end());
  return uses;
}

std::vector<size_t> key_positions(const Row& row, Args args) {
  std::vector<size_t> positions;
  for (const KeyUse& use : key_uses(row, args)) positions.push_back(use.at);
  return positions;
}

size_t row_id(const Row& row) { return numbers().id(row); }

size_t row_count() { return numbers().rows.size(); }

const Row& row_at(size_t id) { return *numbers().rows[id]; }

std::string full_name(const Row& row) {
  return row.parent.empty() ? std::string(row.name) : std::string(row.parent) + "|" + std::string(row.name);
}

const Row* find_full_name(std::string_view text) {
  const std::string name = to_lower(text);
  const size_t bar = name.find('|');
  if (bar == std::string::npos) return find_row(name);
  return find_row(std::string_view(name).substr(bar + 1), std::string_view(name).substr(0, bar));
}

}  // namespace compozy::redis
