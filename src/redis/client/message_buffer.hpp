// SPDX-License-Identifier: Apache-2.0
//
// MessageBuffer: the bounded queue between whoever receives messages and the one who reads a Subscription. What does
// not fit is counted in a gap that stands where it would have stood. Thread: push(), lost() and close() any; next() on
// a loop, one caller at a time.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>

#include "io/completion.hpp"
#include "io/task.hpp"
#include "redis/client/client.hpp"

namespace compozy::redis {

class MessageBuffer {
 public:
  explicit MessageBuffer(size_t capacity) : capacity_(capacity) {}

  void push(Message message);
  void lost();  // the connection broke: nobody knows how much was missed
  void close();
  io::Task<Result<Message>> next(std::stop_token stop);

 private:
  void wake(std::optional<io::Event> waiter);
  std::optional<io::Event> take_waiter();

  const size_t capacity_;
  std::mutex mutex_;
  std::deque<Message> items_;
  std::optional<io::Event> waiter_;
  bool closed_ = false;
};

// A push or array of SUBSCRIBE's kind, as a message; nothing for confirmations.
std::optional<Message> message_of(Reply& reply);

}  // namespace compozy::redis
