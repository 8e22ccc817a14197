#include "project/cron.hpp"

#include "base/clock.hpp"
#include "base/text.hpp"

namespace compozy::project {
namespace {

// The next instants after a time, as RFC 3339 in UTC.
std::string next(const char* cron, const char* after, const char* zone = "UTC", int count = 1) {
  const auto parsed = Cron::parse(cron);
  if (!parsed) return parsed.error().message;
  int64_t at = parse_instant_ms(after).value();
  std::string out;
  for (int i = 0; i < count; ++i) {
    const auto due = parsed->next(at, zone);
    if (!due) return due.error().message;
    if (!*due) return out + (out.empty() ? "" : " ") + "never";
    at = **due;
    out += (out.empty() ? "" : " ") + format_rfc3339(at).substr(0, 19);
  }
  return out;
}

TEST(Cron, ReadsFiveSixAndSevenFields) {
  EXPECT_EQ(next("30 4 * * *", "2026-01-01T00:00:00Z"), "2026-01-01T04:30:00");
  EXPECT_EQ(next("15 30 4 * * *", "2026-01-01T00:00:00Z"), "2026-01-01T04:30:15");
  EXPECT_EQ(next("0 0 0 1 1 * 2030", "2026-01-01T00:00:00Z"), "2030-01-01T00:00:00");
  EXPECT_EQ(next("0 0 0 1 1 * 2020", "2026-01-01T00:00:00Z"), "never");
  EXPECT_EQ(next("0,15,30,45 * * * * *", "2026-01-01T00:00:31Z", "UTC", 2), "2026-01-01T00:00:45 2026-01-01T00:01:00");
}

TEST(Cron, ReadsRangesStepsListsAndNames) {
  EXPECT_EQ(next("*/20 9-10 * * MON-FRI", "2026-01-02T10:41:00Z", "UTC", 2), "2026-01-05T09:00:00 2026-01-05T09:20:00");
  EXPECT_EQ(next("0 0 1-31/10 feb *", "2026-01-01T00:00:00Z", "UTC", 3),
            "2026-02-01T00:00:00 2026-02-11T00:00:00 2026-02-21T00:00:00");
  EXPECT_EQ(next("0 0 * * 7", "2026-01-01T00:00:00Z"), "2026-01-04T00:00:00");  // Sunday
  EXPECT_EQ(next("0 0 * * sun", "2026-01-01T00:00:00Z"), "2026-01-04T00:00:00");
}

TEST(Cron, ADayMatchesEitherFieldWhenBothAreRestricted) {
  EXPECT_EQ(next("0 0 13 * FRI", "2026-02-01T00:00:00Z", "UTC", 3),
            "2026-02-06T00:00:00 2026-02-13T00:00:00 2026-02-20T00:00:00");
  EXPECT_EQ(next("0 0 ? * FRI", "2026-02-01T00:00:00Z"), "2026-02-06T00:00:00");
}

TEST(Cron, LeapDaysAndMonthsWithoutTheDay) {
  EXPECT_EQ(next("0 0 29 2 *", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00");
  EXPECT_EQ(next("0 0 31 * *", "2026-01-31T00:00:00Z"), "2026-03-31T00:00:00");
  EXPECT_EQ(next("0 0 31 2 *", "2026-01-01T00:00:00Z"), "never");
}

TEST(Cron, MacrosAndEvery) {
  EXPECT_EQ(next("@hourly", "2026-01-01T00:30:00Z"), "2026-01-01T01:00:00");
  EXPECT_EQ(next("@weekly", "2026-01-01T00:30:00Z"), "2026-01-04T00:00:00");
  EXPECT_EQ(next("@every 90s", "2026-01-01T00:00:00Z", "UTC", 2), "2026-01-01T00:01:30 2026-01-01T00:03:00");
  EXPECT_EQ(next("@every 10ms", "2026-01-01T00:00:00Z"), "cron: '@every' takes a duration of at least 1 s");
  EXPECT_EQ(next("@dayly", "2026-01-01T00:00:00Z"), "cron: unknown macro '@dayly'; did you mean '@daily'?");
}

// Berlin: on 29 March 2026 02:00 becomes 03:00 (01:00 UTC); on 25 October 03:00 becomes 02:00 (01:00 UTC).
TEST(Cron, ATimeThatIsSkippedIsDueWhenTheGapEnds) {
  EXPECT_EQ(next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin", 2), "2026-03-29T01:00:00 2026-03-30T00:30:00");
}
TEST(Cron, ATimeThatComesTwiceIsDueOnce) {
  EXPECT_EQ(next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin", 2), "2026-10-25T00:30:00 2026-10-26T01:30:00");
}
TEST(Cron, AnHourlyScheduleNeverStandsStillOrGoesBack) {
  for (const char* zone :
       {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran"}) {
    const Cron cron = Cron::parse("0 * * * *").value();
    int64_t at = parse_instant_ms("2026-01-01T00:00:00Z").value();
    const int64_t end = parse_instant_ms("2028-01-01T00:00:00Z").value();
    while (at < end) {
      const int64_t due = cron.next(at, zone).value().value();
      ASSERT_GT(due, at) << zone;
      ASSERT_LE(due - at, 2 * 3'600'000) << zone << " " << format_rfc3339(at);
      at = due;
    }
  }
}

TEST(Cron, SaysWhatIsWrong) {
  EXPECT_EQ(next("61 * * * *", "2026-01-01T00:00:00Z"), "cron: '61' as minutes; expected a number from 0 to 59");
  EXPECT_EQ(next("* * * * FUN", "2026-01-01T00:00:00Z"),
            "cron: 'FUN' as day of week; expected a number from 0 to 7, or a name such as SUN");
  EXPECT_EQ(next("5-1 * * * *", "2026-01-01T00:00:00Z"),
            "cron: '5-1' as minutes; expected a range whose first value is not above its last");
  EXPECT_EQ(next("*/0 * * * *", "2026-01-01T00:00:00Z"),
            "cron: '*/0' as minutes; expected a step of at least 1 after '/'");
  EXPECT_EQ(next("* * *", "2026-01-01T00:00:00Z"),
            "cron: 3 fields; expected 5 (from minutes), 6 (from seconds) or 7 (with a year at the end)");
  EXPECT_EQ(next("0 0 * * *", "2026-01-01T00:00:00Z", "Mars/Base"),
            "unknown time zone 'Mars/Base'; expected a name such as 'Europe/Berlin'");
}

}  // namespace
}  // namespace compozy::project
