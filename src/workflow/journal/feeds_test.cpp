#include "workflow/journal/feeds.hpp"

namespace compozy::workflow {
namespace {

FeedEvent event(int64_t n) { return {.n = n, .at_ms = 1, .kind = "task_status", .body = "{}"}; }

TEST(Feeds, EverySubscriberGetsTheEventsOfItsRunUntilTheRunEnds) {
  Feeds feeds;
  const auto one = feeds.subscribe("a");
  const auto two = feeds.subscribe("a");
  const auto other = feeds.subscribe("b");
  feeds.publish("a", event(1));
  feeds.close("a");
  for (const auto& feed : {one, two}) {
    EXPECT_EQ(feed->try_pop()->n, 1);
    EXPECT_TRUE(feed->is_closed());
  }
  EXPECT_FALSE(other->try_pop());
  EXPECT_FALSE(other->is_closed());
}

TEST(Feeds, NothingIsKeptOfSubscribersThatLeftAlsoOfRunsThatHadEnded) {
  Feeds feeds;
  for (int i = 0; i < 100; ++i) (void)feeds.subscribe("ended-" + std::to_string(i));
  EXPECT_EQ(feeds.size(), 0U);
  auto one = feeds.subscribe("a");
  auto two = feeds.subscribe("a");
  one.reset();
  EXPECT_EQ(feeds.size(), 1U);
  two.reset();
  EXPECT_EQ(feeds.size(), 0U);
}

TEST(Feeds, ATextThatIsBeingWrittenIsKeptWithoutSubscribersAndShownOnceToTheNext) {
  Feeds feeds;
  feeds.delta("a", {.path = "t#1", .op = 1, .attempt = 1}, "Hel", 1);
  feeds.subscribe("a").reset();
  feeds.delta("a", {.path = "t#1", .op = 1, .attempt = 1}, "lo", 1);
  const auto late = feeds.subscribe("a");
  EXPECT_THAT(late->try_pop()->body, ::testing::HasSubstr(R"("text":"Hello")"));
  EXPECT_FALSE(late->try_pop());
  feeds.text_ended("a", 1);
  EXPECT_EQ(feeds.size(), 1U);
}

TEST(Feeds, AFeedMayOutliveThem) {
  std::shared_ptr<Feed> feed;
  {
    Feeds feeds;
    feed = feeds.subscribe("a");
  }
  feed.reset();
}

}  // namespace
}  // namespace compozy::workflow
