// SPDX-License-Identifier: Apache-2.0
//
// RemoteClient: Client on one Redis server over TCP or a unix socket. All calls share one pipelined connection, which
// reconnects by itself with growing pauses; a blocking command and each subscription have a connection of their own.
//
// A call that was not sent yet when the connection breaks is sent on the next one; one that was sent fails with
// Errc::closed, since nobody knows whether it took effect. While no connection can be made, calls fail with
// Errc::unavailable after one attempt.
//
// Owner: app. Thread: any, as Client says; the connections live on the loop that was given, which outlives the client.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/completion.hpp"
#include "io/loop.hpp"
#include "redis/client/client.hpp"
#include "redis/remote/link.hpp"

namespace compozy::redis {

class RemoteClient final : public Client {
 public:
  RemoteClient(io::Loop& loop, RemoteOptions options);
  ~RemoteClient() override;
  RemoteClient(const RemoteClient&) = delete;
  RemoteClient& operator=(const RemoteClient&) = delete;

  io::Task<Result<Reply>> command(Command args, Durability durability, std::stop_token stop = {}) override;
  io::Task<Result<std::vector<Reply>>> pipeline(std::vector<Command> commands, Durability durability) override;
  io::Task<Result<std::vector<Reply>>> transaction(std::vector<Command> commands, Durability durability) override;
  io::Task<Result<Reply>> script(const Script& script, std::vector<std::string> keys, std::vector<std::string> args,
                                 Durability durability) override;
  io::Task<Result<std::unique_ptr<Subscription>>> subscribe(std::vector<std::string> channels,
                                                            std::vector<std::string> patterns,
                                                            size_t buffer = 1024) override;

 private:
  struct State;

  static io::Task<void> run(std::shared_ptr<State> state);
  static io::Task<void> write_calls(std::shared_ptr<State> state, Link& link, std::stop_token stop);
  static io::Task<Result<void>> read_replies(std::shared_ptr<State> state, Link& link);
  static io::Task<void> run_alone(std::shared_ptr<State> state, Command args, std::stop_token stop,
                                  io::Completion<Result<std::vector<Reply>>> done);
  io::Task<Result<std::vector<Reply>>> submit(std::string bytes, size_t replies, std::stop_token stop);

  std::shared_ptr<State> state_;
};

}  // namespace compozy::redis
