// SPDX-License-Identifier: Apache-2.0
//
// RemoteSubscription: a connection that only listens. When it breaks it is made anew and a gap tells the reader.
// Owner: whoever subscribed. Thread: next() on any loop; the connection lives on the client's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/completion.hpp"
#include "redis/client/client.hpp"
#include "redis/client/message_buffer.hpp"
#include "redis/remote/link.hpp"

namespace compozy::redis {

class RemoteSubscription final : public Subscription {
 public:
  RemoteSubscription(io::Loop& loop, RemoteOptions options, std::vector<std::string> channels,
                     std::vector<std::string> patterns, size_t buffer);
  ~RemoteSubscription() override { close(); }
  RemoteSubscription(const RemoteSubscription&) = delete;
  RemoteSubscription& operator=(const RemoteSubscription&) = delete;

  // Waits until the server has confirmed, or the first connection has failed.
  io::Task<Result<void>> ready();
  io::Task<Result<Message>> next(std::stop_token stop) override;
  void close() override;

 private:
  struct State {
    State(io::Loop& l, size_t capacity) : loop(l), buffer(capacity) {}
    io::Loop& loop;
    RemoteOptions options;
    std::vector<std::string> channels;
    std::vector<std::string> patterns;
    MessageBuffer buffer;
    std::stop_source stop;
    io::Completion<Result<void>> ready;
  };

  static io::Task<void> run(std::shared_ptr<State> state);
  static io::Task<Result<void>> listen(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace compozy::redis
