// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/agent_loop.hpp"

#include "expression/secret.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::agent {
namespace {

using json::Value;
using ::testing::HasSubstr;

LoopSpec spec() {
  LoopSpec out{.instructions = "Be kind.", .prompt = "Weather in Rome?"};
  out.tools = {
      {.name = "look",
       .description = "",
       .parameters = *json::parse(
           R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","default":1}},"required":["city"]})")}};
  return out;
}

ModelAnswer calls(std::vector<ToolCall> tool_calls) {
  return {.tool_calls = std::move(tool_calls), .usage = {.total_tokens = 10}, .finish_reason = "tool_calls"};
}
ModelAnswer says(std::string text) {
  return {.text = std::move(text), .usage = {.total_tokens = 5}, .finish_reason = "stop"};
}

// A loop with the given turns applied.
AgentLoop after(LoopSpec given, const std::vector<LoopTurn>& turns) {
  AgentLoop loop(std::move(given));
  for (const LoopTurn& turn : turns) EXPECT_TRUE(loop.apply(turn));
  return loop;
}

const ToolCall kLook{.id = "c1", .name = "look", .arguments = R"({"city":"Rome"})"};

TEST(AgentLoop, AsksAndFinishesWithTheText) {
  const LoopAction first = after(spec(), {}).next();
  const auto& ask = std::get<AskModel>(first);
  ASSERT_EQ(ask.messages.size(), 2U);
  EXPECT_EQ(ask.messages[0].role, Role::system);
  EXPECT_EQ(ask.messages[1].content, "Weather in Rome?");
  const LoopAction last = after(spec(), {answer_turn(says("Sunny"))}).next();
  const auto& finish = std::get<Finish>(last);
  EXPECT_EQ(json::print(finish.output), R"({"response":"Sunny"})");
  EXPECT_EQ(finish.remember[1].content, "Sunny");
  EXPECT_EQ(finish.usage.total_tokens, 5);
}

TEST(AgentLoop, PutsMemoryBeforeThePrompt) {
  LoopSpec given = spec();
  given.has_memory = true;
  EXPECT_TRUE(std::holds_alternative<LoadMemory>(after(given, {}).next()));
  const LoopAction action = after(given, {memory_turn({{.role = Role::user, .content = "earlier"}})}).next();
  EXPECT_EQ(std::get<AskModel>(action).messages[1].content, "earlier");
}

TEST(AgentLoop, CallsToolsWithStableKeysAndDefaults) {
  const LoopAction action = after(spec(), {answer_turn(calls({kLook}))}).next();
  const auto& wanted = std::get<CallTools>(action);
  ASSERT_EQ(wanted.calls.size(), 1U);
  EXPECT_EQ(wanted.calls[0].key, "0/0");
  EXPECT_EQ(json::print(wanted.calls[0].arguments), R"({"city":"Rome","days":1})");
}

TEST(AgentLoop, GoesOnAfterTheResultsThatAreRecorded) {
  const ToolCall second{.id = "c2", .name = "look", .arguments = R"({"city":"Oslo"})"};
  const std::vector<LoopTurn> turns{answer_turn(calls({kLook, second})), result_turn(second, Value("rain"))};
  const LoopAction action = after(spec(), turns).next();
  const auto& wanted = std::get<CallTools>(action);
  ASSERT_EQ(wanted.calls.size(), 1U);
  EXPECT_EQ(wanted.calls[0].call.id, "c1");
  std::vector<LoopTurn> more = turns;
  more.push_back(result_turn(kLook, Value::object({{"sky", "blue"}})));
  const LoopAction ask = after(spec(), more).next();
  const auto& messages = std::get<AskModel>(ask).messages;
  ASSERT_EQ(messages.size(), 5U);
  EXPECT_EQ(messages[3].content, R"({"sky":"blue"})");  // in the order of the calls, not of the results
  EXPECT_EQ(messages[4].content, "rain");
  EXPECT_EQ(messages[4].tool_call_id, "c2");
}

TEST(AgentLoop, TellsTheModelWhatItGotWrongWithoutCallingAnything) {
  const LoopAction action = after(spec(), {answer_turn(calls({{.id = "a", .name = "lok", .arguments = "{}"},
                                                              {.id = "b", .name = "look", .arguments = "{"},
                                                              {.id = "c", .name = "look", .arguments = "{}"}}))})
                                .next();
  const auto& messages = std::get<AskModel>(action).messages;
  ASSERT_EQ(messages.size(), 6U);
  EXPECT_THAT(messages[3].content, HasSubstr("there is no tool 'lok'; there are: look"));
  EXPECT_THAT(messages[4].content, HasSubstr("no JSON"));
  EXPECT_THAT(messages[5].content, HasSubstr("TOOL_INVALID_INPUT"));
}

TEST(AgentLoop, GivesAToolsErrorToTheModelAndStopsWhenItKeepsFailing) {
  LoopSpec given = spec();
  given.limits.tool_errors_max = 2;
  const Result<Value> failed = fail(Errc::tool_error, "no network");
  std::vector<LoopTurn> turns{answer_turn(calls({kLook})), result_turn(kLook, failed)};
  const LoopAction action = after(given, turns).next();
  EXPECT_THAT(std::get<AskModel>(action).messages.back().content, HasSubstr("no network"));
  turns.push_back(answer_turn(calls({kLook})));
  turns.push_back(result_turn(kLook, failed));
  const LoopAction end = after(given, turns).next();
  EXPECT_THAT(std::get<GiveUp>(end).error.message, HasSubstr("failed 2 times in a row"));
  EXPECT_EQ(std::get<GiveUp>(end).usage.total_tokens, 20);
}

TEST(AgentLoop, StopsAtTheLimitOfIterations) {
  LoopSpec given = spec();
  given.limits.iterations_max = 2;
  std::vector<LoopTurn> turns;
  for (int i = 0; i < 3; ++i) {
    turns.push_back(answer_turn(calls({kLook})));
    turns.push_back(result_turn(kLook, Value("x")));
  }
  const LoopAction action = after(given, turns).next();
  EXPECT_EQ(std::get<GiveUp>(action).error.code, Errc::limit_exceeded);
}

TEST(AgentLoop, AsksAgainUntilTheAnswerSatisfiesItsSchema) {
  LoopSpec given = spec();
  given.output_schema = *json::parse(R"({"type":"object","properties":{"t":{"type":"number"}},"required":["t"]})");
  EXPECT_EQ(json::print(std::get<Finish>(after(given, {answer_turn(says(R"({"t":1})"))}).next()).output), R"({"t":1})");
  EXPECT_EQ(
      json::print(std::get<Finish>(after(given, {answer_turn(says("Sure: ```json\n{\"t\":2}\n```"))}).next()).output),
      R"({"t":2})");
  const LoopAction again = after(given, {answer_turn(says("it is hot"))}).next();
  EXPECT_THAT(std::get<AskModel>(again).messages.back().content,
              HasSubstr("attempt 1 of 3): the answer holds no JSON"));
  const std::vector<LoopTurn> bad{answer_turn(says("x")), answer_turn(says(R"({"t":"hot"})")), answer_turn(says("{}"))};
  EXPECT_THAT(std::get<GiveUp>(after(given, bad).next()).error.message, HasSubstr("no valid answer in 3 attempts"));
  const std::vector<LoopTurn> good{answer_turn(says("x")), answer_turn(says(R"({"t":3})"))};
  EXPECT_EQ(std::get<Finish>(after(given, good).next()).usage.total_tokens, 10);
}

TEST(AgentLoop, CutsResultsThatAreTooLong) {
  LoopSpec given = spec();
  given.limits.result_bytes_max = 20;
  const LoopAction action =
      after(given, {answer_turn(calls({kLook})), result_turn(kLook, Value(std::string(500, 'x')))}).next();
  EXPECT_THAT(std::get<AskModel>(action).messages.back().content, HasSubstr("[cut: the result has 500 bytes]"));
}

TEST(AgentLoop, LetsNobodyOutsideNameASecret) {
  const std::string ref = expression::secret_ref("KEY");
  EXPECT_FALSE(expression::contains_secret(answer_turn(says(ref)).body));
  EXPECT_FALSE(expression::contains_secret(result_turn(kLook, Value(ref)).body));
  EXPECT_FALSE(expression::contains_secret(memory_turn({{.role = Role::user, .content = ref}}).body));
}

TEST(AgentLoop, RefusesTurnsThatCannotCome) {
  AgentLoop loop(spec());
  EXPECT_EQ(loop.apply({.kind = "result", .body = {}}).error().code, Errc::corrupt_data);
  EXPECT_EQ(loop.apply({.kind = "dream", .body = {}}).error().code, Errc::corrupt_data);
}

}  // namespace
}  // namespace compozy::agent
