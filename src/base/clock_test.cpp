#include "base/clock.hpp"

namespace compozy {
namespace {

TEST(Clock, FormatsRfc3339InUtcWithMilliseconds) {
  EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(1'709'164'800'123), "2024-02-29T00:00:00.123Z");
  EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Clock, ManualClockMovesOnlyWhenTold) {
  ManualClock clock(1000);
  EXPECT_EQ(clock.wall_ms(), 1000);
  clock.advance_ms(250);
  EXPECT_EQ(clock.wall_ms(), 1250);
  EXPECT_EQ(clock.monotonic_us(), 250'000);
}

}  // namespace
}  // namespace compozy
