#include "observe/metrics.hpp"

namespace compozy::metrics {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, RenderInPrometheusTextFormat) {
  counter("test_runs_total", "Runs.", "mode=\"standalone\"").add(3);
  gauge("test_open", "Open.").set(-2);
  const std::string text = render();
  EXPECT_THAT(text, HasSubstr("# HELP test_runs_total Runs.\n# TYPE test_runs_total counter\n"
                              "test_runs_total{mode=\"standalone\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("test_open -2\n"));
}

TEST(Metrics, HistogramBucketsAreCumulative) {
  Histogram& seconds = histogram("test_seconds", "Seconds.");
  seconds.observe(0.0004);
  seconds.observe(2);
  const std::string text = render();
  EXPECT_THAT(text, HasSubstr("test_seconds_bucket{le=\"0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("test_seconds_bucket{le=\"5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("test_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("test_seconds_count 2\n"));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  EXPECT_EQ(&counter("test_same_total", "Same."), &counter("test_same_total", "Same."));
}

}  // namespace
}  // namespace compozy::metrics
