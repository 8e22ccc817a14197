// SPDX-License-Identifier: Apache-2.0
#include "redis/client/message_buffer.hpp"

#include <utility>

namespace compozy::redis {

std::optional<io::Event> MessageBuffer::take_waiter() { return std::exchange(waiter_, std::nullopt); }

void MessageBuffer::wake(std::optional<io::Event> waiter) {
  if (waiter) waiter->set({});
}

void MessageBuffer::push(Message message) {
  std::optional<io::Event> waiter;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (items_.size() < capacity_) {
      items_.push_back(std::move(message));
    } else if (items_.back().kind == Message::Kind::gap && items_.back().missed > 0) {
      ++items_.back().missed;
    } else {
      items_.push_back({.kind = Message::Kind::gap, .missed = 1});
    }
    waiter = take_waiter();
  }
  wake(std::move(waiter));
}

void MessageBuffer::lost() {
  std::optional<io::Event> waiter;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    const bool marked = !items_.empty() && items_.back().kind == Message::Kind::gap && items_.back().missed == 0;
    if (!marked) items_.push_back({.kind = Message::Kind::gap});
    waiter = take_waiter();
  }
  wake(std::move(waiter));
}

void MessageBuffer::close() {
  std::optional<io::Event> waiter;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    items_.clear();
    waiter = take_waiter();
  }
  wake(std::move(waiter));
}

io::Task<Result<Message>> MessageBuffer::next(std::stop_token stop) {
  while (true) {
    io::Event arrived;
    {
      const std::lock_guard lock(mutex_);
      if (!items_.empty()) {
        Message message = std::move(items_.front());
        items_.pop_front();
        co_return message;
      }
      if (closed_) co_return fail(Errc::closed, "the subscription is closed");
      waiter_ = arrived;
    }
    CO_TRY(co_await arrived.wait(stop));
  }
}

std::optional<Message> message_of(Reply& reply) {
  auto& items = reply.items;
  if (items.size() == 3 && items[0].text == "message") {
    return Message{.channel = std::move(items[1].text), .payload = std::move(items[2].text)};
  }
  if (items.size() == 4 && items[0].text == "pmessage") {
    return Message{
        .channel = std::move(items[2].text), .pattern = std::move(items[1].text), .payload = std::move(items[3].text)};
  }
  return std::nullopt;
}

}  // namespace compozy::redis
