// SPDX-License-Identifier: Apache-2.0
//
// EmbeddedClient: Client on an Engine in this process. No socket; a command runs on the caller's thread under the gate
// and is answered at once. `durable` then waits for the log, suspended; `applied` does not.
//
// Owner: app. The engine outlives it; it outlives its calls and subscriptions. Thread: any, as Client says.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "redis/client/client.hpp"
#include "redis/engine/engine.hpp"

namespace compozy::redis {

class EmbeddedClient final : public Client {
 public:
  explicit EmbeddedClient(Engine& engine, size_t database = 0);
  ~EmbeddedClient() override;
  EmbeddedClient(const EmbeddedClient&) = delete;
  EmbeddedClient& operator=(const EmbeddedClient&) = delete;

  io::Task<Result<Reply>> command(Command args, Durability durability, std::stop_token stop = {}) override;
  io::Task<Result<std::vector<Reply>>> pipeline(std::vector<Command> commands, Durability durability) override;
  io::Task<Result<std::vector<Reply>>> transaction(std::vector<Command> commands, Durability durability) override;
  io::Task<Result<Reply>> script(const Script& script, std::vector<std::string> keys, std::vector<std::string> args,
                                 Durability durability) override;
  io::Task<Result<std::unique_ptr<Subscription>>> subscribe(std::vector<std::string> channels,
                                                            std::vector<std::string> patterns,
                                                            size_t buffer = 1024) override;

  // Without a coroutine, applied only. The string is copied into `out`; false: absent or not a string.
  bool get(std::string_view key, std::string& out) {
    const Engine::Hold hold(engine_);
    return engine_.get_string(database_, key, out);
  }
  // One command now; a blocking one answers as if its time were up.
  Result<Reply> run(Args args);

 private:
  class Call;
  class EmbeddedSubscription;

  std::unique_ptr<Call> lease();
  void give_back(std::unique_ptr<Call> call);
  io::Task<Result<void>> durable(Lsn lsn);

  Engine& engine_;
  size_t database_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Call>> idle_;  // sessions that were used and can be used again
};

}  // namespace compozy::redis
