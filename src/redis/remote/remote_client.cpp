// SPDX-License-Identifier: Apache-2.0
#include "redis/remote/remote_client.hpp"

#include <algorithm>
#include <array>
#include <deque>

#include "base/text.hpp"
#include "io/channel.hpp"
#include "io/completion.hpp"
#include "io/timer.hpp"
#include "observe/log.hpp"
#include "redis/remote/remote_subscription.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kWriteBatch = 256UL * 1024;

using Answer = Result<std::vector<Reply>>;

struct Call {
  std::string bytes;
  size_t missing = 0;
  std::vector<Reply> replies = {};
  io::Completion<Answer> done = {};
};

bool is_blocking(const Command& args) {
  constexpr std::array kNames{"blpop",    "brpop",    "blmove", "blmpop", "brpoplpush",
                              "bzpopmin", "bzpopmax", "bzmpop", "wait"};
  if (std::ranges::any_of(kNames, [&](const char* name) { return equals_ignoring_case(args[0], name); })) return true;
  const bool reads_stream = equals_ignoring_case(args[0], "xread") || equals_ignoring_case(args[0], "xreadgroup");
  return reads_stream && std::ranges::any_of(args, [](const auto& arg) { return equals_ignoring_case(arg, "block"); });
}

Error unavailable(const RemoteOptions& options, const Error& reason) {
  if (reason.code == Errc::unauthenticated || reason.code == Errc::permission_denied) return reason;
  return {.code = Errc::unavailable,
          .message = "the Redis at " + options.address() + " cannot be reached: " + reason.message};
}

}  // namespace

struct RemoteClient::State {
  State(io::Loop& l, RemoteOptions o) : loop(l), options(std::move(o)), queue(options.pending_max) {}

  io::Loop& loop;
  const RemoteOptions options;
  std::stop_source stop;
  io::Channel<Call> queue;  // not sent yet
  std::deque<Call> sent;    // on the loop alone

  void fail_queued(const Error& error) {
    while (auto call = queue.try_pop()) call->done.set(fail(error));
  }
  void fail_sent(const Error& error) {
    for (Call& call : sent) call.done.set(fail(error));
    sent.clear();
  }
};

RemoteClient::RemoteClient(io::Loop& loop, RemoteOptions options)
    : state_(std::make_shared<State>(loop, std::move(options))) {
  io::spawn(loop, run(state_));
}

RemoteClient::~RemoteClient() { state_->stop.request_stop(); }

io::Task<void> RemoteClient::run(std::shared_ptr<State> state) {
  const std::stop_token stop = state->stop.get_token();
  int64_t backoff_ms = state->options.backoff_min_ms;
  while (!stop.stop_requested()) {
    auto link = co_await Link::connect(state->loop, state->options, stop);
    if (!link) {
      if (stop.stop_requested()) break;
      const Error error = unavailable(state->options, link.error());
      log::debug("no connection to Redis", {{"reason", error.message}});
      state->fail_queued(error);
      if (!co_await io::sleep(state->loop, backoff_ms, stop)) break;
      backoff_ms = std::min(backoff_ms * 2, state->options.backoff_max_ms);
      continue;
    }
    backoff_ms = state->options.backoff_min_ms;
    io::TaskScope writer(state->loop);
    writer.spawn(write_calls(state, **link, writer.token()));
    const auto ended = co_await read_replies(state, **link);
    writer.stop();
    (*link)->close();
    co_await writer.join();
    const std::string reason = ended ? "closed" : ended.error().message;
    if (!state->sent.empty())
      log::warn("the connection to Redis broke under calls", {{"reason", reason}, {"calls", state->sent.size()}});
    state->fail_sent({.code = Errc::closed,
                      .message = "the connection to the Redis at " + state->options.address() +
                                 " broke before it answered: " + reason});
  }
  const Error closed{.code = Errc::closed, .message = "the Redis client is closed"};
  state->queue.close();
  state->fail_queued(closed);
  state->fail_sent(closed);
}

io::Task<void> RemoteClient::write_calls(std::shared_ptr<State> state, Link& link, std::stop_token stop) {
  while (true) {
    auto call = co_await state->queue.pop(stop);
    if (!call) co_return;
    std::string bytes;
    while (call) {
      bytes += call->bytes;
      call->bytes = {};
      state->sent.push_back(*std::move(call));
      if (bytes.size() >= kWriteBatch) break;
      call = state->queue.try_pop();
    }
    // The reader notices a broken connection, too, and fails what was sent.
    if (!co_await link.send(std::move(bytes), stop)) co_return link.close();
  }
}

io::Task<Result<void>> RemoteClient::read_replies(std::shared_ptr<State> state, Link& link) {
  while (true) {
    CO_TRY(Reply reply, co_await link.receive(state->stop.get_token()));
    if (reply.kind == Reply::Kind::push) continue;
    if (state->sent.empty()) co_return fail(Errc::parse_error, "Redis sent a reply that nobody asked for");
    Call& call = state->sent.front();
    call.replies.push_back(std::move(reply));
    if (--call.missing > 0) continue;
    call.done.set(std::move(call.replies));
    state->sent.pop_front();
  }
}

io::Task<Answer> RemoteClient::submit(std::string bytes, size_t replies, std::stop_token stop) {
  Call call{.bytes = std::move(bytes), .missing = replies};
  const auto done = call.done;
  switch (state_->queue.try_push(std::move(call))) {
    case io::Push::done: break;
    case io::Push::full:
      co_return fail(Errc::limit_exceeded, "more than " + std::to_string(state_->options.pending_max) +
                                               " calls wait for the Redis at " + state_->options.address());
    case io::Push::closed: co_return fail(Errc::closed, "the Redis client is closed");
  }
  co_return co_await done.wait(stop);
}

// On the client's loop, over a connection of its own, so that nobody else waits.
io::Task<void> RemoteClient::run_alone(std::shared_ptr<State> state, Command args, std::stop_token stop,
                                       io::Completion<Answer> done) {
  auto link = co_await Link::connect(state->loop, state->options, stop);
  if (!link) {
    done.set(fail(unavailable(state->options, link.error())));
    co_return;
  }
  auto reply = co_await (*link)->exchange(std::move(args), stop);
  (*link)->close();
  if (reply) {
    std::vector<Reply> replies;
    replies.push_back(*std::move(reply));
    done.set(std::move(replies));
  } else {
    done.set(fail(std::move(reply).error()));
  }
}

io::Task<Result<Reply>> RemoteClient::command(Command args, Durability, std::stop_token stop) {
  CO_TRY(check_shared_command(args));
  if (is_blocking(args)) {
    const io::Completion<Answer> done;
    io::spawn(state_->loop, run_alone(state_, std::move(args), stop, done));
    CO_TRY(auto replies, co_await done.wait());
    co_return std::move(replies.front());
  }
  std::string bytes;
  append_command(bytes, args);
  CO_TRY(auto replies, co_await submit(std::move(bytes), 1, stop));
  co_return std::move(replies.front());
}

io::Task<Answer> RemoteClient::pipeline(std::vector<Command> commands, Durability) {
  if (commands.empty()) co_return std::vector<Reply>{};
  std::string bytes;
  for (const Command& command : commands) {
    CO_TRY(check_shared_command(command));
    if (is_blocking(command)) co_return fail(Errc::unsupported, "a blocking Redis command cannot stand in a pipeline");
    append_command(bytes, command);
  }
  co_return co_await submit(std::move(bytes), commands.size(), {});
}

io::Task<Answer> RemoteClient::transaction(std::vector<Command> commands, Durability) {
  std::string bytes;
  append_command(bytes, std::array<std::string_view, 1>{"MULTI"});
  for (const Command& command : commands) {
    CO_TRY(check_shared_command(command));
    append_command(bytes, command);
  }
  append_command(bytes, std::array<std::string_view, 1>{"EXEC"});
  CO_TRY(auto replies, co_await submit(std::move(bytes), commands.size() + 2, {}));
  for (size_t i = 0; i + 1 < replies.size(); ++i) {
    if (replies[i].is_error()) co_return replies[i].to_failure();
  }
  co_return transaction_replies(std::move(replies.back()));
}

io::Task<Result<Reply>> RemoteClient::script(const Script& script, std::vector<std::string> keys,
                                             std::vector<std::string> args, Durability durability) {
  Command command{"EVALSHA", script.sha1, std::to_string(keys.size())};
  for (auto& key : keys) command.push_back(std::move(key));
  for (auto& arg : args) command.push_back(std::move(arg));
  CO_TRY(auto reply, co_await this->command(command, durability));
  if (reply.error_code() != "NOSCRIPT") co_return reply;
  command[0] = "EVAL";
  command[1] = script.source;
  co_return co_await this->command(std::move(command), durability);
}

io::Task<Result<std::unique_ptr<Subscription>>> RemoteClient::subscribe(std::vector<std::string> channels,
                                                                        std::vector<std::string> patterns,
                                                                        size_t buffer) {
  if (channels.empty() && patterns.empty())
    co_return fail(Errc::invalid_argument, "a subscription needs a channel or a pattern");
  auto subscription = std::make_unique<RemoteSubscription>(state_->loop, state_->options, std::move(channels),
                                                           std::move(patterns), buffer);
  CO_TRY(co_await subscription->ready());
  co_return subscription;
}

}  // namespace compozy::redis
