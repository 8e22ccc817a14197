// SPDX-License-Identifier: Apache-2.0
//
// Metrics: counters, gauges and histograms in Prometheus' text format
// (prometheus.io/docs/instrumenting/exposition_formats).
//
// A metric is a function-local static: `static auto& runs = metrics::counter("compozy_runs_started_total", "Runs
// started.");` The registry owns it for the life of the process; adding is one atomic add. Labels are fixed at
// registration and must be bounded: never an id, a key or an address. Thread: any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace compozy::metrics {

class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Durations in seconds, from 100 µs to three hours.
class Histogram {
 public:
  static constexpr std::array kBounds{0.0001, 0.0005, 0.001, 0.005, 0.01,  0.05,   0.1,    0.5,
                                      1.0,    5.0,    10.0,  60.0,  300.0, 1800.0, 10800.0};
  void observe(double seconds);
  std::string render(std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<uint64_t> sum_us_{0};
};

// `labels` as they stand between the braces: `mode="standalone"`. The same name and labels give the same metric.
Counter& counter(std::string_view name, std::string_view help, std::string_view labels = {});
Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels = {});
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels = {});

std::string render();  // the whole exposition, sorted by name

}  // namespace compozy::metrics
