// SPDX-License-Identifier: Apache-2.0
//
// SlowLog: the commands that took long, newest first. LatencyMonitor: delays by kind of event, one sample a second.
// Histogram: durations of a command's calls, exact to 1 %, in at most 12 KB.
//
// Owner: ServerState. Thread: whoever holds the gate.
// Source: redis.io/commands/slowlog-get, redis.io/docs/management/optimization/latency-monitor.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "redis/resp/request_parser.hpp"

namespace compozy::redis {

struct SlowLogEntry {
  uint64_t id;
  int64_t at_s;
  int64_t duration_us;
  std::vector<std::string> args;  // at most 32, of at most 128 bytes
  std::string address;
  std::string client_name;
};

class SlowLog {
 public:
  void add(SlowLogEntry entry, int64_t entries_max);
  void trim(int64_t entries_max);
  void clear() { entries_.clear(); }
  const std::deque<SlowLogEntry>& entries() const { return entries_; }
  static std::vector<std::string> shortened(Args args);

 private:
  std::deque<SlowLogEntry> entries_;
  uint64_t next_id_ = 0;
};

class LatencyMonitor {
 public:
  struct Sample {
    int64_t at_s;
    int64_t ms;
  };
  struct Event {
    std::deque<Sample> samples;  // at most 160, oldest first
    int64_t max_ms = 0;
  };
  void add(std::string_view event, int64_t now_s, int64_t ms);
  size_t reset() {
    const size_t count = events_.size();
    events_.clear();
    return count;
  }
  bool reset(std::string_view event);
  const std::map<std::string, Event, std::less<>>& events() const { return events_; }

 private:
  std::map<std::string, Event, std::less<>> events_;
};

class Histogram {
 public:
  void add(int64_t nanoseconds);
  uint64_t count() const { return count_; }
  // The smallest recorded value that at least this share of the calls does not exceed.
  double percentile_us(double percent) const;
  // How many calls took at most 1, 2, 4 … µs: pairs, from the first that is not empty to the one that counts them all.
  std::vector<std::pair<int64_t, uint64_t>> powers_of_two_us() const;

 private:
  // Values below 256 ns have a slot each; above, each doubling has 128 of them.
  static size_t slot_of(uint64_t value);
  static uint64_t highest_of(size_t slot);

  std::vector<uint32_t> slots_;
  uint64_t count_ = 0;
};

// What INFO commandstats and latencystats know of one command.
struct CommandStats {
  uint64_t calls = 0;
  uint64_t us = 0;
  uint64_t rejected = 0;
  uint64_t failed = 0;
  Histogram durations;
};

}  // namespace compozy::redis
