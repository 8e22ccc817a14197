// SPDX-License-Identifier: Apache-2.0
//
// Limiter: who may go now. A demand names slots (so many holders of a key at once) and rates (so many grants of a key
// in a period); it is granted once every key that it names has room, all at once, so two demands never wait for each
// other. A key that is full holds back only those that name it.
//
//   order   within each key: of the priorities that wait, the one whose first has the lowest rank; within a priority
//           the groups take turns, so that one with thousands waiting holds up no other; within a group by rank, then
//           by arrival
//   rates   the generic cell rate algorithm (ITU-T I.371): `burst` grants at once, then one each period/limit. What a
//           grant really cost may be charged afterwards; the key then stays shut until that is paid off
//
// `granted` is called with the ticket from within ask(), or later from release() or a timer. What is held is known to
// this process alone: after a restart every key is empty. Limits: none of its own; keys that hold nothing are dropped.
// Thread: the loop.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "io/timer.hpp"

namespace compozy::io {

struct SlotDemand {
  std::string key;
  int64_t holders_max = 1;
};

struct RateDemand {
  std::string key;
  int64_t limit = 1;  // in a period
  int64_t period_ms = 1'000;
  int64_t burst = 1;
  int64_t cost = 1;  // 0: only what is charged afterwards counts
};

struct Demand {
  std::vector<SlotDemand> slots;
  std::vector<RateDemand> rates;
  int64_t rank = 0;  // lower goes first
  int64_t priority = 0;
  std::string group = {};
};

class Limiter {
 public:
  using Ticket = uint64_t;
  using Granted = std::function<void(Ticket)>;

  Limiter(Loop& loop, const Clock& clock) : loop_(loop), clock_(clock) {}

  Ticket ask(Demand demand, Granted granted);
  void release(Ticket ticket);  // gives back what is held, or stops waiting; once
  void charge(const RateDemand& rate, int64_t cost);

  bool has_room(const SlotDemand& slot) const;
  size_t waiting(const std::string& key) const;
  bool is_waiting(Ticket ticket) const;
  std::string held_back_by(Ticket ticket) const;  // the key that a waiting one needs

  // What is held until it is destroyed.
  class Hold {
   public:
    Hold() = default;
    Hold(Limiter& limiter, Ticket ticket) : limiter_(&limiter), ticket_(ticket) {}
    Hold(Hold&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)), ticket_(other.ticket_) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(limiter_, other.limiter_);
      std::swap(ticket_, other.ticket_);
      return *this;
    }
    ~Hold() {
      if (limiter_ != nullptr) limiter_->release(ticket_);
    }

   private:
    Limiter* limiter_ = nullptr;
    Ticket ticket_ = 0;
  };
  // Errc::cancelled when a stop is requested first.
  Task<Result<Hold>> enter(Demand demand, std::stop_token stop);

 private:
  struct Asked {
    Demand demand;
    Granted granted;
    std::string held_back_by;
    bool holds = false;
  };
  struct Place {
    int64_t rank = 0;
    Ticket ticket = 0;
    auto operator<=>(const Place&) const = default;
  };
  // Who waits for one key. A group's turn is a number: the lowest goes, and comes again after those that wait now.
  class Queue {
   public:
    bool empty() const { return classes_.empty(); }
    size_t size() const;
    Ticket first() const;
    void insert(const Asked& asked, Ticket ticket);
    void erase(const Asked& asked, Ticket ticket, bool had_its_turn);

   private:
    struct Group {
      uint64_t turn = 0;
      std::set<Place> waiting;
    };
    struct Class {  // those of one priority
      uint64_t turn = 0;
      std::set<Place> all;
      std::map<std::string, Group, std::less<>> groups;
      std::set<std::tuple<uint64_t, Place, const Group*>> turns;  // of each group, by its first
    };
    std::map<int64_t, Class> classes_;
  };
  struct Key {
    int64_t holders = 0;
    int64_t paid_until_us = 0;  // the theoretical arrival time of the next grant
    Queue waiting;
    std::unique_ptr<Timer> timer;
  };

  bool try_grant(Ticket ticket, Asked& asked, const std::string* woken_by);
  void hold_back(Ticket ticket, Asked& asked, const std::string& key);
  void wake(const std::string& key);
  int64_t wait_us(const RateDemand& rate) const;
  void drop_idle_keys();

  Loop& loop_;
  const Clock& clock_;
  Ticket last_ticket_ = 0;
  size_t drop_at_ = 1'024;
  std::unordered_map<std::string, Key> keys_;
  std::unordered_map<Ticket, Asked> asked_;
};

}  // namespace compozy::io
