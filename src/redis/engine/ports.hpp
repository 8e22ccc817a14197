// SPDX-License-Identifier: Apache-2.0
//
// What the engine needs from whoever keeps its data: a sink for effects, called under the gate, and persistence, which
// says what is durable. redis/persist implements both; without them the engine lives in memory only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace compozy::redis {

// A place in the log: how many bytes had been appended since the log was opened. 0 is before everything.
using Lsn = uint64_t;

// One unit as it stands in the log and in what a replica gets: `several` commands are one transaction. The SELECT that
// leads to its database comes before it.
inline void append_unit(std::string& out, std::string_view commands, bool several) {
  constexpr std::string_view kSelect = "*2\r\n$6\r\nSELECT\r\n";
  if (several && commands.starts_with(kSelect)) {
    const size_t end = commands.find("\r\n", commands.find("\r\n", kSelect.size()) + 2) + 2;
    out += commands.substr(0, end);
    commands.remove_prefix(end);
  }
  if (several) out += "*1\r\n$5\r\nMULTI\r\n";
  out += commands;
  if (several) out += "*1\r\n$4\r\nEXEC\r\n";
}

class EffectSink {
 public:
  virtual ~EffectSink() = default;
  // One unit's commands in command form; `several` of them are one transaction. Under the gate; never waits.
  virtual Lsn append(std::string_view commands, bool several) = 0;
};

class Persistence {
 public:
  virtual ~Persistence() = default;
  virtual Lsn durable_lsn() const = 0;  // any thread
  // Empty, or why writes are refused now: "MISCONF …". Under the gate, before a write is executed.
  virtual std::string refusal() = 0;
  // Writes what is pending and makes it durable up to `lsn`; blocks. Any thread, outside the gate.
  virtual Result<void> commit(Lsn lsn) = 0;
  // The same on the log's own thread; `done` is called there.
  virtual void commit_later(Lsn lsn, std::function<void(Result<void>)> done) = 0;
  // What the fsync policy asks for at the end of a turn: `always` commits, the others only write.
  virtual Result<void> end_turn(Lsn lsn) = 0;
  virtual bool replies_wait() const = 0;  // policy `always`
  // Under the gate: BGREWRITEAOF. It starts at once, or as soon as it can: after a save that goes on, and, when `later`
  // says so, after the unit that runs.
  struct Rewrite {
    std::string refused;  // the error reply; empty: it will be
    bool scheduled = false;
  };
  virtual Rewrite rewrite(bool later) = 0;
  // Under the gate: writes what is pending, empties the keyspace and fills it from the log.
  virtual Result<void> reload() = 0;
  virtual std::vector<std::pair<std::string, std::string>> info() const = 0;
  // A slice of background work under the gate (the walk of a rewrite), at most `budget_us`.
  virtual void work(int64_t budget_us) = 0;
};

}  // namespace compozy::redis
