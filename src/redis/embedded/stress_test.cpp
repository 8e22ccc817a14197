// SPDX-License-Identifier: Apache-2.0
//
// Everybody at once: clients with pipelines, scripts, transactions, messages, blocked and killed clients over the
// socket, and threads of this process, on one engine. Under ThreadSanitizer it shows what is shared without the gate;
// in any build, that nothing is lost, doubled or out of order. COMPOZY_STRESS=<rounds> makes it longer.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/client/real_redis.hpp"
#include "redis/embedded/embedded_client.hpp"
#include "redis/embedded/maintenance.hpp"
#include "redis/server/server.hpp"

namespace compozy::redis {
namespace {

int rounds() {
  const char* text = std::getenv("COMPOZY_STRESS");
  return text == nullptr ? 60 : std::max(1, std::atoi(text));
}

class Stress : public testing::Test {
 protected:
  Stress() {
    auto server = Server::start(engine_, {.unix_socket = directory_.path() + "/redis.sock"});
    EXPECT_TRUE(server.has_value());
    server_ = *std::move(server);
  }
  std::string socket() const { return directory_.path() + "/redis.sock"; }
  void start(std::function<void()> work) { threads_.emplace_back(std::move(work)); }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  Reply run(std::vector<std::string_view> args) { return client_.run(args).value(); }

  void pipelines(int seed);
  void scripts();
  void transactions();
  void in_process(int seed);
  void publishes();
  void listens();
  void victim();
  void kills();

  static constexpr int kPipeline = 40;
  TemporaryDirectory directory_;
  Engine engine_{{.clock = system_clock(), .random = system_random()}};
  Maintenance maintenance_{engine_};
  EmbeddedClient client_{engine_};
  std::unique_ptr<Server> server_;
  std::vector<std::thread> threads_;
  std::atomic<int64_t> increments_{0};
  std::atomic<int> working_{0};
  std::atomic<bool> killing_{true};
};

// Replies come in the order of the commands, and each counts.
void Stress::pipelines(int seed) {
  RawConnection connection(socket());
  SeededRandom random(static_cast<uint64_t>(seed));
  for (int round = 0; round < rounds(); ++round) {
    std::string bytes;
    for (int i = 0; i < kPipeline; ++i) {
      const std::string key = "key:" + std::to_string(random.below(300));
      append_command(bytes, std::vector<std::string>{"SET", key, std::string(random.below(300), 'v'), "PX", "5"});
      append_command(bytes, std::vector<std::string>{"GET", key});
      append_command(bytes, std::vector<std::string>{"INCR", "counter"});
      append_command(bytes, std::vector<std::string>{"ECHO", std::to_string(i)});
    }
    connection.send(bytes);
    int64_t before = 0;
    for (int i = 0; i < kPipeline; ++i) {
      ASSERT_TRUE(connection.receive().is_ok());
      ASSERT_FALSE(connection.receive().is_error());
      const int64_t count = connection.receive().as_integer().value_or(-1);
      ASSERT_GT(count, before);
      before = count;
      ++increments_;
      ASSERT_EQ(connection.receive().as_text().value_or(""), std::to_string(i));
    }
  }
}

void Stress::scripts() {
  RawConnection connection(socket());
  const std::string script =
      "redis.call('RPUSH', KEYS[1], ARGV[1]) redis.call('INCR', 'counter') local n = redis.call('LLEN', KEYS[1]) "
      "if n > 100 then redis.call('LTRIM', KEYS[1], -100, -1) end return n";
  for (int i = 0; i < rounds() * 10; ++i) {
    const Reply reply = connection.run({"EVAL", script, "1", "list", std::string(200, 'm')});
    ASSERT_GT(reply.as_integer().value_or(-1), 0) << reply.to_string();
    ++increments_;
  }
}

void Stress::transactions() {
  RawConnection connection(socket());
  for (int i = 0; i < rounds() * 5; ++i) {
    ASSERT_TRUE(connection.run({"WATCH", "watched"}).is_ok());
    ASSERT_TRUE(connection.run({"MULTI"}).is_ok());
    connection.run({"INCR", "counter"});
    connection.run({"SET", "watched", std::to_string(i)});
    const Reply reply = connection.run({"EXEC"});
    ASSERT_FALSE(reply.is_error()) << reply.to_string();
    if (!reply.is_null()) ++increments_;
  }
}

// Without a socket: short reads, large values that the reclaimer frees, and a flushed database.
void Stress::in_process(int seed) {
  EmbeddedClient other(engine_, 1);
  SeededRandom random(static_cast<uint64_t>(seed));
  std::string out;
  for (int i = 0; i < rounds() * 5; ++i) {
    client_.get("key:" + std::to_string(random.below(300)), out);
    ASSERT_TRUE(run({"INCR", "counter"}).as_integer().has_value());
    ++increments_;
    ASSERT_FALSE(run({"SET", "watched", "x"}).is_error());
    std::vector<std::string_view> push{"RPUSH", "large"};
    push.resize(202, "element");
    ASSERT_TRUE(other.run(push).has_value());
    const std::vector<std::string_view> unlink{"UNLINK", "large"};
    ASSERT_TRUE(other.run(unlink).has_value());
    const std::vector<std::string_view> flush{"FLUSHDB", "ASYNC"};
    if (i % 16 == 0) {
      ASSERT_TRUE(other.run(flush).has_value());
    }
  }
}

void Stress::publishes() {
  RawConnection connection(socket());
  for (int i = 0; i < rounds() * 10; ++i) {
    ASSERT_TRUE(connection.run({"PUBLISH", "news", std::to_string(i)}).as_integer().has_value());
    ASSERT_TRUE(run({"PUBLISH", "other", "x"}).as_integer().has_value());
  }
  connection.run({"PUBLISH", "news", "end"});
}

// Messages of one publisher come in their order, and all of them.
void Stress::listens() {
  RawConnection connection(socket());
  ASSERT_FALSE(connection.run({"SUBSCRIBE", "news"}).is_error());
  ++working_;
  for (int next = 0;; ++next) {
    const Reply reply = connection.receive();
    ASSERT_EQ(reply.items.size(), 3U) << reply.to_string();
    const std::string text = reply.items[2].as_text().value_or("");
    if (text == "end") {
      EXPECT_EQ(next, rounds() * 10);
      return;
    }
    ASSERT_EQ(text, std::to_string(next));
  }
}

// Comes again and again, waits for what nobody sends, and is killed.
void Stress::victim() {
  while (killing_) {
    RawConnection connection(socket());
    connection.run({"CLIENT", "SETNAME", "victim"});
    connection.send("SUBSCRIBE other\r\nPING\r\nUNSUBSCRIBE other\r\nBLPOP nothing 0.01\r\n");
    while (killing_ && !connection.receive().to_string().contains("CLOSED")) connection.send("GET list\r\nPING\r\n");
  }
}

void Stress::kills() {
  RawConnection connection(socket());
  for (int i = 0; i < rounds() * 2; ++i) {
    const std::string list = connection.run({"CLIENT", "LIST"}).as_text().value_or("");
    for (size_t at = list.find("name=victim"); at != std::string::npos; at = list.find("name=victim", at + 1)) {
      const size_t line = list.rfind("id=", at) + 3;
      ASSERT_FALSE(connection.run({"CLIENT", "KILL", "ID", list.substr(line, list.find(' ', line) - line)}).is_error());
    }
    ASSERT_FALSE(connection.run({"INFO"}).is_error());
    ASSERT_TRUE(connection.run({"CONFIG", "SET", "slowlog-log-slower-than", i % 2 == 0 ? "0" : "10000"}).is_ok());
    ASSERT_TRUE(connection.run({"CONFIG", "SET", "maxmemory-clients", i % 2 == 0 ? "0" : "100mb"}).is_ok());
  }
  killing_ = false;
}

TEST_F(Stress, ManyClientsScriptsMessagesAndKillsAtOnce) {
  for (int i = 0; i < 2; ++i) start([this] { listens(); });
  while (working_ < 2) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) start([this, i] { pipelines(i); });
  for (int i = 0; i < 2; ++i) start([this] { scripts(); });
  for (int i = 0; i < 2; ++i) start([this] { transactions(); });
  for (int i = 0; i < 2; ++i) start([this, i] { in_process(i); });
  for (int i = 0; i < 3; ++i) start([this] { victim(); });
  start([this] { publishes(); });
  start([this] { kills(); });
  join();
  EXPECT_EQ(run({"GET", "counter"}).as_text().value_or(""), std::to_string(increments_.load()));
  EXPECT_LE(run({"LLEN", "list"}).as_integer().value_or(-1), 100);
  RawConnection last(socket());
  EXPECT_EQ(last.run({"PING"}).as_text().value_or(""), "PONG");
}

// The server ends while its clients are busy: they are closed, and nothing is touched afterwards.
TEST_F(Stress, TheServerEndsInTheMiddle) {
  std::atomic<bool> stop{false};
  for (int i = 0; i < 4; ++i) {
    start([&] {
      RawConnection connection(socket());
      std::string bytes;
      for (int n = 0; n < 20; ++n) append_command(bytes, std::vector<std::string>{"INCR", "counter"});
      ++working_;
      while (!stop) {
        connection.send(bytes);
        if (connection.receive().is_error()) return;
      }
    });
  }
  start([&] {
    while (!stop) {
      run({"PUBLISH", "c", "m"});
      ++increments_;
    }
  });
  const auto count = [&] { return run({"GET", "counter"}).as_integer().value_or(0); };
  while (working_ < 4 || increments_ < 10 || count() < 100) std::this_thread::yield();
  server_.reset();
  stop = true;
  join();
  EXPECT_GE(count(), 100);
}

}  // namespace
}  // namespace compozy::redis
