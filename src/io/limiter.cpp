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

size_t Limiter::Queue::size() const {
  size_t sum = 0;
  for (const auto& [priority, waiting] : classes_) sum += waiting.all.size();
  return sum;
}

Limiter::Ticket Limiter::Queue::first() const {
  const Class* chosen = nullptr;
  for (const auto& [priority, waiting] : classes_) {
    if (chosen == nullptr || *waiting.all.begin() < *chosen->all.begin()) chosen = &waiting;
  }
  return std::get<Place>(*chosen->turns.begin()).ticket;
}

void Limiter::Queue::insert(const Asked& asked, Ticket ticket) {
  const Place place{.rank = asked.demand.rank, .ticket = ticket};
  Class& among = classes_[asked.demand.priority];
  if (!among.all.insert(place).second) return;
  const auto [found, is_new] = among.groups.try_emplace(asked.demand.group);
  Group& group = found->second;
  if (is_new) {
    group.turn = among.turn;
  } else {
    among.turns.erase({group.turn, *group.waiting.begin(), &group});
  }
  group.waiting.insert(place);
  among.turns.insert({group.turn, *group.waiting.begin(), &group});
}

void Limiter::Queue::erase(const Asked& asked, Ticket ticket, bool had_its_turn) {
  const Place place{.rank = asked.demand.rank, .ticket = ticket};
  const auto at = classes_.find(asked.demand.priority);
  if (at == classes_.end() || at->second.all.erase(place) == 0) return;
  Class& among = at->second;
  const auto found = among.groups.find(asked.demand.group);
  Group& group = found->second;
  among.turns.erase({group.turn, *group.waiting.begin(), &group});
  group.waiting.erase(place);
  if (had_its_turn) {
    among.turn = group.turn;
    ++group.turn;
  }
  if (!group.waiting.empty()) {
    among.turns.insert({group.turn, *group.waiting.begin(), &group});
  } else {
    among.groups.erase(found);
  }
  if (among.all.empty()) classes_.erase(at);
}

Limiter::Ticket Limiter::ask(Demand demand, Granted granted) {
  if (keys_.size() >= drop_at_) drop_idle_keys();
  const Ticket ticket = ++last_ticket_;
  Asked& asked = asked_[ticket];
  asked.demand = std::move(demand);
  asked.granted = std::move(granted);
  try_grant(ticket, asked, nullptr);
  return ticket;
}

void Limiter::release(Ticket ticket) {
  const auto found = asked_.find(ticket);
  if (found == asked_.end()) return;
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  if (!asked.holds) {
    keys_[asked.held_back_by].waiting.erase(asked, ticket, false);
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

bool Limiter::try_grant(Ticket ticket, Asked& asked, const std::string* woken_by) {
  // Where some wait already, a newcomer waits for its turn as well.
  const auto has_earlier = [&](const std::string& name, const Key& key) {
    return (woken_by == nullptr || name != *woken_by) && !key.waiting.empty();
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
    if (key.waiting.first() == ticket) key.timer->start(wait / 1'000 + 1, [this, name = rate.key] { wake(name); });
    return false;
  }
  if (woken_by != nullptr) keys_[*woken_by].waiting.erase(asked, ticket, true);
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
  keys_[key].waiting.insert(asked, ticket);
}

// Lets those go that wait for this key, until it is full again or the first of them may not yet.
void Limiter::wake(const std::string& name) {
  while (true) {
    Key& key = keys_[name];
    if (key.waiting.empty()) return;
    const Ticket first = key.waiting.first();
    Asked& asked = asked_.at(first);
    if (try_grant(first, asked, &name)) continue;
    if (asked.held_back_by == name) return;
    keys_[name].waiting.erase(asked, first, false);  // it waits for another key now
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
