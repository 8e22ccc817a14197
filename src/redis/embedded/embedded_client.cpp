// SPDX-License-Identifier: Apache-2.0
#include "redis/embedded/embedded_client.hpp"

#include <utility>

#include "io/completion.hpp"
#include "redis/client/message_buffer.hpp"
#include "redis/resp/reply_parser.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kIdleSessionsMax = 64;

std::vector<std::string_view> views(const Command& args) { return {args.begin(), args.end()}; }

Result<std::vector<Reply>> parse_all(std::string_view bytes) {
  ReplyParser parser;
  parser.feed(bytes);
  std::vector<Reply> replies;
  while (true) {
    TRY(auto reply, parser.next());
    if (!reply) return replies;
    replies.push_back(*std::move(reply));
  }
}

Result<Reply> parse_one(std::string_view bytes) {
  TRY(auto replies, parse_all(bytes));
  if (replies.empty()) return fail(Errc::internal, "the embedded Redis gave no reply");
  return std::move(replies.front());
}

}  // namespace

// A session and the one who waits for it.
class EmbeddedClient::Call final : public SessionOwner {
 public:
  Call(Engine& engine, size_t database) : engine_(engine) {
    const Engine::Hold hold(engine_);
    session_ = &engine_.open(this);
    session_->authenticated = true;  // Whoever is in this process may do anything.
    session_->protocol = 3;
    session_->database = database;
  }
  ~Call() override {
    const Engine::Hold hold(engine_);
    engine_.close(*session_);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void session_has_output(Session&) override { unblocked_.set({}); }

  struct Output {
    std::string bytes;
    Lsn lsn = 0;
    bool blocked = false;
  };

  // Executes the commands one after another in one hold.
  Output execute(const std::vector<std::vector<std::string_view>>& commands) {
    const Engine::Hold hold(engine_);
    for (const auto& args : commands) engine_.execute(*session_, args);
    if (session_->blocked) unblocked_ = io::Event();
    return take();
  }
  Output execute(Args args) {
    const Engine::Hold hold(engine_);
    engine_.execute(*session_, args);
    if (session_->blocked) unblocked_ = io::Event();
    return take();
  }
  io::Event unblocked() const { return unblocked_; }
  Output collect() {
    const Engine::Hold hold(engine_);
    return take();
  }
  // Ends the wait of a blocked command now.
  Output unblock() {
    const Engine::Hold hold(engine_);
    engine_.unblock(session_->id(), false);
    return take();
  }

 private:
  Output take() { return {std::exchange(session_->outbox.bytes, {}), session_->outbox.lsn, session_->blocked}; }

  Engine& engine_;
  Session* session_;
  io::Event unblocked_;
};

class EmbeddedClient::EmbeddedSubscription final : public Subscription, public SessionOwner {
 public:
  EmbeddedSubscription(Engine& engine, size_t buffer) : engine_(engine), buffer_(buffer) {}
  ~EmbeddedSubscription() override { close(); }

  void open(const std::vector<std::string>& channels, const std::vector<std::string>& patterns) {
    const Engine::Hold hold(engine_);
    session_ = &engine_.open(this);
    session_->authenticated = true;
    session_->protocol = 3;
    for (const auto& channel : channels) engine_.state().pubsub.subscribe(*session_, channel);
    for (const auto& pattern : patterns) engine_.state().pubsub.psubscribe(*session_, pattern);
    session_->outbox.bytes.clear();  // the confirmations
  }

  // Under the gate: takes the messages over into the bounded buffer.
  void session_has_output(Session& session) override {
    auto replies = parse_all(session.outbox.bytes);
    session.outbox.bytes.clear();
    if (session.killed) buffer_.close();
    if (!replies) return;
    for (Reply& reply : *replies) {
      if (auto message = message_of(reply)) buffer_.push(*std::move(message));
    }
  }

  io::Task<Result<Message>> next(std::stop_token stop) override { return buffer_.next(std::move(stop)); }

  void close() override {
    Session* session = std::exchange(session_, nullptr);
    if (session == nullptr) return;
    const Engine::Hold hold(engine_);
    engine_.close(*session);
    buffer_.close();
  }

 private:
  Engine& engine_;
  Session* session_ = nullptr;
  MessageBuffer buffer_;
};

EmbeddedClient::EmbeddedClient(Engine& engine, size_t database) : engine_(engine), database_(database) {}

EmbeddedClient::~EmbeddedClient() = default;

std::unique_ptr<EmbeddedClient::Call> EmbeddedClient::lease() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto call = std::move(idle_.back());
      idle_.pop_back();
      return call;
    }
  }
  return std::make_unique<Call>(engine_, database_);
}

void EmbeddedClient::give_back(std::unique_ptr<Call> call) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleSessionsMax) idle_.push_back(std::move(call));
}

io::Task<Result<void>> EmbeddedClient::durable(Lsn lsn) {
  Persistence* persistence = engine_.persistence();
  if (persistence == nullptr || persistence->durable_lsn() >= lsn) co_return Result<void>{};
  const io::Completion<Result<void>> done;
  persistence->commit_later(lsn, [done](Result<void> result) { done.set(std::move(result)); });
  co_return co_await done.wait();
}

Result<Reply> EmbeddedClient::run(Args args) {
  auto call = lease();
  Call::Output output = call->execute(args);
  if (output.blocked) output = call->unblock();
  give_back(std::move(call));
  return parse_one(output.bytes);
}

io::Task<Result<Reply>> EmbeddedClient::command(Command args, Durability durability, std::stop_token stop) {
  CO_TRY(check_shared_command(args));
  auto call = lease();
  Call::Output output = call->execute(views(args));
  if (output.blocked) {
    const auto waited = co_await call->unblocked().wait(stop);
    output = waited ? call->collect() : call->unblock();
    if (!waited) co_return fail(waited.error());
  }
  give_back(std::move(call));
  if (durability == Durability::durable) CO_TRY(co_await durable(output.lsn));
  co_return parse_one(output.bytes);
}

io::Task<Result<std::vector<Reply>>> EmbeddedClient::pipeline(std::vector<Command> commands, Durability durability) {
  std::vector<std::vector<std::string_view>> batch;
  for (const Command& command : commands) {
    CO_TRY(check_shared_command(command));
    batch.push_back(views(command));
  }
  auto call = lease();
  std::vector<Reply> replies;
  Lsn lsn = 0;
  // Nobody holds the gate for more than 64 commands.
  for (size_t at = 0; at < batch.size(); at += 64) {
    const auto end = std::min(batch.size(), at + 64);
    const std::vector<std::vector<std::string_view>> part(batch.begin() + static_cast<ptrdiff_t>(at),
                                                          batch.begin() + static_cast<ptrdiff_t>(end));
    Call::Output output = call->execute(part);
    if (output.blocked) {
      call->unblock();
      co_return fail(Errc::unsupported, "a blocking Redis command cannot stand in a pipeline");
    }
    lsn = output.lsn;
    CO_TRY(auto some, parse_all(output.bytes));
    for (Reply& reply : some) replies.push_back(std::move(reply));
  }
  give_back(std::move(call));
  if (durability == Durability::durable) CO_TRY(co_await durable(lsn));
  co_return replies;
}

io::Task<Result<std::vector<Reply>>> EmbeddedClient::transaction(std::vector<Command> commands, Durability durability) {
  std::vector<std::vector<std::string_view>> batch{{"MULTI"}};
  for (const Command& command : commands) {
    CO_TRY(check_shared_command(command));
    batch.push_back(views(command));
  }
  batch.push_back({"EXEC"});
  auto call = lease();
  const Call::Output output = call->execute(batch);
  give_back(std::move(call));
  CO_TRY(auto replies, parse_all(output.bytes));
  // A command that could not be queued says why; EXEC only says that something was wrong.
  for (size_t i = 0; i + 1 < replies.size(); ++i) {
    if (replies[i].is_error()) co_return replies[i].to_failure();
  }
  if (durability == Durability::durable) CO_TRY(co_await durable(output.lsn));
  co_return transaction_replies(std::move(replies.back()));
}

io::Task<Result<Reply>> EmbeddedClient::script(const Script& script, std::vector<std::string> keys,
                                               std::vector<std::string> args, Durability durability) {
  Command command{"EVALSHA", script.sha1, std::to_string(keys.size())};
  for (auto& key : keys) command.push_back(std::move(key));
  for (auto& arg : args) command.push_back(std::move(arg));
  auto call = lease();
  Call::Output output = call->execute(views(command));
  if (output.bytes.starts_with("-NOSCRIPT")) {
    command[0] = "EVAL";
    command[1] = script.source;
    output = call->execute(views(command));
  }
  give_back(std::move(call));
  if (durability == Durability::durable) CO_TRY(co_await durable(output.lsn));
  co_return parse_one(output.bytes);
}

io::Task<Result<std::unique_ptr<Subscription>>> EmbeddedClient::subscribe(std::vector<std::string> channels,
                                                                          std::vector<std::string> patterns,
                                                                          size_t buffer) {
  if (channels.empty() && patterns.empty())
    co_return fail(Errc::invalid_argument, "a subscription needs a channel or a pattern");
  auto subscription = std::make_unique<EmbeddedSubscription>(engine_, buffer);
  subscription->open(channels, patterns);
  co_return subscription;
}

}  // namespace compozy::redis
