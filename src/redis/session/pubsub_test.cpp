// SPDX-License-Identifier: Apache-2.0
#include "redis/session/pubsub.hpp"

namespace compozy::redis {
namespace {

class Owner final : public SessionOwner {
 public:
  void session_has_output(Session&) override { ++calls; }
  int calls = 0;
};

TEST(PubSub, DeliversToChannelsAndPatternsAndWakesTheOwner) {
  Owner owner;
  Session session(1, &owner);
  session.protocol = 3;
  PubSub pubsub;
  pubsub.subscribe(session, "a.b");
  pubsub.psubscribe(session, "a.*");
  session.outbox.bytes.clear();
  EXPECT_EQ(pubsub.publish("a.b", "hi", 7), 2U);
  EXPECT_EQ(
      session.outbox.bytes,
      ">3\r\n$7\r\nmessage\r\n$3\r\na.b\r\n$2\r\nhi\r\n>4\r\n$8\r\npmessage\r\n$3\r\na.*\r\n$3\r\na.b\r\n$2\r\nhi\r\n");
  EXPECT_EQ(session.outbox.lsn, 7U);
  EXPECT_EQ(owner.calls, 2);
  EXPECT_EQ(pubsub.publish("other", "hi", 0), 0U);
}

TEST(PubSub, ForgetsASessionEntirely) {
  Session session(1, nullptr);
  PubSub pubsub;
  pubsub.subscribe(session, "a");
  pubsub.psubscribe(session, "*");
  pubsub.forget(session);
  EXPECT_EQ(pubsub.publish("a", "x", 0), 0U);
  EXPECT_EQ(pubsub.pattern_count(), 0U);
  EXPECT_TRUE(pubsub.channels("", false).empty());
}

TEST(PubSub, ConfirmsUnsubscribingFromNothingWithNil) {
  Session session(1, nullptr);
  PubSub pubsub;
  pubsub.unsubscribe_all(session);
  EXPECT_EQ(session.outbox.bytes, "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
}

}  // namespace
}  // namespace compozy::redis
