// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/stream_value.hpp"

#include <vector>

namespace compozy::redis {
namespace {

std::vector<std::string> all(const StreamValue& stream, bool backwards = false) {
  std::vector<std::string> entries;
  stream.for_each({}, StreamId::max(), backwards, [&](StreamId id, const StreamValue::Fields& fields) {
    std::string text = id.to_string();
    for (const ListpackItem& field : fields) text += " " + field.to_string();
    entries.push_back(text);
    return true;
  });
  return entries;
}

void add(StreamValue& stream, uint64_t ms, std::vector<std::string_view> fields) {
  stream.append({.ms = ms}, fields, {.chunk_bytes = 4096, .chunk_entries = 4});
}

TEST(Listpack, GivesBackTextsAndIntegersOfEverySizeInBothDirections) {
  Listpack pack;
  std::vector<std::string> texts{"",
                                 "a",
                                 "127",
                                 "128",
                                 "-1",
                                 "4095",
                                 "-4096",
                                 "32767",
                                 "-32769",
                                 "8388607",
                                 "2147483647",
                                 "-9223372036854775808",
                                 "007",
                                 std::string(63, 'x'),
                                 std::string(64, 'x'),
                                 std::string(4095, 'y'),
                                 std::string(70'000, 'z')};
  for (const auto& text : texts) pack.append(text);
  ASSERT_TRUE(ListpackView::valid(pack.bytes()));
  const ListpackView view = pack.view();
  EXPECT_EQ(view.count(), texts.size());
  std::vector<uint32_t> places;
  for (uint32_t at = view.begin(); at < view.end(); at = view.next(at)) places.push_back(at);
  ASSERT_EQ(places.size(), texts.size());
  uint32_t at = view.end();
  for (size_t i = texts.size(); i-- > 0;) {
    at = view.previous(at);
    EXPECT_EQ(at, places[i]);
    EXPECT_EQ(view.get(at).to_string(), texts[i]);
  }
}

TEST(Listpack, NoDamagedByteIsTakenForAListpackThatReadsBeyondItsEnd) {
  Listpack pack;
  for (const char* text : {"abc", "1", "70000", "hello world"}) pack.append(std::string_view(text));
  const std::string good(pack.bytes());
  for (size_t i = 0; i < good.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::string bad = good;
      bad[i] = static_cast<char>(value);
      if (!ListpackView::valid(bad)) continue;
      const ListpackView view(bad);
      for (uint32_t at = view.begin(); at < view.end(); at = view.next(at)) (void)view.get(at).to_string();
    }
    EXPECT_FALSE(ListpackView::valid(std::string_view(good).substr(0, i)));
  }
}

TEST(StreamValue, KeepsEntriesInChunksAndFindsThemBothWays) {
  StreamValue stream;
  for (uint64_t ms = 1; ms <= 10; ++ms) add(stream, ms, {"f", ms % 3 == 0 ? "x" : "7"});
  add(stream, 11, {"other", "1", "fields", "2"});
  EXPECT_EQ(stream.size(), 11U);
  EXPECT_EQ(stream.chunk_count(), 3U);
  EXPECT_EQ(all(stream).front(), "1-0 f 7");
  EXPECT_EQ(all(stream, true).front(), "11-0 other 1 fields 2");
  EXPECT_EQ(all(stream).size(), 11U);
  EXPECT_TRUE(stream.contains({.ms = 9}));
  EXPECT_FALSE(stream.contains({.ms = 9, .seq = 1}));
}

TEST(StreamValue, TrimsExactlyOrByWholeChunks) {
  StreamValue stream;
  for (uint64_t ms = 1; ms <= 12; ++ms) add(stream, ms, {"f", "v"});
  EXPECT_EQ(stream.trim({.length = 7, .whole_chunks = true}), 4U);  // a second chunk would leave too few
  EXPECT_EQ(stream.first_id, (StreamId{.ms = 5}));
  EXPECT_EQ(stream.trim({.length = 7}), 1U);
  EXPECT_EQ(stream.trim({.first = StreamId{.ms = 10}}), 4U);
  EXPECT_EQ(all(stream), (std::vector<std::string>{"10-0 f v", "11-0 f v", "12-0 f v"}));
}

TEST(StreamValue, ADeletedEntryIsGoneAndTheLastOneTakesItsChunkAlong) {
  StreamValue stream;
  for (uint64_t ms = 1; ms <= 5; ++ms) add(stream, ms, {"f", "v"});
  for (uint64_t ms = 1; ms <= 4; ++ms) EXPECT_TRUE(stream.erase({.ms = ms}));
  EXPECT_FALSE(stream.erase({.ms = 4}));
  EXPECT_EQ(stream.chunk_count(), 1U);
  EXPECT_EQ(all(stream), (std::vector<std::string>{"5-0 f v"}));
}

TEST(StreamGroup, APendingEntryBelongsToOneConsumer) {
  StreamGroup group;
  auto& a = group.add_consumer("a", 1);
  auto& b = group.add_consumer("b", 1);
  group.assign({.ms = 1}, a, 1, 1);
  group.assign({.ms = 2}, a, 1, 1);
  group.assign({.ms = 1}, b, 2, 2);
  EXPECT_EQ(a.second.pending.size(), 1U);
  EXPECT_EQ(group.remove_consumer("b"), 1U);
  EXPECT_EQ(group.pending.size(), 1U);
}

}  // namespace
}  // namespace compozy::redis
