#include "store/memory.hpp"

#include "io/loop.hpp"
#include "redis/embedded/embedded_client.hpp"
#include "redis/embedded/maintenance.hpp"

namespace compozy::store {
namespace {

using ::testing::HasSubstr;

class MemoryTest : public ::testing::Test {
 protected:
  template <class T>
  T wait(io::Task<T> task) {
    return io::run_until(loop_, std::move(task));
  }
  MemoryChange append(std::vector<MemoryMessage> messages, MemoryLimits limits = {}, std::string effect = {}) {
    return wait(memory_.append(key_, std::move(messages), limits, std::move(effect))).value();
  }
  MemoryPage read(int64_t offset = 0, int64_t limit = 100) { return wait(memory_.read(key_, offset, limit)).value(); }

  io::Loop loop_;
  redis::Engine engine_{{.clock = system_clock(), .random = system_random()}};
  redis::Maintenance maintenance_{engine_};
  redis::EmbeddedClient client_{engine_};
  Memory memory_{client_, system_clock()};
  MemoryKey key_{.project = "p", .memory = "chat", .key = "user:1"};
};

TEST_F(MemoryTest, KeepsMessagesInOrderAndCountsThem) {
  append({{"user", "hello"}});
  const MemoryChange change = append({{"assistant", "hi there"}, {"user", "bye"}});
  EXPECT_EQ(change.message_count, 3);
  const MemoryPage page = read();
  EXPECT_EQ(page.messages[2].content, "bye");
  EXPECT_EQ(page.message_count, 3);
  EXPECT_EQ(page.token_count, change.token_count);
}

TEST_F(MemoryTest, ARepeatedEffectChangesNothingAndGivesTheSameReply) {
  const MemoryChange first = append({{"user", "once"}}, {}, "run-1:4");
  append({{"user", "other"}});
  const MemoryChange again = append({{"user", "once"}}, {}, "run-1:4");
  EXPECT_EQ(again.message_count, first.message_count);
  EXPECT_EQ(read().message_count, 2);
}

TEST_F(MemoryTest, TrimsTheOldestAndTheCountersFollow) {
  for (int i = 0; i < 15; ++i) append({{"user", "message " + std::to_string(i)}}, {.max_messages = 10});
  const MemoryPage page = read();
  EXPECT_EQ(page.messages.size(), 10U);
  EXPECT_EQ(page.messages.front().content, "message 5");
  int64_t tokens = 0;
  for (const MemoryMessage& message : page.messages) tokens += estimate_tokens(message);
  EXPECT_EQ(page.token_count, tokens);  // weakness 14: counters always equal contents
}

TEST_F(MemoryTest, ATokenLimitKeepsAtLeastTheNewestMessage) {
  append({{"user", std::string(4'000, 'x')}}, {.max_tokens = 100});
  EXPECT_EQ(read().message_count, 1);
  append({{"user", "short"}}, {.max_tokens = 100});
  EXPECT_EQ(read().messages.front().content, "short");
}

TEST_F(MemoryTest, PagesThroughALongConversation) {
  std::vector<MemoryMessage> messages;
  for (int i = 0; i < 25; ++i) messages.push_back({"user", std::to_string(i)});
  append(messages);
  EXPECT_EQ(read(0, 10).messages.size(), 10U);
  EXPECT_EQ(read(20, 10).messages.size(), 5U);
  EXPECT_EQ(read(20, 10).message_count, 25);
  EXPECT_TRUE(read(100, 10).messages.empty());
}

TEST_F(MemoryTest, ReplacesFlushesAndClears) {
  append({{"user", "a"}, {"user", "b"}, {"user", "c"}});
  EXPECT_EQ(wait(memory_.flush(key_, 1, -1, {})).value().changed, 2);
  EXPECT_GT(read().last_flush_ms, 0);
  EXPECT_EQ(wait(memory_.replace(key_, {{"system", "new"}}, {}, {})).value().message_count, 1);
  EXPECT_EQ(wait(memory_.flush(key_, 0, -1, {})).value().message_count, 0);
  append({{"user", "again"}});
  EXPECT_EQ(wait(memory_.clear(key_, {})).value().changed, 1);
  EXPECT_EQ(read().message_count, 0);
}

TEST_F(MemoryTest, ConversationsOfDifferentProjectsAndKeysNeverMeet) {
  append({{"user", "mine"}});
  const MemoryKey other{.project = "p:chat", .memory = "user", .key = "1"};
  EXPECT_EQ(wait(memory_.read(other, 0, 10)).value().message_count, 0);
}

TEST_F(MemoryTest, RefusesUnknownRolesAndHugeMessages) {
  EXPECT_THAT(wait(memory_.append(key_, {{"robot", "x"}}, {}, {})).error().message, HasSubstr("unknown role 'robot'"));
  EXPECT_EQ(wait(memory_.append(key_, {{"user", std::string(Memory::kMessageBytesMax + 1, 'x')}}, {}, {})).error().code,
            Errc::too_large);
}

TEST_F(MemoryTest, ATtlSlidesWithEachChange) {
  append({{"user", "a"}}, {.ttl_ms = 60'000});
  const std::vector<std::string_view> keys{"KEYS", "mem:*"};
  EXPECT_EQ(client_.run(keys).value().items.size(), 2U);
  for (const redis::Reply& key : client_.run(keys).value().items) {
    const std::vector<std::string_view> ttl{"PTTL", key.text};
    EXPECT_GT(client_.run(ttl).value().integer, 50'000);
  }
}

}  // namespace
}  // namespace compozy::store
