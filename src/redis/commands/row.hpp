// SPDX-License-Identifier: Apache-2.0
//
// Row: one command. Dispatch, arity, COMMAND INFO and DOCS, key look-up, what a script or transaction may call, and
// docs/commands.md derive from it. Each family has a table of rows (<family>_table.cpp, data only) and its handlers.
// To add a command: one row, one handler declared in handlers.hpp.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/resp/request_parser.hpp"

namespace compozy::redis {

struct Context;
using Handler = void (*)(Context&);

// Command flags, under Redis' names.
enum Flag : uint32_t {
  kWrite = 1U << 0,
  kReadonly = 1U << 1,
  kDenyOom = 1U << 2,
  kAdmin = 1U << 3,
  kPubSub = 1U << 4,
  kNoScript = 1U << 5,
  kBlocking = 1U << 6,
  kLoading = 1U << 7,
  kStale = 1U << 8,
  kSkipMonitor = 1U << 9,
  kSkipSlowlog = 1U << 10,
  kFast = 1U << 11,
  kNoAuth = 1U << 12,
  kMayReplicate = 1U << 13,
  kNoMulti = 1U << 14,
  kMovableKeys = 1U << 15,
  kAllowBusy = 1U << 16,
  kNoAsyncLoading = 1U << 17,
  kNoMandatoryKeys = 1U << 18,
  kAsking = 1U << 19,
};

// ACL categories, under Redis' names.
enum Category : uint32_t {
  kAclKeyspace = 1U << 0,
  kAclRead = 1U << 1,
  kAclWrite = 1U << 2,
  kAclSet = 1U << 3,
  kAclSortedSet = 1U << 4,
  kAclList = 1U << 5,
  kAclHash = 1U << 6,
  kAclString = 1U << 7,
  kAclBitmap = 1U << 8,
  kAclHyperLogLog = 1U << 9,
  kAclGeo = 1U << 10,
  kAclStream = 1U << 11,
  kAclPubSub = 1U << 12,
  kAclAdmin = 1U << 13,
  kAclFast = 1U << 14,
  kAclSlow = 1U << 15,
  kAclBlocking = 1U << 16,
  kAclDangerous = 1U << 17,
  kAclConnection = 1U << 18,
  kAclTransaction = 1U << 19,
  kAclScripting = 1U << 20,
};

// Where keys stand: `range` from `first` to `last` (negative counts from the end) in steps, or a count at `first`
// (`numkeys`) followed by so many keys. With a keyword, `first` is where the search for it starts (negative: from the
// end backwards), and the keys follow it.
struct KeySpec {
  enum class How : uint8_t { range, numkeys, unknown };  // unknown: no rule tells, the command itself knows
  std::string_view flags;                                // as COMMAND INFO names them: "RW access update"
  How how = How::range;
  int first = 1;
  int last = 0;  // range: relative to first, or negative from the end; numkeys: how far the first key is from the count
  int step = 1;
  int limit = 0;  // 2: only the first half of what follows are keys
  std::string_view keyword = {};
};

struct Row {
  std::string_view name;    // lower case; a subcommand has its own name and its parent
  std::string_view parent;  // "" or the container's name
  std::string_view group;
  std::string_view since;
  int arity;  // negative: at least
  Handler run;
  std::string_view summary;
  std::string_view complexity;
  uint32_t flags;
  uint32_t acl;
  std::initializer_list<KeySpec> keys = {};

  bool has(Flag flag) const { return (flags & flag) != 0; }
  bool accepts(size_t argument_count) const {
    const auto count = static_cast<int>(argument_count);
    return arity >= 0 ? count == arity : count >= -arity;
  }
};

// The tables of all families, in one list.
std::span<const std::span<const Row>> all_tables();

// Finds a command by its first arguments, in any case. Sub is set for "config get": the subcommand's row.
struct Found {
  const Row* row = nullptr;  // the command, or the container
  const Row* subcommand = nullptr;
  const Row* effective() const { return subcommand != nullptr ? subcommand : row; }
};
Found find_command(Args args);
const Row* find_row(std::string_view name, std::string_view parent = {});
std::vector<const Row*> subcommands_of(std::string_view parent);
bool is_container(const Row& row);

// A number for each row, from 0 to row_count() - 1, for tables beside the rows.
size_t row_id(const Row& row);
size_t row_count();
const Row& row_at(size_t id);
std::string full_name(const Row& row);             // "config|get"
const Row* find_full_name(std::string_view name);  // the same backwards, in any case

// A key of a command: where it stands, and what the command does with it.
struct KeyUse {
  size_t at;
  std::string_view flags;  // of its KeySpec: "RW access update"
  bool reads() const { return flags.find("access") != std::string_view::npos; }
  bool writes() const {
    return flags.find("update") != std::string_view::npos || flags.find("insert") != std::string_view::npos ||
           flags.find("delete") != std::string_view::npos;
  }
};
// The keys in a command, in the order of the arguments; an empty result for wrong counts.
std::vector<KeyUse> key_uses(const Row& row, Args args);
std::vector<size_t> key_positions(const Row& row, Args args);

}  // namespace compozy::redis
