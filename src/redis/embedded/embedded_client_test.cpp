// SPDX-License-Identifier: Apache-2.0
#include "redis/embedded/embedded_client.hpp"

#include "base/clock.hpp"
#include "redis/client/client_contract.hpp"
#include "redis/embedded/maintenance.hpp"

namespace compozy::redis {
namespace {

class EmbeddedHarness {
 public:
  io::Loop& loop() { return loop_; }
  Client& client() { return client_; }

 private:
  io::Loop loop_;
  Engine engine_{{.clock = system_clock(), .random = system_random()}};
  Maintenance maintenance_{engine_};
  EmbeddedClient client_{engine_};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Embedded, ClientContract, EmbeddedHarness);

TEST(EmbeddedClient, ReadsAStringWithoutACoroutine) {
  Engine engine({.clock = system_clock(), .random = system_random()});
  EmbeddedClient client(engine);
  const std::vector<std::string_view> set{"SET", "k", "v"};
  ASSERT_TRUE(client.run(set).value().is_ok());
  std::string out;
  EXPECT_TRUE(client.get("k", out));
  EXPECT_EQ(out, "v");
  EXPECT_FALSE(client.get("none", out));
}

TEST(EmbeddedClient, EndsABlockingCommandAtItsTime) {
  Engine engine({.clock = system_clock(), .random = system_random()});
  const Maintenance maintenance(engine);
  EmbeddedClient client(engine);
  io::Loop loop;
  const auto reply = io::run_until(loop, client.command({"BLPOP", "q", "0.02"}, Durability::applied));
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(reply->is_null());
}

TEST(EmbeddedClient, GivesUpABlockingCommandWhenAsked) {
  Engine engine({.clock = system_clock(), .random = system_random()});
  EmbeddedClient client(engine);
  io::Loop loop;
  std::stop_source stop;
  stop.request_stop();
  const auto reply = io::run_until(loop, client.command({"BLPOP", "q", "0"}, Durability::applied, stop.get_token()));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace compozy::redis
