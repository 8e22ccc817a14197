// SPDX-License-Identifier: Apache-2.0
//
// The data directory is Redis' own: a redis-server starts from ours, and we from its (without an RDB base).
#include <algorithm>

#include "base/clock.hpp"
#include "command_stream.hpp"
#include "redis/client/real_redis.hpp"
#include "redis/engine/engine.hpp"
#include "redis/persist/append_log.hpp"

namespace compozy::redis {
namespace {

class Life {
 public:
  explicit Life(const std::string& directory) {
    auto log = AppendLog::open(engine_, {.directory = directory});
    EXPECT_TRUE(log.has_value()) << (log ? "" : log.error().message);
    if (log) log_ = *std::move(log);
    const Engine::Hold hold(engine_);
    session_ = &engine_.open(nullptr);
  }
  Reply run(const std::vector<std::string>& args) {
    std::vector<std::string_view> views(args.begin(), args.end());
    ReplyParser parser;
    {
      const Engine::Hold hold(engine_);
      engine_.execute(*session_, views);
      if (session_->blocked) engine_.unblock(session_->id(), false);
      parser.feed(std::exchange(session_->outbox.bytes, {}));
    }
    auto reply = parser.next();
    return reply && *reply ? **reply : Reply::error("no reply");
  }
  void rewrite() {
    run({"DISCARD"});
    run({"BGREWRITEAOF"});
    while (run({"INFO", "persistence"}).text.contains("aof_rewrite_in_progress:1")) {
      const Engine::Hold hold(engine_);
      engine_.cron();
    }
  }

 private:
  Engine engine_{{.clock = system_clock(), .random = system_random()}};
  std::unique_ptr<AppendLog> log_;
  Session* session_;
};

// Entries, groups, and what is pending, without times.
template <class Run>
std::string describe_stream(const std::string& key, Run run) {
  std::string text = run({"XRANGE", key, "-", "+"}).to_string() + run({"XINFO", "GROUPS", key}).to_string() +
                     run({"XINFO", "STREAM", key}).to_string();
  const Reply groups = run({"XINFO", "GROUPS", key});
  for (const Reply& group : groups.items) {
    Reply pending = run({"XPENDING", key, group.items[1].text, "-", "+", "1000"});
    for (Reply& entry : pending.items) entry.items[2] = Reply::null();
    text += pending.to_string();
    const Reply consumers = run({"XINFO", "CONSUMERS", key, group.items[1].text});
    for (const Reply& consumer : consumers.items) text += consumer.items[1].text + consumer.items[3].to_string() + ",";
  }
  return text;
}

// A command of any group.
std::vector<std::string> any_command(Random& random) {
  constexpr std::array kGroups{CommandGroup::mixed,  CommandGroup::mixed,   CommandGroup::bits,
                               CommandGroup::places, CommandGroup::streams, CommandGroup::streams};
  return random_command(random, kGroups[random.below(kGroups.size())]);
}

// Everything that is in the keyspace, in one order.
template <class Run>
std::vector<std::string> contents(Run run) {
  std::vector<std::string> lines;
  for (const char* db : {"0", "1"}) {
    run({"SELECT", db});
    const Reply keys = run({"KEYS", "*"});
    for (const Reply& key : keys.items) {
      const std::string type = run({"TYPE", key.text}).text;
      std::string line =
          std::string(db) + " " + key.text + " " + type + " " + run({"PEXPIRETIME", key.text}).to_string() + " ";
      if (type == "string") line += run({"GET", key.text}).to_string();
      if (type == "list") line += run({"LRANGE", key.text, "0", "-1"}).to_string();
      if (type == "zset") line += run({"ZRANGE", key.text, "0", "-1", "WITHSCORES"}).to_string();
      if (type == "set") line += run({"SORT_RO", key.text, "ALPHA"}).to_string();
      if (type == "hash") {
        Reply fields = run({"HKEYS", key.text});
        std::ranges::sort(fields.items, {}, &Reply::text);
        for (const Reply& field : fields.items)
          line += field.text + "=" + run({"HGET", key.text, field.text}).text + ",";
      }
      if (type == "stream") line += describe_stream(key.text, run);
      lines.push_back(line);
    }
  }
  std::ranges::sort(lines);
  return lines;
}

TEST(RedisLog, RedisServerStartsFromOurDirectoryAndWeFromItsAgain) {
  for (const bool rewrite : {false, true}) {
    const TemporaryDirectory directory;
    SeededRandom random(rewrite ? 8 : 7);
    std::vector<std::string> ours;
    {
      Life life(directory.path());
      for (int i = 0; i < 3000; ++i) life.run(any_command(random));
      if (rewrite) life.rewrite();
      for (int i = 0; i < 1000; ++i) life.run(any_command(random));
      life.run({"DISCARD"});
      ours = contents([&](const std::vector<std::string>& args) { return life.run(args); });
    }
    EXPECT_GT(ours.size(), 3U);
    std::vector<std::string> theirs;
    {
      RealRedis server({"--appendonly", "yes", "--aof-use-rdb-preamble", "no"}, directory.path());
      ASSERT_TRUE(server.running()) << server.log();
      RawConnection connection(server.socket());
      theirs = contents([&](const std::vector<std::string>& args) { return connection.run(args); });
      EXPECT_EQ(theirs, ours);
      for (int i = 0; i < 500; ++i) connection.run(any_command(random));
      connection.run({"DISCARD"});
      theirs = contents([&](const std::vector<std::string>& args) { return connection.run(args); });
      server.stop();
    }
    Life again(directory.path());
    EXPECT_EQ(contents([&](const std::vector<std::string>& args) { return again.run(args); }), theirs);
  }
}

void start_from_what_redis_server_rewrote(const char* preamble) {
  const TemporaryDirectory directory;
  SeededRandom random(9);
  std::vector<std::string> theirs;
  {
    RealRedis server({"--appendonly", "yes", "--aof-use-rdb-preamble", preamble}, directory.path());
    ASSERT_TRUE(server.running()) << server.log();
    RawConnection connection(server.socket());
    for (int i = 0; i < 2000; ++i) connection.run(any_command(random));
    connection.run({"DISCARD"});
    connection.run({"BGREWRITEAOF"});
    while (connection.run({"INFO", "persistence"}).text.find("aof_rewrite_in_progress:0") == std::string::npos) {
    }
    connection.run({"SET", "after", "x"});
    theirs = contents([&](const std::vector<std::string>& args) { return connection.run(args); });
  }
  Life life(directory.path());
  EXPECT_EQ(contents([&](const std::vector<std::string>& args) { return life.run(args); }), theirs);
}

TEST(RedisLog, WeStartFromALogThatRedisServerRewrote) {
  for (const char* preamble : {"no", "yes"}) start_from_what_redis_server_rewrote(preamble);
}

}  // namespace
}  // namespace compozy::redis
