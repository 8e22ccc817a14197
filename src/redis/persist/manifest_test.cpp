// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/manifest.hpp"

namespace compozy::redis {
namespace {

TEST(Manifest, ReadsWhatRedisWritesAndWritesItBack) {
  const std::string text =
      "file appendonly.aof.2.base.aof seq 2 type b\n"
      "file appendonly.aof.1.base.rdb seq 1 type h\n"
      "file appendonly.aof.3.incr.aof seq 3 type i\n"
      "file \"with space.aof\" seq 4 type i\n";
  const auto manifest = parse_manifest(text, "m");
  ASSERT_TRUE(manifest.has_value());
  EXPECT_EQ(manifest->base->seq, 2U);
  ASSERT_EQ(manifest->incrementals.size(), 2U);
  EXPECT_EQ(manifest->incrementals[1].name, "with space.aof");
  EXPECT_EQ(manifest->history.size(), 1U);
  EXPECT_EQ(manifest->next_incremental_seq(), 5U);
}

TEST(Manifest, NamesTheLineThatIsWrong) {
  for (const std::string text : {"file a seq 1 type x\n", "file a seq 0 type i\n", "file ../a seq 1 type i\n",
                                 "nonsense\n", "file a seq 2 type i\nfile b seq 1 type i\n", "", "\n",
                                 "file a seq 1 type i odd\n", "file a seq 1 type b\nfile b seq 2 type b\n"}) {
    const auto manifest = parse_manifest(text, "the.manifest");
    ASSERT_FALSE(manifest.has_value()) << text;
    EXPECT_EQ(manifest.error().code, Errc::corrupt_data);
    EXPECT_EQ(manifest.error().where.file, "the.manifest");
  }
}

TEST(Manifest, QuotesNamesThatNeedIt) {
  Manifest manifest;
  manifest.base = ManifestFile{" a\n.aof", 1};
  EXPECT_EQ(manifest.to_string(), "file \" a\\n.aof\" seq 1 type b\n");
  const auto again = parse_manifest(manifest.to_string(), "m");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->base->name, " a\n.aof");
}

TEST(Manifest, ARewriteMakesHistoryOfWhatItReplaces) {
  auto manifest = parse_manifest("file a seq 1 type b\nfile b seq 1 type i\nfile c seq 2 type i\n", "m");
  ASSERT_TRUE(manifest.has_value());
  manifest->replace_base({"d", 2}, 2);
  EXPECT_EQ(manifest->to_string(),
            "file d seq 2 type b\nfile b seq 1 type h\nfile a seq 1 type h\nfile c seq 2 type i\n");
}

}  // namespace
}  // namespace compozy::redis
