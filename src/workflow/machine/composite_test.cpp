// SPDX-License-Identifier: Apache-2.0
//
// The children of a composite, and how they lead on.
#include "workflow/machine/played_run.hpp"

namespace compozy::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string composite(const std::string& tasks, const std::string& further = "") {
  return R"({"tasks":[{"id":"c","type":"composite","tasks":[)" + tasks + "]" + further + "}]}";
}

TEST(Composite, RunsInOrderAndLaterChildrenSeeEarlierOnes) {
  Played run(R"({"tasks":[{"id":"c","type":"composite","tasks":[{"id":"a","tool":"echo","with":{"v":1}},
      {"id":"b","tool":"echo","with":{"v":"{{ .tasks.a.output.v }}"}}],"outputs":{"b":"{{ .children.b.output.v }}"}}]})");
  EXPECT_EQ(run.open_paths(), "c#1/a#1");
  run.echo_all();
  EXPECT_EQ(json::print(run.state.tasks["c"]["output"]), R"({"b":1})");
}

TEST(Composite, StopsAtTheFirstFailure) {
  Played run(
      R"({"tasks":[{"id":"c","type":"composite","tasks":[{"id":"a","tool":"echo"},{"id":"b","tool":"echo"}]}]})");
  run.fail_activity("a broke");
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_EQ(run.state.tasks.find("b"), nullptr);
}

TEST(Composite, AChildLeadsOnToALaterSiblingAndHandsItSomething) {
  Played run(
      composite(R"({"id":"a","tool":"echo","with":{"v":1},"on_success":{"next":"d","with":{"from":"{{ .output.v }}"}}},
      {"id":"b","tool":"echo"},{"id":"d","tool":"echo","with":{"own":2}},{"id":"e","tool":"echo"})"));
  run.answer(R"({"v":7})");
  EXPECT_EQ(run.open_paths(), "c#1/d#1");
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"own":2,"from":7})");
  run.answer("{}");
  EXPECT_EQ(run.open_paths(), "c#1/e#1") << "without a link the order of the declaration holds";
  EXPECT_EQ(json::print(run.spec()["input"]), "{}") << "what was handed on is used up";
  run.answer("{}");
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.state.tasks.find("b"), nullptr);
  EXPECT_EQ(run.state.tasks["c"]["output"]["progress_info"]["success_count"].as_integer(), 3);
}

TEST(Composite, ASiblingHandlesAFailureAndSeesIt) {
  Played run(composite(
      R"({"id":"a","tool":"echo","on_success":{"next":"d"},"on_error":{"next":"mend","with":{"why":"{{ .error.message }}"}}},
      {"id":"mend","tool":"echo","with":{"code":"{{ .error.code }}"}},{"id":"d","tool":"echo","with":{"e":"{{ .error | default \"none\" }}"}})"));
  run.fail_activity("broke");
  EXPECT_EQ(run.open_paths(), "c#1/mend#1");
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"code":"tool_error","why":"broke"})");
  run.answer("{}");
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"e":"none"})");
  run.answer("{}");
  EXPECT_EQ(run.state.status, Status::success);
  const json::Value& output = run.state.tasks["c"]["output"];
  EXPECT_EQ(output["progress_info"]["failed_count"].as_integer(), 1);
  EXPECT_EQ(output["progress_info"]["overall_status"].as_string(), "SUCCESS");
  EXPECT_EQ(run.state.tasks["c"]["children"]["a"]["status"].as_string(), "FAILED");
}

TEST(Composite, AFailureOfTheHandlerFailsIt) {
  Played run(composite(R"({"id":"a","tool":"echo","on_error":{"next":"b"}},{"id":"b","tool":"echo"})"));
  run.fail_activity("a broke");
  run.fail_activity("b broke");
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_THAT(run.error(), HasSubstr("b broke"));
}

TEST(Composite, ARouterInsidePicksALaterSiblingAndTheOthersArePassedOver) {
  const std::string flow = composite(
      R"({"id":"r","type":"router","condition":"workflow.input.way","routes":[["left","l"],["right","t"]],"on_success":{"with":{"way":"{{ .output.condition }}"}}},
      {"id":"l","tool":"echo","on_success":{"next":"end"}},{"id":"t","tool":"echo"},{"id":"end","tool":"echo"})");
  Played left(flow, R"({"way":"left"})");
  EXPECT_EQ(left.open_paths(), "c#1/l#1");
  EXPECT_EQ(json::print(left.spec()["input"]), R"({"way":"left"})");
  left.answer("{}");
  EXPECT_EQ(left.open_paths(), "c#1/end#1");
  Played right(flow, R"({"way":"right"})");
  EXPECT_EQ(right.open_paths(), "c#1/t#1");
  right.echo_all();
  EXPECT_EQ(right.state.status, Status::success);
  EXPECT_EQ(right.state.tasks.find("l"), nullptr);
  Played lost(flow, R"({"way":"up"})");
  EXPECT_THAT(lost.error(), HasSubstr("no route for 'up'"));
}

TEST(Composite, AFinalChildEndsItAndNotTheRun) {
  Played run(R"({"tasks":[{"id":"c","type":"composite","on_success":{"next":"z"},"tasks":[
      {"id":"a","tool":"echo","final":true},{"id":"b","tool":"echo"}]},{"id":"z","tool":"echo"}]})");
  run.answer("{}");
  EXPECT_EQ(run.open_paths(), "z#1");
  run.answer("{}");
  EXPECT_EQ(run.state.status, Status::success);
}

TEST(Composite, AWaitThatTimesOutLeadsToItsSibling) {
  Played run(composite(
      R"({"id":"w","type":"wait","wait_for":"go","timeout_ms":50,"on_timeout":"late","on_success":{"next":"end"}},
      {"id":"late","tool":"echo"},{"id":"end","tool":"echo"})"));
  run.fire(run.timers.begin()->first);
  EXPECT_EQ(run.open_paths(), "c#1/late#1");
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success);
}

TEST(Composite, APausedRunKeepsWhereItWasLed) {
  Played run(composite(
      R"({"id":"a","tool":"echo","on_success":{"next":"d"}},{"id":"b","tool":"echo"},{"id":"d","tool":"echo"})"));
  run.feed(Controlled{.control = Control::pause, .reason = {}}).value();
  run.answer("{}");
  EXPECT_EQ(run.open_paths(), "");
  run.feed(Controlled{.control = Control::resume, .reason = {}}).value();
  EXPECT_EQ(run.open_paths(), "c#1/d#1");
}

TEST(Composite, InsideACollectionTheIdsOfItsChildrenAreRendered) {
  Played run(
      R"({"tasks":[{"id":"each","type":"collection","items":["x","y"],"tasks":[{"id":"s-{{ .item }}","type":"composite","tasks":[
      {"id":"u-{{ .item }}","tool":"echo","with":{"v":"{{ .item }}"}},
      {"id":"p","type":"parallel","tasks":[{"id":"q-{{ .item }}/{{ .index }}","tool":"echo","with":{"u":"{{ (index .tasks (print \"u-\" .item)).output.v }}"}}]}]}]}]})");
  EXPECT_EQ(run.open_paths(), "each#1/s-x#1[0]/u-x#1[0] each#1/s-y#1[1]/u-y#1[0]");
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success) << run.error();
  EXPECT_EQ(json::print(run.state.tasks["q-y/1"]["output"]), R"({"u":"y"})");
  EXPECT_EQ(json::print(run.state.tasks["each"]["children"]["s-x"]["children"]["u-x"]["output"]), R"({"v":"x"})");
}

}  // namespace
}  // namespace compozy::workflow
