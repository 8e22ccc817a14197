// SPDX-License-Identifier: Apache-2.0
#include "io/limiter.hpp"

#include <algorithm>

#include "io/completion.hpp"

namespace compozy::io {

namespace {

int64_t interval_us(const RateDemand& rate) {
  return std::max<int64_t>(1, rate.period_ms * 1'000 / std::max<int64_t>(1, rate.limit));
}

}  // namespace

Limiter::Ticket Limiter::ask(Demand demand, Granted granted) {
  if (keys_.size() >= drop_at_) drop_idle_keys();
  const Ticket ticket = ++last_ticket_;
  Asked& asked = asked_[ticket];
  asked.demand = std::move(demand);
  asked.granted = std::move(granted);
  try_grant(ticket, asked, {});
  return ticket;
}

void Limiter::release(Ticket ticket) {
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return;
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  if (!asked.holds) {
    keys_[asked.held_back_by].waiting.erase({.rank = asked.demand.rank, .ticket = ticket});
    return wake(asked.held_back_by);
  }
  for (const SlotDemand& slot : asked.demand.slots) --keys_[slot.key].holders;
  for (const SlotDemand& slot : asked.demand.slots) wake(slot.key);
}

void Limiter::charge(const RateDemand& rate, int64_t cost) {
  Key& key = keys_[rate.key];
  key.paid_until_us = std::max(key.paid_until_us, clock_.monotonic_us()) + interval_us(rate) * cost;
}

bool Limiter::has_room(const SlotDemand& slot) const {
  const auto found = keys_.find(slot.key);
  return found == keys_.end() || (found->second.holders < slot.holders_max && found->second.waiting.empty());
}

size_t Limiter::waiting(const std::string& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? 0 : found->second.waiting.size();
}

bool Limiter::is_waiting(Ticket ticket) const {
  const auto found = asked_.find(ticket);
  return found != asked_.end() && !found->second.holds;
}

std::string Limiter::held_back_by(Ticket ticket) const {
  const auto found = asked_.find(ticket);
  return found == asked_.end() ? std::string() : found->second.held_back_by;
}

Task<Result<Limiter::Hold>> Limiter::enter(Demand demand, std::stop_token stop) {
  const Completion<bool> granted;
  Hold hold(*this, ask(std::move(demand), [granted](Ticket) { granted.set(true); }));
  CO_TRY(co_await granted.wait(std::move(stop)));
  co_return hold;
}

// How long until the rate allows what it asks; 0 = now.
int64_t Limiter::wait_us(const RateDemand& rate) const {
  const auto found = keys_.find(rate.key);
  if (found == keys_.end()) return 0;
  const int64_t now_us = clock_.monotonic_us();
  const int64_t burst = std::max(rate.burst, rate.cost);
  const int64_t paid_until_us = std::max(found->second.paid_until_us, now_us) + interval_us(rate) * rate.cost;
  return std::max<int64_t>(0, paid_until_us - interval_us(rate) * burst - now_us);
}

bool Limiter::try_grant(Ticket ticket, Asked& asked, const std::string& woken_by) {
  const Place place{.rank = asked.demand.rank, .ticket = ticket};
  const auto has_earlier = [&](const std::string& name, const Key& key) {
    return name != woken_by && !key.waiting.empty() && *key.waiting.begin() < place;
  };
  for (const SlotDemand& slot : asked.demand.slots) {
    const Key& key = keys_[slot.key];
    if (key.holders < slot.holders_max && !has_earlier(slot.key, key)) continue;
    hold_back(ticket, asked, slot.key);
    return false;
  }
  for (const RateDemand& rate : asked.demand.rates) {
    Key& key = keys_[rate.key];
    const int64_t wait = wait_us(rate);
    if (wait == 0 && !has_earlier(rate.key, key)) continue;
    hold_back(ticket, asked, rate.key);
    if (!key.timer) key.timer = std::make_unique<Timer>(loop_);
    if (*key.waiting.begin() == place) key.timer->start(wait / 1'000 + 1, [this, name = rate.key] { wake(name); });
    return false;
  }
  for (const SlotDemand& slot : asked.demand.slots) ++keys_[slot.key].holders;
  for (const RateDemand& rate : asked.demand.rates) charge(rate, rate.cost);
  asked.holds = true;
  asked.held_back_by.clear();
  const auto granted = std::move(asked.granted);
  granted(ticket);  // may release at once: `asked` is gone then
  return true;
}

void Limiter::hold_back(Ticket ticket, Asked& asked, const std::string& key) {
  asked.held_back_by = key;
  keys_[key].waiting.insert({.rank = asked.demand.rank, .ticket = ticket});
}

// Lets those go that wait for this key, until it is full again or the first of them may not yet.
void Limiter::wake(const std::string& name) {
  while (true) {
    Key& key = keys_[name];
    if (key.waiting.empty()) return;
    const Place first = *key.waiting.begin();
    key.waiting.erase(key.waiting.begin());
    Asked& asked = asked_.at(first.ticket);
    if (!try_grant(first.ticket, asked, name) && asked.held_back_by == name) return;
  }
}

void Limiter::drop_idle_keys() {
  const int64_t now_us = clock_.monotonic_us();
  std::erase_if(keys_, [&](const auto& entry) {
    const Key& key = entry.second;
    return key.holders == 0 && key.waiting.empty() && key.paid_until_us <= now_us;
  });
  drop_at_ = std::max<size_t>(1'024, 2 * keys_.size());
}

}  // namespace compozy::io
