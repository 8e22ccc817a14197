// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

using testing::ElementsAre;

class NotificationTest : public EngineFixture {
 protected:
  // The events of one command, "event key" each.
  std::vector<std::string> events(std::string_view line) {
    if (listener_ == nullptr) {
      run("CONFIG SET notify-keyspace-events EAn");
      listener_ = &another();
      run_on(*listener_, "PSUBSCRIBE __keyevent@*");
    }
    run(line);
    ReplyParser parser;
    parser.feed(std::exchange(listener_->outbox.bytes, {}));
    std::vector<std::string> found;
    while (true) {
      auto reply = parser.next();
      if (!reply || !*reply) return found;
      const auto& parts = (*reply)->items;
      const std::string channel = parts[2].text;
      found.push_back(channel.substr(channel.find(':') + 1) + " " + parts[3].text);
    }
  }

  Session* listener_ = nullptr;
};

TEST_F(NotificationTest, NameWhatHappened) {
  EXPECT_THAT(events("SET a 1 EX 10"), ElementsAre("new a", "set a", "expire a"));
  EXPECT_THAT(events("INCR a"), ElementsAre("incrby a"));
  EXPECT_THAT(events("MSET a 1 b 2"), ElementsAre("set a", "new b", "set b"));
  EXPECT_THAT(events("DEL a b"), ElementsAre("del a", "del b"));
  EXPECT_THAT(events("GET a"), ElementsAre());
}

TEST_F(NotificationTest, TellThatAKeyWentWithItsLastElement) {
  events("RPUSH l 1");
  EXPECT_THAT(events("RPOPLPUSH l m"), ElementsAre("new m", "lpush m", "rpop l", "del l"));
  EXPECT_THAT(events("LPOP m"), ElementsAre("lpop m", "del m"));
  events("SADD s 1");
  EXPECT_THAT(events("SREM s 1"), ElementsAre("srem s", "del s"));
  events("SADD t 1");
  EXPECT_THAT(events("SINTERSTORE t t none"), ElementsAre("del t"));
}

TEST_F(NotificationTest, TellOfExpiryAndEviction) {
  events("SET k v PX 5");
  clock_.advance_ms(10);
  EXPECT_THAT(events("GET k"), ElementsAre("expired k"));
  events("SET e v");
  run("CONFIG SET maxmemory-policy allkeys-random");
  EXPECT_THAT(events("CONFIG SET maxmemory 1"), ElementsAre());
  EXPECT_THAT(events("DBSIZE"), ElementsAre("evicted e"));
}

}  // namespace
}  // namespace compozy::redis
