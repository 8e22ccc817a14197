// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

class ReplicaTest : public EngineFixture {};

TEST_F(ReplicaTest, GetsTheDataAndThenEveryWrite) {
  Session& replica = another();
  run("SET before 1");
  {
    const Engine::Hold hold(engine_);
    const std::array<std::string_view, 1> sync{"SYNC"};
    engine_.execute(replica, sync);
  }
  EXPECT_TRUE(replica.outbox.bytes.starts_with("$"));
  EXPECT_TRUE(replica.outbox.bytes.contains("REDIS0010"));
  replica.outbox.bytes.clear();
  run("GET before");
  EXPECT_EQ(replica.outbox.bytes, "");
  run("SET after 2");
  EXPECT_EQ(replica.outbox.bytes, "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$5\r\nafter\r\n$1\r\n2\r\n");
}

}  // namespace
}  // namespace compozy::redis
