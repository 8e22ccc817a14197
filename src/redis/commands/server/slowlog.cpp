// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/server/slowlog.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace compozy::redis {

namespace {

constexpr size_t kArgsMax = 32;
constexpr size_t kArgBytesMax = 128;
constexpr size_t kSamplesMax = 160;
constexpr uint64_t kLinear = 256;  // values below it are exact
constexpr uint64_t kPerDoubling = kLinear / 2;
constexpr uint64_t kValueMax = 1'000'000'000;

}  // namespace

std::vector<std::string> SlowLog::shortened(Args args) {
  std::vector<std::string> shown;
  for (const std::string_view arg : args) {
    if (shown.size() == kArgsMax - 1 && args.size() > kArgsMax) {
      shown.push_back("... (" + std::to_string(args.size() - shown.size()) + " more arguments)");
      break;
    }
    std::string text(arg.substr(0, kArgBytesMax));
    if (arg.size() > kArgBytesMax) text += "... (" + std::to_string(arg.size() - kArgBytesMax) + " more bytes)";
    shown.push_back(std::move(text));
  }
  return shown;
}

void SlowLog::add(SlowLogEntry entry, int64_t entries_max) {
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  trim(entries_max);
}

void SlowLog::trim(int64_t entries_max) {
  while (static_cast<int64_t>(entries_.size()) > entries_max) entries_.pop_back();
}

void LatencyMonitor::add(std::string_view name, int64_t now_s, int64_t ms) {
  auto at = events_.find(name);
  if (at == events_.end()) at = events_.try_emplace(std::string(name)).first;
  Event& event = at->second;
  event.max_ms = std::max(event.max_ms, ms);
  if (!event.samples.empty() && event.samples.back().at_s == now_s) {
    event.samples.back().ms = std::max(event.samples.back().ms, ms);
    return;
  }
  event.samples.push_back({now_s, ms});
  if (event.samples.size() > kSamplesMax) event.samples.pop_front();
}

bool LatencyMonitor::reset(std::string_view name) {
  const auto at = events_.find(name);
  if (at == events_.end()) return false;
  events_.erase(at);
  return true;
}

size_t Histogram::slot_of(uint64_t value) {
  if (value < kLinear) return value;
  const auto doubling = static_cast<uint64_t>(std::bit_width(value) - std::bit_width(kLinear)) + 1;
  return kLinear + (doubling - 1) * kPerDoubling + (value >> doubling) - kPerDoubling;
}

uint64_t Histogram::highest_of(size_t slot) {
  if (slot < kLinear) return slot;
  const uint64_t doubling = (slot - kLinear) / kPerDoubling + 1;
  const uint64_t place = (slot - kLinear) % kPerDoubling + kPerDoubling;
  return ((place + 1) << doubling) - 1;
}

void Histogram::add(int64_t nanoseconds) {
  const uint64_t value = std::clamp<uint64_t>(static_cast<uint64_t>(std::max<int64_t>(1, nanoseconds)), 1, kValueMax);
  const size_t slot = slot_of(value);
  if (slot >= slots_.size()) slots_.resize(slot + 1);
  ++slots_[slot];
  ++count_;
}

double Histogram::percentile_us(double percent) const {
  const auto wanted =
      std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    seen += slots_[slot];
    if (seen >= wanted) return static_cast<double>(highest_of(slot)) / 1000;
  }
  return 0;
}

std::vector<std::pair<int64_t, uint64_t>> Histogram::powers_of_two_us() const {
  std::vector<std::pair<int64_t, uint64_t>> buckets;
  uint64_t limit_ns = 1024;
  uint64_t seen = 0;
  uint64_t told = 0;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] == 0) continue;
    while (highest_of(slot) > limit_ns) {
      if (seen > told) {
        buckets.emplace_back(limit_ns / 1000, seen);
        told = seen;
      }
      limit_ns *= 2;
    }
    seen += slots_[slot];
  }
  if (seen > told) buckets.emplace_back(limit_ns / 1000, seen);
  return buckets;
}

}  // namespace compozy::redis
