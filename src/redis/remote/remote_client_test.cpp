// SPDX-License-Identifier: Apache-2.0
#include "redis/remote/remote_client.hpp"

#include "io/timer.hpp"
#include "redis/client/client_contract.hpp"
#include "redis/client/real_redis.hpp"

namespace compozy::redis {
namespace {

class RemoteHarness {
 public:
  io::Loop& loop() { return loop_; }
  Client& client() { return client_; }

 private:
  RealRedis server_;
  io::Loop loop_;
  RemoteClient client_{loop_, {.unix_socket = server_.socket()}};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Remote, ClientContract, RemoteHarness);

class RemoteClientTest : public testing::Test {
 protected:
  template <class T>
  T wait(io::Task<T> task) {
    return io::run_until(loop_, std::move(task));
  }
  io::Loop loop_;
};

TEST_F(RemoteClientTest, SaysWhatCannotBeReached) {
  RemoteClient client(loop_, {.unix_socket = "/nonexistent/redis.sock"});
  const auto reply = wait(client.command({"PING"}, Durability::applied));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::unavailable);
  EXPECT_THAT(reply.error().message, testing::HasSubstr("/nonexistent/redis.sock"));
}

TEST_F(RemoteClientTest, AuthenticatesAndChoosesTheDatabase) {
  RealRedis server({"--requirepass", "secret"});
  RemoteClient wrong(loop_, {.unix_socket = server.socket(), .password = "no"});
  const auto refused = wait(wrong.command({"PING"}, Durability::applied));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
  RemoteClient client(loop_, {.unix_socket = server.socket(), .password = "secret", .database = 3});
  ASSERT_TRUE(wait(client.command({"SET", "k", "v"}, Durability::applied)).has_value());
  RawConnection raw(server.socket());
  raw.run({"AUTH", "secret"});
  raw.run({"SELECT", "3"});
  EXPECT_EQ(raw.run({"GET", "k"}).text, "v");
}

TEST_F(RemoteClientTest, ReconnectsAfterTheConnectionWasKilled) {
  RealRedis server;
  RemoteClient client(loop_, {.unix_socket = server.socket()});
  ASSERT_TRUE(wait(client.command({"PING"}, Durability::applied)).has_value());
  auto subscribed = wait(client.subscribe({"c"}, {}));
  ASSERT_TRUE(subscribed.has_value());
  RawConnection raw(server.socket());
  raw.run({"CLIENT", "KILL", "TYPE", "normal"});
  raw.run({"CLIENT", "KILL", "TYPE", "pubsub"});
  // Each call either fails because its connection had gone, or goes over the new one.
  bool answered = false;
  for (int i = 0; i < 100 && !answered; ++i) answered = wait(client.command({"PING"}, Durability::applied)).has_value();
  EXPECT_TRUE(answered);
  const auto gap = wait((*subscribed)->next());
  ASSERT_TRUE(gap.has_value());
  EXPECT_EQ(gap->kind, Message::Kind::gap);
  while (true) {  // until the subscription has found its way back
    const auto receivers = wait(client.command({"PUBLISH", "c", "again"}, Durability::applied));
    if (receivers && receivers->integer == 1) break;
    io::run_until(loop_, io::sleep(loop_, 1));
  }
  const auto message = wait((*subscribed)->next());
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->payload, "again");
}

TEST_F(RemoteClientTest, SpeaksResp2ToAServerWithoutHello) {
  RealRedis server({"--rename-command", "HELLO", ""});
  RemoteClient client(loop_, {.unix_socket = server.socket()});
  ASSERT_TRUE(wait(client.command({"HSET", "h", "a", "1"}, Durability::applied)).has_value());
  const auto reply = wait(client.command({"HGETALL", "h"}, Durability::applied));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->kind, Reply::Kind::array);
  EXPECT_EQ(reply->as_pairs().value()[0].second, "1");
  auto subscribed = wait(client.subscribe({"c"}, {}));
  ASSERT_TRUE(subscribed.has_value());
  ASSERT_TRUE(wait(client.command({"PUBLISH", "c", "x"}, Durability::applied)).has_value());
  EXPECT_EQ(wait((*subscribed)->next()).value().payload, "x");
}

}  // namespace
}  // namespace compozy::redis
