// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/value_codec.hpp"

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/rdb/crc64.hpp"
#include "redis/rdb/lzf.hpp"

namespace compozy::redis {
namespace {

class ValueCodec : public testing::Test {
 protected:
  // The payload of a key that was made from a payload equals it.
  void expect_round_trip(std::string_view key) {
    const std::string payload = dump_payload(*db().peek(key));
    LoadedValue value;
    ASSERT_EQ(read_payload(payload, space_.limits, value), PayloadError::none) << key;
    value.add_to(db(), "copy", -1);
    EXPECT_EQ(db().peek("copy")->type, db().peek(key)->type);
    EXPECT_EQ(dump_payload(*db().peek("copy")), payload) << key;
    db().erase("copy");
  }
  template <class V>
  V& create(std::string_view key, Type type) {
    auto* value = counted_new<V>();
    db().add(key, type, value);
    return *value;
  }
  Database& db() { return space_.database(0); }

  ManualClock clock_;
  SeededRandom random_{1};
  Keyspace space_{clock_, random_};
  AccountScope account_{space_.memory()};
};

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

std::string sealed(std::string payload, int version = kRdbVersion) {
  RdbWriter out(payload);
  out.little_endian(static_cast<uint64_t>(version), 2);
  out.little_endian(crc64(0, payload), 8);
  return payload;
}

TEST(Crc64, IsTheJonesVariant) { EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9caULL); }

TEST(Lzf, GivesBackWhatItShortened) {
  SeededRandom random(3);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    while (text.size() < 3000) {
      text.append(random.below(40), static_cast<char>('a' + random.below(3)));
      text += static_cast<char>(random.below(256));
    }
    const std::string packed = lzf_compress(text, text.size());
    std::string back;
    ASSERT_TRUE(lzf_decompress(packed, text.size(), back));
    EXPECT_EQ(back, text);
    EXPECT_FALSE(lzf_decompress(packed, text.size() + 1, back));
    std::string broken = packed;
    broken[random.below(broken.size())] = static_cast<char>(random.below(256));
    lzf_decompress(broken, text.size(), back);
  }
}

TEST_F(ValueCodec, EveryTypeAndEncodingComesBack) {
  for (const char* text : {"", "0", "-1", "127", "128", "-32769", "2147483648", "007", "hello"}) {
    db().set_string("s", text);
    expect_round_trip("s");
  }
  db().set_string("s", std::string(100'000, 'x'));
  EXPECT_LT(dump_payload(*db().peek("s")).size(), 2000U);
  expect_round_trip("s");
  auto& list = create<ListValue>("l", Type::list);
  auto& small_hash = create<HashValue>("h", Type::hash);
  auto& big_hash = create<HashValue>("H", Type::hash);
  auto& integers = create<SetValue>("i", Type::set);
  auto& members = create<SetValue>("m", Type::set);
  auto& small_zset = create<ZSetValue>("z", Type::zset);
  auto& big_zset = create<ZSetValue>("Z", Type::zset);
  for (int i = 0; i < 600; ++i) {
    const std::string text = std::to_string(i * 1000) + std::string(static_cast<size_t>(i), 'v');
    list.push_back(text);
    if (i < 20) small_hash.set(std::to_string(i), "v", space_.limits.hash);
    big_hash.set(text, "v", space_.limits.hash);
    if (i < 500) integers.add(std::to_string(i * 1'000'000), space_.limits.intset_entries);
    members.add(text, space_.limits.intset_entries);
    if (i < 20) small_zset.set(std::to_string(i), i * 0.1, space_.limits.zset);
    big_zset.set(text, i * 0.1, space_.limits.zset);
  }
  for (const char* key : {"l", "h", "i", "z"}) expect_round_trip(key);
  for (const char* key : {"H", "m", "Z"}) {  // Tables have no order: sizes are compared.
    LoadedValue value;
    ASSERT_EQ(read_payload(dump_payload(*db().peek(key)), space_.limits, value), PayloadError::none);
    value.add_to(db(), "copy", -1);
    EXPECT_EQ(dump_payload(*db().peek("copy")).size(), dump_payload(*db().peek(key)).size());
    db().erase("copy");
  }
}

TEST_F(ValueCodec, AStreamComesBackWithItsGroups) {
  auto& stream = create<StreamValue>("x", Type::stream);
  for (uint64_t ms = 1; ms <= 250; ++ms) stream.append({.ms = ms}, std::vector<std::string_view>{"f", "v"}, {});
  stream.erase({.ms = 7});
  StreamGroup& group = stream.groups["g"];
  group.assign({.ms = 3}, group.add_consumer("c", 5), 6, 7);
  group.add_consumer("idle", 9);
  expect_round_trip("x");
}

TEST_F(ValueCodec, ReadsWhatOlderVersionsWrote) {
  const auto read = [&](const std::string& body) {
    LoadedValue value;
    EXPECT_EQ(read_payload(sealed(body, 6), space_.limits, value), PayloadError::none);
    db().erase("old");
    value.add_to(db(), "old", -1);
    return db().peek("old");
  };
  // A ziplist of "ab" and 5, as a list and as a hash.
  const std::string ziplist = bytes({17, 0, 0, 0, 14, 0, 0, 0, 2, 0, 0, 2, 'a', 'b', 4, 0xf6, 0xff});
  const Entry* list = read(bytes({10, 17}) + ziplist);
  EXPECT_EQ(list->value<ListValue>().front(), "ab");
  EXPECT_EQ(list->value<ListValue>().back(), "5");
  EXPECT_EQ(read(bytes({13, 17}) + ziplist)->value<HashValue>().get("ab"), "5");
  EXPECT_EQ(read(bytes({12, 17}) + ziplist)->value<ZSetValue>().score("ab"), 5);
  const std::string zipmap = bytes({1, 1, 'k', 2, 1, 'v', 'w', 'x', 0xff});
  EXPECT_EQ(read(bytes({9, 9}) + zipmap)->value<HashValue>().get("k"), "vw");
  EXPECT_EQ(read(bytes({1, 2, 1, 'a', 1, 'b'}))->value<ListValue>().size(), 2U);
  EXPECT_EQ(read(bytes({3, 1, 1, 'a', 3, '1', '.', '5'}))->value<ZSetValue>().score("a"), 1.5);
}

TEST_F(ValueCodec, NoDamagedPayloadIsTakenForAnother) {
  auto& hash = create<HashValue>("h", Type::hash);
  hash.set("field", "value", space_.limits.hash);
  const std::string good = dump_payload(*db().peek("h"));
  LoadedValue value;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] + 1);
    EXPECT_EQ(read_payload(bad, space_.limits, value), PayloadError::checksum);
    EXPECT_NE(read_payload(good.substr(0, i), space_.limits, value), PayloadError::none);
  }
  EXPECT_EQ(read_payload(sealed(bytes({2, 0})), space_.limits, value), PayloadError::format);  // an empty set
  EXPECT_EQ(read_payload(sealed(bytes({4, 2, 1, 'a', 1, 'b', 1, 'a', 1, 'c'})), space_.limits, value),
            PayloadError::format);  // a field twice
  EXPECT_EQ(read_payload(sealed(bytes({0, 1, 'a'}), kRdbVersion + 1), space_.limits, value), PayloadError::checksum);
}

}  // namespace
}  // namespace compozy::redis
