// SPDX-License-Identifier: Apache-2.0
#include "project/definition.hpp"

#include "json/print.hpp"

namespace compozy::project {
namespace {

Workflow sample() {
  Workflow workflow{.id = "weather", .version = "1.0.0", .project = "demo"};
  workflow.input_schema = json::Value::object({{"type", "object"}});
  Task first{.id = "now", .with = json::Value::object({{"city", "{{ .workflow.input.city }}"}})};
  first.on_success = Transition{.next = "each", .with = json::Value::object({{"n", 1}})};
  first.agent = "guide";
  first.action = "get";
  Task each{.id = "each", .type = TaskType::collection};
  each.items = "{{ .tasks.now.output }}";
  each.mode = CollectionMode::sequential;
  each.strategy = Strategy::race;
  each.tasks.push_back(Task{.id = "x-{{ .index }}", .type = TaskType::memory});
  each.tasks.front().operation = MemoryOperation::remove;
  each.routes = {{"a", "now"}, {"b", "each"}};
  workflow.tasks = {first, each};
  Agent guide{.id = "guide", .instructions = "You are a guide."};
  guide.actions.push_back(Action{.id = "get", .prompt = "Weather?"});
  guide.memory.push_back(MemoryRef{.id = "user", .key = "user:1", .read_only = true});
  guide.model.params = json::Value::object({{"temperature", 0}});
  workflow.agents.push_back(guide);
  workflow.tools.push_back(
      Tool{.id = "save", .runtime = ToolRuntime::executable, .source = "tools/save", .args = {"-v"}});
  workflow.memories.push_back(Memory{.id = "user", .type = "buffer"});
  workflow.triggers.push_back(Trigger{.name = "ready"});
  return workflow;
}

TEST(Definition, SurvivesTheRoundTripThroughJson) {
  const Workflow workflow = sample();
  const json::Value body = to_json(workflow);
  auto back = workflow_from_json(body);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(json::print(to_json(*back)), json::print(body));
  EXPECT_EQ(back->tasks[1].tasks[0].operation, MemoryOperation::remove);
  EXPECT_EQ(back->tasks[1].strategy, Strategy::race);
  EXPECT_EQ(back->tasks[0].on_success->with["n"].as_integer(), 1);
  EXPECT_EQ(back->tasks[1].routes[1].second, "each");
  EXPECT_EQ(back->tools[0].args[0], "-v");
  EXPECT_TRUE(back->agents[0].memory[0].read_only);
}

TEST(Definition, HashFollowsContentAndNothingElse) {
  EXPECT_EQ(content_hash(sample()), content_hash(sample()));
  Workflow changed = sample();
  changed.tasks[0].policy.retry.attempts = 4;
  EXPECT_NE(content_hash(changed), content_hash(sample()));
}

TEST(Definition, RefusesANewerFormat) {
  json::Value body = to_json(sample());
  body.set("format", kDefinitionFormat + 1);
  auto back = workflow_from_json(body);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, Errc::newer_format);
}

TEST(Definition, NamesTheFieldThatHasTheWrongKind) {
  json::Value body = json::Value::object(
      {{"format", 1},
       {"id", "x"},
       {"tasks", json::Value::array({json::Value::object(
                     {{"id", "t"},
                      {"policy", json::Value::object({{"retry", json::Value::object({{"attempts", "three"}})}})}})})}});
  auto back = workflow_from_json(body);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().field, "tasks.policy.retry.attempts");
  body = json::Value::object({{"format", 1}, {"tasks", json::Value::array({json::Value::object({{"type", "bsic"}})})}});
  back = workflow_from_json(body);
  ASSERT_FALSE(back);
  EXPECT_THAT(back.error().message, ::testing::HasSubstr("bsic"));
}

TEST(Definition, FindsItsPartsById) {
  const Workflow workflow = sample();
  EXPECT_EQ(workflow.find_task("each"), &workflow.tasks[1]);
  EXPECT_EQ(workflow.find_task("none"), nullptr);
  ASSERT_NE(workflow.find_agent("guide"), nullptr);
  EXPECT_NE(workflow.find_agent("guide")->find_action("get"), nullptr);
  EXPECT_NE(workflow.find_tool("save"), nullptr);
  EXPECT_NE(workflow.find_memory("user"), nullptr);
}

TEST(Policy, RoomForAllAttemptsCountsThePausesBetweenThem) {
  Policy policy;
  policy.start_to_close_ms = 1'000;
  constexpr int64_t kSlackMs = 3 * 60'000;
  EXPECT_EQ(policy.all_attempts_ms(), 3 * 1'000 + 1'000 + 2'000 + kSlackMs);
  policy.retry.maximum_ms = 1'500;
  EXPECT_EQ(policy.all_attempts_ms(), 3 * 1'000 + 1'000 + 1'500 + kSlackMs);
}

}  // namespace
}  // namespace compozy::project
