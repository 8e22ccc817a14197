// SPDX-License-Identifier: Apache-2.0
#include "store/channels.hpp"

#include <algorithm>
#include <utility>

namespace compozy::store {

namespace {

using redis::Durability;
using Subscribed = Result<std::unique_ptr<redis::Subscription>>;

}  // namespace

io::Task<Result<int64_t>> Channels::publish(std::string channel, std::string payload) {
  if (channel.empty()) co_return fail(Errc::invalid_argument, "the name of the channel is empty");
  CO_TRY(auto reply,
         co_await client_.command({"PUBLISH", std::move(channel), std::move(payload)}, Durability::applied));
  co_return reply.as_integer();
}

io::Task<Result<int64_t>> Channels::publish_workflow_event(std::string run, std::string payload) {
  co_return co_await publish("workflow:" + run, std::move(payload));
}

io::Task<Result<int64_t>> Channels::publish_task_event(std::string task, std::string run, std::string payload) {
  std::vector<redis::Command> commands{{"PUBLISH", "task:" + task, payload}};
  if (!run.empty()) commands.push_back({"PUBLISH", "workflow:" + run, std::move(payload)});
  CO_TRY(auto replies, co_await client_.transaction(std::move(commands), Durability::applied));
  int64_t receivers = 0;
  for (const auto& reply : replies) {
    CO_TRY(const int64_t some, reply.as_integer());
    receivers += some;
  }
  co_return receivers;
}

io::Task<Subscribed> Channels::subscribe(std::vector<std::string> channels, std::vector<std::string> patterns,
                                         size_t buffer) {
  const auto is_empty = [](const std::string& name) { return name.empty(); };
  if (std::ranges::any_of(channels, is_empty) || std::ranges::any_of(patterns, is_empty)) {
    co_return fail(Errc::invalid_argument, "the name of a channel to listen to is empty");
  }
  co_return co_await client_.subscribe(std::move(channels), std::move(patterns), buffer);
}

io::Task<Subscribed> Channels::subscribe_workflow(std::string run, size_t buffer) {
  co_return co_await subscribe({"workflow:" + run}, {}, buffer);
}

io::Task<Subscribed> Channels::subscribe_all_workflows(size_t buffer) {
  co_return co_await subscribe({}, {"workflow:*"}, buffer);
}

io::Task<Subscribed> Channels::subscribe_task(std::string task, size_t buffer) {
  co_return co_await subscribe({"task:" + task}, {}, buffer);
}

}  // namespace compozy::store
