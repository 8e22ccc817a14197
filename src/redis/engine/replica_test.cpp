// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

class ReplicaTest : public EngineFixture {
 protected:
  ReplicationStream& stream() { return engine_.state().replication.stream; }
  Replication& replication() { return engine_.state().replication; }
  // What comes after `offset`.
  std::string since(uint64_t offset) {
    std::string bytes;
    stream().read(offset, SIZE_MAX, bytes);
    return bytes;
  }
  void send(Session& session, std::vector<std::string_view> command) {
    const Engine::Hold hold(engine_);
    engine_.execute(session, command);
  }
  Session& new_replica() {
    Session& replica = another();
    send(replica, {"REPLCONF", "capa", "psync2"});
    send(replica, {"PSYNC", "?", "-1"});
    return replica;
  }
};

TEST_F(ReplicaTest, GetsTheDataAndThenEveryWrite) {
  Session& replica = another();
  run("SET before 1");
  send(replica, {"SYNC"});
  EXPECT_TRUE(replica.outbox.bytes.starts_with("$"));
  EXPECT_TRUE(replica.outbox.bytes.contains("REDIS0010"));
  run("GET before");
  EXPECT_EQ(since(0), "");
  run("SET after 2");
  EXPECT_EQ(since(0), "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$5\r\nafter\r\n$1\r\n2\r\n");
}

TEST_F(ReplicaTest, AServerWithoutReplicasKeepsNoStream) {
  run("SET k 1");
  EXPECT_EQ(stream().end(), 0U);
  EXPECT_FALSE(replication().active());
}

TEST_F(ReplicaTest, GoesOnWhereItWasInTheSameHistory) {
  new_replica();
  run("SET k 1");
  const std::string had = std::to_string(stream().end() + 1);
  run("SET k 2");
  Session& again = another();
  send(again, {"REPLCONF", "capa", "psync2"});
  again.outbox.bytes.clear();
  send(again, {"PSYNC", replication().id(), had});
  EXPECT_EQ(again.outbox.bytes, "+CONTINUE " + replication().id() + "\r\n");
  EXPECT_EQ(since(again.follower.position), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n2\r\n");
  EXPECT_EQ(replication().partial_syncs, 1U);
}

TEST_F(ReplicaTest, OfAnotherHistoryOrBeyondTheBacklogGetsEverything) {
  new_replica();
  run("SET k 1");
  for (const std::vector<std::string_view>& asked : std::vector<std::vector<std::string_view>>{
           {"PSYNC", "0123456789012345678901234567890123456789", "1"}, {"PSYNC", replication().id(), "100000"}}) {
    Session& other = another();
    send(other, asked);
    EXPECT_TRUE(other.outbox.bytes.starts_with("+FULLRESYNC " + replication().id() + " ")) << other.outbox.bytes;
  }
  EXPECT_EQ(replication().refused_syncs, 2U);
}

TEST_F(ReplicaTest, TheHistoryBeforeAPromotionIsKnownUpToIt) {
  new_replica();
  run("SET k 1");
  const std::string before = replication().id();
  const uint64_t offset = stream().end();
  replication().begin_own_history();
  EXPECT_NE(replication().id(), before);
  EXPECT_TRUE(replication().can_continue(before, offset));
  EXPECT_TRUE(replication().can_continue(replication().id(), offset));
  run("SET k 2");
  EXPECT_FALSE(replication().can_continue(before, stream().end()));
}

TEST_F(ReplicaTest, WaitCountsThoseThatHaveTheWritesOfThisClient) {
  Session& replica = new_replica();
  run("SET k 1");
  EXPECT_EQ(run("WAIT 0 0"), "(integer) 0");
  EXPECT_EQ(run("WAIT 1 1000"), "");
  EXPECT_TRUE(since(0).ends_with("GETACK\r\n$1\r\n*\r\n"));
  const std::string offset = std::to_string(stream().end());
  send(replica, {"REPLCONF", "ACK", "1"});
  EXPECT_EQ(take(*session_), "");
  send(replica, {"REPLCONF", "ACK", offset});
  EXPECT_EQ(take(*session_), "(integer) 1");
  EXPECT_EQ(run("WAIT 1 0"), "(integer) 1");
}

TEST_F(ReplicaTest, WaitEndsWithItsTimeAndSaysHowManyThereAre) {
  new_replica();
  run("SET k 1");
  EXPECT_EQ(run("WAIT 1 100"), "");
  clock_.advance_ms(101);
  cron();
  EXPECT_EQ(take(*session_), "(integer) 0");
}

TEST_F(ReplicaTest, TooFewGoodReplicasRefuseWrites) {
  run("CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 10");
  EXPECT_THAT(run("SET k 1"), testing::HasSubstr("NOREPLICAS"));
  new_replica();
  EXPECT_EQ(run("SET k 1"), "OK");
  clock_.advance_ms(11'000);
  EXPECT_THAT(run("SET k 1"), testing::HasSubstr("NOREPLICAS"));
}

TEST_F(ReplicaTest, IsHeardOfOrGivenUp) {
  Session& replica = new_replica();
  cron();
  EXPECT_TRUE(since(0).ends_with("PING\r\n"));
  clock_.advance_ms(61'000);
  cron();
  EXPECT_TRUE(replica.killed);
}

TEST_F(ReplicaTest, TheBacklogGoesWhenNobodyComesBack) {
  Session& replica = new_replica();
  run("CONFIG SET repl-backlog-ttl 5");
  run("SET k 1");
  const std::string id = replication().id();
  {
    const Engine::Hold hold(engine_);
    engine_.close(replica);
  }
  clock_.advance_ms(4'000);
  cron();
  EXPECT_TRUE(replication().active());
  clock_.advance_ms(2'000);
  cron();
  EXPECT_FALSE(replication().active());
  EXPECT_NE(replication().id(), id);
}

TEST_F(ReplicaTest, AReplyInItsStreamEndsIt) {
  Session& replica = new_replica();
  replica.outbox.bytes.clear();
  send(replica, {"PING"});
  EXPECT_EQ(replica.outbox.bytes, "");
  EXPECT_TRUE(replica.killed);
}

TEST_F(ReplicaTest, AnErrorForWhatWasRefusedEndsItToo) {
  Session& replica = new_replica();
  replica.outbox.bytes.clear();
  send(replica, {"GET", "k"});
  EXPECT_EQ(replica.outbox.bytes, "");
  EXPECT_TRUE(replica.killed);
}

TEST_F(ReplicaTest, ServesItsOldDataWhileOtherIsReadAsideButNotWhatWouldDisturbThat) {
  run("SET k 1");
  engine_.state().following.host = "10.0.0.7";
  engine_.state().loading_aside = true;
  EXPECT_EQ(run("GET k"), "\"1\"");
  EXPECT_THAT(run("REPLICAOF NO ONE"), testing::HasSubstr("LOADING"));
  EXPECT_THAT(run("CONFIG SET repl-diskless-load disabled"), testing::HasSubstr("LOADING"));
  EXPECT_THAT(run("INFO persistence"),
              testing::AllOf(testing::HasSubstr("\r\nloading:0\r\n"), testing::HasSubstr("\r\nasync_loading:1\r\n"),
                             testing::HasSubstr("loading_total_bytes:")));
}

TEST(ReplicationStream, KeepsTheBacklogAndWhatAReplicaStillNeeds) {
  ReplicationStream stream;
  const std::string part(1000, 'x');
  for (int i = 0; i < 1000; ++i) stream.append(part, 16384);
  EXPECT_EQ(stream.begin(), 0U);
  stream.trim(500'000, 16384);
  EXPECT_GT(stream.begin(), 450'000U);
  EXPECT_LE(stream.begin(), 500'000U);
  stream.trim(stream.end(), 16384);
  EXPECT_GE(stream.end() - stream.begin(), 16384U);
  EXPECT_LT(stream.end() - stream.begin(), 3U * 16384);
  EXPECT_FALSE(stream.holds(500'000));
  EXPECT_LT(stream.memory(), 4U * 16384);
}

TEST(ReplicationStream, IsReadFromAnyPlaceInParts) {
  ReplicationStream stream;
  std::string all;
  for (int i = 0; i < 20'000; ++i) {
    const std::string part = std::to_string(i) + ";";
    stream.append(part, 100'000);
    all += part;
  }
  for (const size_t start : {size_t{0}, size_t{1}, size_t{16384}, size_t{50'001}, all.size() - 1, all.size()}) {
    std::string read;
    while (stream.read(start + read.size(), 777, read) > 0) continue;
    EXPECT_EQ(read, all.substr(start));
  }
}

}  // namespace
}  // namespace compozy::redis
