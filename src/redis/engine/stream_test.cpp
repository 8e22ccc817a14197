// SPDX-License-Identifier: Apache-2.0
//
// Streams through the engine: who waits, who is woken with what, and what the log gets.
#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class StreamTest : public EngineFixture {};

TEST_F(StreamTest, AReaderThatWaitsGetsTheFirstNewEntry) {
  Session& reader = another();
  EXPECT_EQ(run_on(reader, "XREAD BLOCK 0 STREAMS a b $ $"), "");
  run("XADD b 5-1 f v");
  EXPECT_EQ(take(reader), R"([["b", [["5-1", ["f", "v"]]]]])");
}

TEST_F(StreamTest, AGroupsReaderIsToldThatItsStreamOrGroupIsGone) {
  Session& reader = another();
  run("XGROUP CREATE s g $ MKSTREAM");
  run_on(reader, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
  run("DEL s");
  EXPECT_THAT(take(reader), HasSubstr("UNBLOCKED the stream key no longer exists"));
  run("XGROUP CREATE s g $ MKSTREAM");
  run_on(reader, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
  run("XGROUP DESTROY s g");
  EXPECT_THAT(take(reader), HasSubstr("NOGROUP"));
  run("XGROUP CREATE s g $ MKSTREAM");
  run_on(reader, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
  run("FLUSHALL");
  EXPECT_THAT(take(reader), HasSubstr("UNBLOCKED"));
}

TEST_F(StreamTest, OneEntryGoesToOneConsumerTheOneThatCameFirst) {
  Session& first = another();
  Session& second = another();
  run("XGROUP CREATE s g $ MKSTREAM");
  run_on(first, "XREADGROUP GROUP g one BLOCK 0 STREAMS s >");
  run_on(second, "XREADGROUP GROUP g two BLOCK 0 STREAMS s >");
  run("XADD s 1-1 f v");
  EXPECT_THAT(take(first), HasSubstr("1-1"));
  EXPECT_EQ(take(second), "");
  run("XADD s 2-1 f v");
  EXPECT_THAT(take(second), HasSubstr("2-1"));
}

TEST_F(StreamTest, TheLogGetsWhatHappenedNotWhatWasAsked) {
  run("XADD s 1-* f v");
  run("XADD s MAXLEN ~ 100 2-1 f v");
  run("XGROUP CREATE s g 0");
  sink_.units.clear();
  run("XREADGROUP GROUP g c COUNT 1 STREAMS s >");
  ASSERT_EQ(sink_.units.size(), 1U);
  EXPECT_THAT(sink_.units[0], HasSubstr("XCLAIM s g c 0 1-0 TIME"));
  EXPECT_THAT(sink_.units[0], HasSubstr("RETRYCOUNT 1 FORCE JUSTID LASTID 1-0"));
  EXPECT_THAT(sink_.units[0], HasSubstr("XGROUP SETID s g 1-0 ENTRIESREAD 1"));
  sink_.units.clear();
  run("XADD s MAXLEN ~ 100 3-* f v");
  EXPECT_THAT(sink_.units, ElementsAre("XADD s MAXLEN = 3 3-0 f v ; "));
}

}  // namespace
}  // namespace compozy::redis
