// SPDX-License-Identifier: Apache-2.0
//
// What every Client must do, as tests. Both sides of seam 1 instantiate this suite:
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, ClientContract, EmbeddedHarness);
//
// A harness is default-constructible and has `io::Loop& loop()` and `Client& client()`.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "io/loop.hpp"
#include "io/timer.hpp"
#include "redis/client/client.hpp"

namespace compozy::redis {

template <class Harness>
class ClientContract : public testing::Test {
 protected:
  template <class T>
  T wait(io::Task<T> task) {
    return io::run_until(harness_.loop(), std::move(task));
  }
  Client& client() { return harness_.client(); }
  Reply run(Command args) {
    auto reply = wait(client().command(std::move(args), Durability::applied));
    EXPECT_TRUE(reply.has_value()) << reply.error().message;
    return reply ? *reply : Reply::error("no reply");
  }
  Message next(Subscription& subscription) {
    auto message = wait(subscription.next());
    EXPECT_TRUE(message.has_value()) << message.error().message;
    return message ? *message : Message{};
  }

  Harness harness_;
};

TYPED_TEST_SUITE_P(ClientContract);

TYPED_TEST_P(ClientContract, AnswersCommandsWithTypedReplies) {
  EXPECT_TRUE(this->run({"SET", "k", "v"}).is_ok());
  EXPECT_EQ(this->run({"GET", "k"}).as_text().value(), "v");
  EXPECT_TRUE(this->run({"GET", "none"}).is_null());
  EXPECT_EQ(this->run({"HSET", "h", "a", "1", "b", "2"}).as_integer().value(), 2);
  EXPECT_EQ(this->run({"HGETALL", "h"}).as_pairs().value().size(), 2U);
  EXPECT_EQ(this->run({"LPUSH", "k", "x"}).error_code(), "WRONGTYPE");
}

TYPED_TEST_P(ClientContract, CarriesBinaryAndLargeValues) {
  std::string value(3'000'000, '\0');
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31);
  this->run({"SET", std::string("k\r\n\0", 4), value});
  EXPECT_TRUE(this->run({"GET", std::string("k\r\n\0", 4)}).text == value);
}

TYPED_TEST_P(ClientContract, RunsTransactionsAtomically) {
  auto replies = this->wait(
      this->client().transaction({{"SET", "a", "1"}, {"INCR", "a"}, {"LPUSH", "a", "x"}}, Durability::durable));
  ASSERT_TRUE(replies.has_value());
  ASSERT_EQ(replies->size(), 3U);
  EXPECT_EQ((*replies)[1], Reply::of(2));
  EXPECT_TRUE((*replies)[2].is_error());
  const auto refused = this->wait(this->client().transaction({{"SET", "b", "1"}, {"nosuch"}}, Durability::durable));
  EXPECT_FALSE(refused.has_value());
  EXPECT_TRUE(this->run({"GET", "b"}).is_null());
}

TYPED_TEST_P(ClientContract, PipelinesCommands) {
  std::vector<Command> commands;
  for (int i = 0; i < 500; ++i) commands.push_back({"INCR", "n"});
  auto replies = this->wait(this->client().pipeline(std::move(commands), Durability::durable));
  ASSERT_TRUE(replies.has_value());
  EXPECT_EQ(replies->size(), 500U);
  EXPECT_EQ(replies->back(), Reply::of(500));
}

TYPED_TEST_P(ClientContract, RunsScriptsKnownOrNot) {
  const Script script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}");
  for (int i = 1; i <= 2; ++i) {
    auto reply = this->wait(this->client().script(script, {"count"}, {"x"}, Durability::durable));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->to_string(), "[\"count\", \"x\", (integer) " + std::to_string(i) + "]");
  }
  this->run({"SCRIPT", "FLUSH"});
  EXPECT_TRUE(this->wait(this->client().script(script, {"count"}, {"x"}, Durability::durable)).has_value());
}

TYPED_TEST_P(ClientContract, DeliversMessagesOfChannelsAndPatternsInOrder) {
  auto subscribed = this->wait(this->client().subscribe({"news"}, {"wor*"}));
  ASSERT_TRUE(subscribed.has_value());
  Subscription& subscription = **subscribed;
  EXPECT_EQ(this->run({"PUBLISH", "news", "one"}).as_integer().value(), 1);
  this->run({"PUBLISH", "other", "no"});
  this->run({"PUBLISH", "workflow:1", "two"});
  const Message first = this->next(subscription);
  EXPECT_EQ(first.channel, "news");
  EXPECT_EQ(first.payload, "one");
  EXPECT_EQ(first.pattern, "");
  const Message second = this->next(subscription);
  EXPECT_EQ(second.channel, "workflow:1");
  EXPECT_EQ(second.pattern, "wor*");
  subscription.close();
  EXPECT_EQ(this->wait(subscription.next()).error().code, Errc::closed);
}

TYPED_TEST_P(ClientContract, MarksAGapWhereTheBufferOverflowed) {
  auto subscribed = this->wait(this->client().subscribe({"c"}, {}, 4));
  ASSERT_TRUE(subscribed.has_value());
  for (int i = 0; i < 10; ++i) this->run({"PUBLISH", "c", std::to_string(i)});
  std::string seen;
  uint64_t missed = 0;
  while (seen.find('9') == std::string::npos && missed + seen.size() < 10) {
    const Message message = this->next(**subscribed);
    if (message.kind == Message::Kind::gap) {
      missed += message.missed;
    } else {
      seen += message.payload;
    }
  }
  EXPECT_GT(missed, 0U);
  EXPECT_EQ(missed + seen.size(), 10U);
  EXPECT_TRUE(seen.starts_with("0123")) << seen;
}

TYPED_TEST_P(ClientContract, WaitsInBlockingCommandsWithoutBlockingOthers) {
  auto& client = this->client();
  const auto both = [&client](io::Loop& loop) -> io::Task<Result<Reply>> {
    io::TaskScope scope(loop);
    Result<Reply> popped = fail(Errc::internal, "not run");
    const auto pop = [&client, &popped]() -> io::Task<void> {
      popped = co_await client.command({"BLPOP", "q", "5"}, Durability::applied);
    };
    scope.spawn(pop());
    co_await io::sleep(loop, 30);
    const auto pushed = co_await client.command({"RPUSH", "q", "x"}, Durability::applied);
    EXPECT_TRUE(pushed.has_value());
    co_await scope.join();
    co_return popped;
  };
  auto reply = this->wait(both(this->harness_.loop()));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->to_string(), "[\"q\", \"x\"]");
}

TYPED_TEST_P(ClientContract, RefusesCommandsThatChangeTheConnection) {
  for (const char* name : {"MULTI", "SUBSCRIBE", "SELECT", "HELLO", "WATCH"}) {
    auto reply = this->wait(this->client().command({name, "1"}, Durability::applied));
    ASSERT_FALSE(reply.has_value()) << name;
    EXPECT_EQ(reply.error().code, Errc::unsupported) << name;
  }
}

REGISTER_TYPED_TEST_SUITE_P(ClientContract, AnswersCommandsWithTypedReplies, CarriesBinaryAndLargeValues,
                            RunsTransactionsAtomically, PipelinesCommands, RunsScriptsKnownOrNot,
                            DeliversMessagesOfChannelsAndPatternsInOrder, MarksAGapWhereTheBufferOverflowed,
                            WaitsInBlockingCommandsWithoutBlockingOthers, RefusesCommandsThatChangeTheConnection);

}  // namespace compozy::redis
