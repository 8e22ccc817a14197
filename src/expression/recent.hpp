// SPDX-License-Identifier: Apache-2.0
//
// Recent: the most recently used values of a function from texts, at most `max` of them. Any thread. Private to
// expression/.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/result.hpp"

namespace compozy::expression {

template <class V>
class Recent {
 public:
  explicit Recent(size_t max) : max_(max) {}

  // The value under `key`, or what `make` gives; errors are not kept.
  template <class Make>
  Result<V> get(std::string_view key, Make make) {
    {
      const std::lock_guard lock(mutex_);
      if (auto found = index_.find(key); found != index_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return found->second->second;
      }
    }
    TRY(V made, make());
    const std::lock_guard lock(mutex_);
    if (index_.contains(key)) return made;
    entries_.emplace_front(std::string(key), made);
    index_.emplace(entries_.front().first, entries_.begin());
    if (entries_.size() > max_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    return made;
  }

 private:
  using Entries = std::list<std::pair<std::string, V>>;
  size_t max_;
  std::mutex mutex_;
  Entries entries_;
  std::unordered_map<std::string_view, typename Entries::iterator> index_;  // keys live in entries_
};

}  // namespace compozy::expression
