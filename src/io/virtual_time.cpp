// SPDX-License-Identifier: Apache-2.0
#include "io/virtual_time.hpp"

#include <algorithm>

namespace compozy::io {

VirtualTime::Ticket VirtualTime::call_in(int64_t us, std::move_only_function<void()> call) {
  const Ticket ticket{.due_us = now_us_ + std::max<int64_t>(0, us), .n = ++last_};
  calls_.emplace(ticket, std::move(call));
  return ticket;
}

bool VirtualTime::leap() {
  if (calls_.empty()) return false;
  auto first = calls_.extract(calls_.begin());
  now_us_ = first.key().due_us;
  first.mapped()();
  return true;
}

}  // namespace compozy::io
