// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/mock.hpp"
#include "agent/llm/openai.hpp"
#include "agent/llm/sample.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "json/schema.hpp"

namespace compozy::agent {
namespace {

using json::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelRequest request_with(std::string_view prompt, std::string_view params = "{}") {
  ModelRequest request;
  request.model.model = "m";
  request.model.params = *json::parse(params);
  request.messages = {{.role = Role::system, .content = "Be kind."},
                      {.role = Role::user, .content = std::string(prompt)}};
  return request;
}

TEST(OpenAiEncoder, SaysEverythingInTheWordsOfChatCompletions) {
  ModelRequest request = request_with("Weather?", R"({"temperature": 0, "stop_words": ["x"], "max_tokens": 5})");
  request.messages.push_back(
      {.role = Role::assistant, .tool_calls = {{.id = "c1", .name = "look", .arguments = "{}"}}});
  request.messages.push_back({.role = Role::tool, .content = "sunny", .tool_call_id = "c1", .name = "look"});
  request.tools = {{.name = "look", .description = "looks", .parameters = Value()}};
  request.output_schema = Value::object({{"type", "object"}});
  const Value body = encode_openai(request, true);
  EXPECT_EQ(
      json::print(body["messages"]),
      R"([{"role":"system","content":"Be kind."},{"role":"user","content":"Weather?"},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{}"}}]},)"
      R"({"role":"tool","content":"sunny","tool_call_id":"c1"}])");
  EXPECT_EQ(body["temperature"].as_integer(), 0);
  EXPECT_EQ(body["stop"].at(0).as_string(), "x");
  EXPECT_EQ(json::print(body["tools"].at(0)["function"]["parameters"]), R"({"type":"object","properties":{}})");
  EXPECT_EQ(body["response_format"]["json_schema"]["schema"]["type"].as_string(), "object");
  EXPECT_TRUE(body["stream_options"]["include_usage"].as_bool());
  EXPECT_EQ(openai_endpoint(""), "https://api.openai.com/v1/chat/completions");
  EXPECT_EQ(openai_endpoint("http://h:1/v1/"), "http://h:1/v1/chat/completions");
  EXPECT_EQ(openai_endpoint("http://h/v1/chat/completions"), "http://h/v1/chat/completions");
}

TEST(OpenAiStreamDecoder, PutsTextUsageAndFinishTogether) {
  OpenAiStream stream;
  EXPECT_EQ(*stream.feed(R"({"choices":[{"delta":{"role":"assistant","content":null}}]})"), "");
  EXPECT_EQ(*stream.feed(R"({"choices":[{"delta":{"content":"Hel"}}]})"), "Hel");
  EXPECT_EQ(*stream.feed(R"({"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}]})"), "lo");
  EXPECT_EQ(
      *stream.feed(
          R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}})"),
      "");
  EXPECT_FALSE(stream.is_done());
  EXPECT_EQ(*stream.feed("[DONE]"), "");
  EXPECT_TRUE(stream.is_done());
  auto answer = std::move(stream).finish();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->text, "Hello");
  EXPECT_EQ(answer->finish_reason, "stop");
  EXPECT_EQ(answer->usage.total_tokens, 5);
  EXPECT_EQ(answer->usage.cached_prompt_tokens, 1);
}

TEST(OpenAiStreamDecoder, JoinsToolCallsByIndex) {
  OpenAiStream stream;
  ASSERT_TRUE(stream.feed(
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}]}}]})"));
  ASSERT_TRUE(stream.feed(
      R"({"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}]}}]})"));
  ASSERT_TRUE(stream.feed(
      R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"finish_reason":"tool_calls"}]})"));
  auto answer = std::move(stream).finish();
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->tool_calls.size(), 2U);
  EXPECT_EQ(answer->tool_calls[0].arguments, "{\"x\":1}");
  EXPECT_EQ(answer->tool_calls[1].name, "g");
}

TEST(OpenAiStreamDecoder, SaysWhatIsBroken) {
  EXPECT_THAT(OpenAiStream().feed("nonsense").error().message, HasSubstr("no JSON"));
  EXPECT_THAT(OpenAiStream().feed(R"({"error":{"message":"overloaded"}})").error().message, HasSubstr("overloaded"));
  EXPECT_FALSE(OpenAiStream().feed(R"({"choices":[{"delta":{"tool_calls":[{"index":100000}]}}]})"));
  OpenAiStream cut;
  ASSERT_TRUE(cut.feed(R"({"choices":[{"delta":{"content":"Hel"}}]})"));
  EXPECT_EQ(std::move(cut).finish().error().code, Errc::closed);
}

TEST(OpenAiFailure, TellsWhatMayBeTriedAgain) {
  EXPECT_EQ(openai_failure(503, "", "7", 0).kind, ModelFailure::Kind::unavailable);
  EXPECT_EQ(openai_failure(503, "", "7", 0).retry_after_ms, 7'000);
  EXPECT_EQ(openai_failure(429, "", "99999999999999", 0).retry_after_ms, kRetryAfterMaxMs);
  EXPECT_EQ(openai_failure(429, "", "", 0).error.message, "the model provider answered 429");
  EXPECT_EQ(openai_failure(429, "{}", "", 0).kind, ModelFailure::Kind::unavailable);
  EXPECT_EQ(openai_failure(429, R"({"error":{"code":"insufficient_quota"}})", "", 0).kind, ModelFailure::Kind::final);
  EXPECT_EQ(openai_failure(400, "", "", 0).kind, ModelFailure::Kind::final);
  EXPECT_THAT(openai_failure(401, R"({"error":{"message":"bad key"}})", "", 0).error.message,
              HasSubstr("bad key; check the model's api_key"));
}

TEST(Messages, SurviveTheRoundTripThroughJson) {
  const Message message{
      .role = Role::assistant, .content = "x", .tool_calls = {{.id = "i", .name = "n", .arguments = "{}"}}};
  auto back = message_from_json(to_json(message));
  ASSERT_TRUE(back);
  EXPECT_EQ(json::print(to_json(*back)), json::print(to_json(message)));
  EXPECT_FALSE(message_from_json(Value::object({{"role", "robot"}, {"content", ""}})));
  ModelAnswer answer{
      .text = "t", .tool_calls = message.tool_calls, .usage = {.prompt_tokens = 1}, .finish_reason = "stop"};
  EXPECT_EQ(json::print(to_json(*answer_from_json(to_json(answer)))), json::print(to_json(answer)));
}

TEST(Models, TakeTheirKeyFromTheHostsEnvironment) {
  project::ModelConfig model{
      .model = "m", .api_key = "{{ .env.KEY }}", .api_url = "{{ .env.URL | default \"http://d\" }}"};
  auto resolved = resolve_model(model, Value::object({{"KEY", "sesame"}}));
  ASSERT_TRUE(resolved) << resolved.error().to_string();
  EXPECT_EQ(resolved->api_key, "sesame");
  EXPECT_EQ(resolved->api_url, "http://d");
  EXPECT_THAT(resolve_model(model, Value::object()).error().message, HasSubstr("no key 'KEY'"));
}

TEST(Mock, EchoesUnlessARuleMatches) {
  EXPECT_EQ(mock_answer(request_with("Hello there"))->text, "Hello there");
  const char* rules =
      R"({"rules": [{"match": ["rome", "weather"], "reply": "sunny: {{ .prompt }}"}, {"match": "json", "reply": {"a": [1]}}]})";
  EXPECT_EQ(mock_answer(request_with("Weather in ROME?", rules))->text, "sunny: Weather in ROME?");
  EXPECT_EQ(mock_answer(request_with("as json", rules))->text, R"({"a":[1]})");
  EXPECT_EQ(mock_answer(request_with("rome", rules))->text, "rome");
  EXPECT_GT(mock_answer(request_with("rome", rules))->usage.total_tokens, 0);
}

TEST(Mock, CallsToolsOnceAndUsesTheirResult) {
  const char* rules =
      R"({"rules": [{"after": "look", "reply": "got {{ .result }}"}, {"match": "go", "tool_calls": [{"name": "look", "arguments": {"q": 1}}]}]})";
  ModelRequest request = request_with("go", rules);
  auto first = mock_answer(request);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->tool_calls.size(), 1U);
  EXPECT_EQ(first->finish_reason, "tool_calls");
  EXPECT_EQ(first->tool_calls[0].arguments, R"({"q":1})");
  request.messages.push_back({.role = Role::assistant, .tool_calls = first->tool_calls});
  request.messages.push_back(
      {.role = Role::tool, .content = "42", .tool_call_id = first->tool_calls[0].id, .name = "look"});
  EXPECT_EQ(mock_answer(request)->text, "got 42");
}

TEST(Mock, FailsAsTold) {
  const char* rules = R"({"rules": [{"error": {"message": "out of order", "kind": "unavailable"}}]})";
  auto reply = mock_answer(request_with("x", rules));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ModelFailure::Kind::unavailable);
  EXPECT_THAT(mock_answer(request_with("x", R"({"ruls": []})")).error().error.message,
              HasSubstr("did you mean 'rules'?"));
}

TEST(Mock, StreamsWordByWord) {
  io::Loop loop;
  MockProvider mock(loop);
  std::vector<std::string> deltas;
  auto reply = io::run_until(
      loop, mock.ask(request_with("one two three"), [&](std::string_view text) { deltas.emplace_back(text); }, {}));
  ASSERT_TRUE(reply);
  EXPECT_THAT(deltas, ElementsAre("one ", "two ", "three"));
}

class Samples : public ::testing::TestWithParam<const char*> {};
TEST_P(Samples, SatisfyTheirSchema) {
  const Value schema = *json::parse(GetParam());
  auto sample = sample_of(schema, "some words");
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_TRUE(json::Schema::compile(schema)->check(*sample)) << json::print(*sample);
}
INSTANTIATE_TEST_SUITE_P(
    Schemas, Samples,
    ::testing::Values(
        R"({"type":"object","properties":{"a":{"type":"string"},"n":{"type":"number"}},"required":["a"]})",
        R"({"type":"array","items":{"type":"string"},"minItems":3})", R"({"type":"integer","minimum":7,"maximum":9})",
        R"({"type":"string","enum":["x","y"]})", R"({"type":"string","maxLength":3})",
        R"({"type":"string","minLength":90})", R"({"type":"array","items":{"type":"integer"},"uniqueItems":true})",
        R"({"type":["string","null"]})",
        R"({"type":"object","properties":{"d":{"$ref":"#/definitions/d"}},"definitions":{"d":{"type":"boolean"}}})",
        R"({"type":"integer","exclusiveMinimum":4,"multipleOf":5})",
        R"({"anyOf":[{"type":"boolean"},{"type":"null"}]})"));

TEST(Sample, SaysWhenItFindsNone) {
  EXPECT_THAT(sample_of(Value::object({{"type", "string"}, {"pattern", "^[0-9]+$"}}), "x").error().message,
              HasSubstr("give it a rule"));
}

}  // namespace
}  // namespace compozy::agent
