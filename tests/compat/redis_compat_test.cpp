// SPDX-License-Identifier: Apache-2.0
//
// Our engine beside redis-server: what one answers, the other answers.
#include <algorithm>

#include "base/clock.hpp"
#include "command_stream.hpp"
#include "redis/client/real_redis.hpp"
#include "redis/engine/engine.hpp"

namespace compozy::redis {
namespace {

std::string shown(const std::vector<std::string>& command) {
  std::string text;
  for (const auto& arg : command) text += "'" + arg + "' ";
  return text;
}

class Ours {
 public:
  Ours() {
    const Engine::Hold hold(engine_);
    session_ = &engine_.open(nullptr);
  }
  Reply run(const std::vector<std::string>& args) {
    std::vector<std::string_view> views(args.begin(), args.end());
    const Engine::Hold hold(engine_);
    engine_.execute(*session_, views);
    // Nobody else is here to push: a command that waits has waited in vain.
    if (session_->blocked) engine_.unblock(session_->id(), false);
    ReplyParser parser;
    parser.feed(std::exchange(session_->outbox.bytes, {}));
    auto reply = parser.next();
    return reply && *reply ? **reply : Reply::error("no reply");
  }

 private:
  Engine engine_{{.clock = system_clock(), .random = system_random()}};
  Session* session_;
};

void sort_items(Reply& reply, bool pairs) {
  if (pairs && reply.kind == Reply::Kind::array) {
    reply.kind = Reply::Kind::map;
  }
  if (reply.kind == Reply::Kind::map) {
    std::vector<std::pair<std::string, Reply>> items;
    for (size_t i = 0; i + 1 < reply.items.size(); i += 2) items.emplace_back(reply.items[i].text, reply.items[i + 1]);
    std::ranges::sort(items, {}, [](const auto& item) { return item.first; });
    reply.items.clear();
    for (auto& [name, value] : items) {
      reply.items.push_back(Reply::bulk(name));
      reply.items.push_back(value);
    }
    return;
  }
  std::ranges::sort(reply.items, {}, [](const Reply& item) { return item.to_string(); });
}

// Times are read at two instants: they are left out, in streams' replies.
void forget_times(Reply& reply) {
  constexpr int64_t kFirstTime = 1'000'000'000'000;
  for (size_t i = 0; i < reply.items.size(); ++i) {
    Reply& item = reply.items[i];
    forget_times(item);
    const bool idle = i > 0 && reply.items[i - 1].text == "idle";
    const bool pending = reply.items.size() == 4 && i == 2 && item.kind == Reply::Kind::integer;
    if (item.kind == Reply::Kind::integer && (item.integer > kFirstTime || idle || pending)) item.integer = 0;
  }
}

class Both {
 public:
  explicit Both(int protocol) {
    if (protocol == 3) {
      ours_.run({"HELLO", "3"});
      theirs_.run({"HELLO", "3"});
    }
  }
  void run(const std::vector<std::string>& command, const std::string& context) {
    Reply ours = ours_.run(command);
    Reply theirs = theirs_.run(command);
    const bool by_pattern = command[0] == "SORT" && std::ranges::find(command, "BY") != command.end();
    if (is_unordered(command[0]) || by_pattern) {
      sort_items(ours, command[0] == "HGETALL");
      sort_items(theirs, command[0] == "HGETALL");
    }
    if (command[0] == "XPENDING" || command[0] == "XINFO") {
      forget_times(ours);
      forget_times(theirs);
    }
    if (command[0] == "EXEC" && ours.items.size() == theirs.items.size()) {
      // A transaction may hold replies without an order; their sizes are compared.
      for (size_t i = 0; i < ours.items.size(); ++i) {
        if (ours.items[i].is_aggregate()) sort_items(ours.items[i], false);
        if (theirs.items[i].is_aggregate()) sort_items(theirs.items[i], false);
      }
    }
    EXPECT_EQ(ours.to_string(), theirs.to_string()) << context << shown(command) << "\n" << recent(command);
    history_.push_back(shown(command) + "-> " + theirs.to_string());
  }
  void compare_keyspaces(const std::string& context) {
    run({"DISCARD"}, context);
    for (const char* db : {"0", "1"}) {
      run({"SELECT", db}, context);
      run({"KEYS", "*"}, context);
      const Reply keys = theirs_.run({"KEYS", "*"});
      for (const Reply& key : keys.items) {
        run({"TYPE", key.text}, context);
        run({"OBJECT", "ENCODING", key.text}, context);
        run({"PEXPIRETIME", key.text}, context);
        compare_value(key.text, context);
        exchange(key.text, context);
      }
    }
  }

 private:
  void compare_value(const std::string& key, const std::string& context) {
    const std::string type = theirs_.run({"TYPE", key}).text;
    if (type == "string") run({"GET", key}, context);
    if (type == "list") run({"LRANGE", key, "0", "-1"}, context);
    if (type == "hash") run({"HGETALL", key}, context);
    if (type == "set") run({"SMEMBERS", key}, context);
    if (type == "zset") run({"ZRANGE", key, "0", "-1", "WITHSCORES"}, context);
    if (type == "stream") run({"XINFO", "STREAM", key, "FULL", "COUNT", "0"}, context);
  }
  // Each side takes what the other dumped.
  void exchange(const std::string& key, const std::string& context) {
    const Reply ours = ours_.run({"DUMP", key});
    const Reply theirs = theirs_.run({"DUMP", key});
    EXPECT_EQ(ours_.run({"RESTORE", "restored", "0", theirs.text}).text, "OK") << context << key;
    EXPECT_EQ(theirs_.run({"RESTORE", "restored", "0", ours.text}).text, "OK") << context << key;
    run({"OBJECT", "ENCODING", "restored"}, context);
    compare_value("restored", context);
    run({"DEL", "restored"}, context);
  }
  // The last commands that name one of the same keys.
  std::string recent(const std::vector<std::string>& command) const {
    std::string text;
    for (const auto& line : history_) {
      const bool related = std::ranges::any_of(command, [&](const auto& arg) {
        return (arg.starts_with("key") || arg.starts_with("stream")) && line.contains(arg);
      });
      if (related) text += line.substr(0, 200) + "\n";
    }
    return text.size() > 4000 ? text.substr(text.size() - 4000) : text;
  }

  RealRedis server_;
  std::vector<std::string> history_;
  Ours ours_;
  RawConnection theirs_{server_.socket()};
};

void run_stream(int protocol, uint64_t seed, int commands, CommandGroup group = CommandGroup::mixed) {
  Both both(protocol);
  SeededRandom random(seed);
  const std::string context = "seed " + std::to_string(seed) + ", RESP" + std::to_string(protocol) + ": ";
  for (int i = 0; i < commands && !testing::Test::HasFailure(); ++i) {
    const auto command = random_command(random, group);
    both.run(command, context);
    // The encoding of what was just written; inside a transaction this is queued on both sides.
    if (command.size() > 1 && command[1].starts_with("key")) both.run({"OBJECT", "ENCODING", command[1]}, context);
  }
  both.compare_keyspaces(context);
}

uint64_t first_seed() {
  const char* seed = std::getenv("COMPOZY_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

TEST(RedisCompat, RandomCommandsGetEqualRepliesInResp2) {
  for (uint64_t seed = first_seed(); seed < first_seed() + 6; ++seed) run_stream(2, seed, 3000);
}

TEST(RedisCompat, RandomCommandsGetEqualRepliesInResp3) {
  for (uint64_t seed = first_seed() + 100; seed < first_seed() + 106; ++seed) run_stream(3, seed, 3000);
}

TEST(RedisCompat, BitmapsAndHyperLogLogs) {
  for (uint64_t seed = first_seed(); seed < first_seed() + 4; ++seed) {
    run_stream(seed % 2 == 0 ? 2 : 3, seed, 4000, CommandGroup::bits);
  }
}

TEST(RedisCompat, Places) {
  for (uint64_t seed = first_seed(); seed < first_seed() + 4; ++seed) {
    run_stream(seed % 2 == 0 ? 2 : 3, seed, 3000, CommandGroup::places);
  }
}

TEST(RedisCompat, Streams) {
  for (uint64_t seed = first_seed(); seed < first_seed() + 6; ++seed) {
    run_stream(seed % 2 == 0 ? 2 : 3, seed, 3000, CommandGroup::streams);
  }
}

TEST(RedisCompat, EveryCommandIsDescribedAlike) {
  RealRedis server;
  RawConnection theirs(server.socket());
  Ours ours;
  const Reply names = ours.run({"COMMAND", "LIST"});
  for (const Reply& name : names.items) {
    if (name.text == "debug") continue;  // Theirs is one command without subcommands.
    Reply a = ours.run({"COMMAND", "INFO", name.text});
    Reply b = theirs.run({"COMMAND", "INFO", name.text});
    ASSERT_EQ(a.items.size(), 1U);
    ASSERT_EQ(b.items.size(), 1U) << name.text;
    ASSERT_EQ(b.items[0].items.size(), 10U) << name.text << b.to_string();
    for (const size_t field : {0UL, 1UL, 3UL, 4UL, 5UL}) {
      EXPECT_EQ(a.items[0].items[field].to_string(), b.items[0].items[field].to_string())
          << name.text << " field " << field;
    }
    for (const size_t field : {2UL, 6UL}) {
      sort_items(a.items[0].items[field], false);
      sort_items(b.items[0].items[field], false);
      EXPECT_EQ(a.items[0].items[field].to_string(), b.items[0].items[field].to_string())
          << name.text << " field " << field;
    }
  }
}

}  // namespace
}  // namespace compozy::redis
