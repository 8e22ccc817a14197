// SPDX-License-Identifier: Apache-2.0
#include "observe/metrics.hpp"

#include <map>
#include <memory>
#include <mutex>

#include "base/text.hpp"

namespace compozy::metrics {

namespace {

struct Family {
  std::string help;
  std::string_view type;
  std::map<std::string, std::unique_ptr<Counter>, std::less<>> counters;
  std::map<std::string, std::unique_ptr<Gauge>, std::less<>> gauges;
  std::map<std::string, std::unique_ptr<Histogram>, std::less<>> histograms;
};

struct Registry {
  std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

template <class Metric>
Metric& find_or_make(std::map<std::string, std::unique_ptr<Metric>, std::less<>> Family::* member,
                     std::string_view type, std::string_view name, std::string_view help, std::string_view labels) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  Family& family = all.families[std::string(name)];
  family.help = help;
  family.type = type;
  auto& slot = (family.*member)[std::string(labels)];
  if (!slot) slot = std::make_unique<Metric>();
  return *slot;
}

std::string sample(std::string_view name, std::string_view labels, const std::string& value) {
  std::string line(name);
  if (!labels.empty()) line += '{' + std::string(labels) + '}';
  return line + ' ' + value + '\n';
}

}  // namespace

void Histogram::observe(double seconds) {
  size_t i = 0;
  while (i < kBounds.size() && seconds > kBounds[i]) ++i;
  buckets_[i].fetch_add(1, std::memory_order_relaxed);
  sum_us_.fetch_add(static_cast<uint64_t>(seconds * 1e6), std::memory_order_relaxed);
}

std::string Histogram::render(std::string_view name, std::string_view labels) const {
  const std::string separator = labels.empty() ? "" : ",";
  std::string text;
  uint64_t total = 0;
  for (size_t i = 0; i <= kBounds.size(); ++i) {
    total += buckets_[i].load(std::memory_order_relaxed);
    const std::string bound = i < kBounds.size() ? format_double(kBounds[i]) : "+Inf";
    text += sample(std::string(name) + "_bucket", std::string(labels) + separator + "le=\"" + bound + '"',
                   std::to_string(total));
  }
  text += sample(std::string(name) + "_sum", labels, format_double(static_cast<double>(sum_us_.load()) / 1e6));
  return text + sample(std::string(name) + "_count", labels, std::to_string(total));
}

Counter& counter(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_make(&Family::counters, "counter", name, help, labels);
}
Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_make(&Family::gauges, "gauge", name, help, labels);
}
Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels) {
  return find_or_make(&Family::histograms, "histogram", name, help, labels);
}

std::string render() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::string text;
  for (const auto& [name, family] : all.families) {
    text += "# HELP " + name + ' ' + family.help + "\n# TYPE " + name + ' ' + std::string(family.type) + '\n';
    for (const auto& [labels, metric] : family.counters) text += sample(name, labels, std::to_string(metric->value()));
    for (const auto& [labels, metric] : family.gauges) text += sample(name, labels, std::to_string(metric->value()));
    for (const auto& [labels, metric] : family.histograms) text += metric->render(name, labels);
  }
  return text;
}

}  // namespace compozy::metrics
