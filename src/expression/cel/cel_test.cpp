// SPDX-License-Identifier: Apache-2.0
#include "expression/cel/cel.hpp"

#include "expression/secret.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::expression {
namespace {

using ::testing::HasSubstr;

constexpr std::array<std::string_view, 5> kNames{"input", "tasks", "item", "signal", "env"};

std::string run(std::string_view text, size_t steps_max = 10'000) {
  auto compiled = Cel::compile(text, kNames);
  if (!compiled) return "COMPILE " + compiled.error().to_string();
  auto context =
      json::parse(R"({"input": {"n": 3, "price": 2.5, "name": "Ada", "list": [1, 2, 3], "ok": true, "none": null,
                                            "users": [{"age": 20}, {"age": 40}]},
                                 "tasks": {"first": {"output": {"items": ["a"]}}}})");
  json::Value full = *context;
  full.set("env", json::Value::object({{"KEY", secret_ref("KEY")}}));
  auto out = compiled->evaluate(full, Environment{.steps_max = steps_max});
  return out ? json::print(*out) : "ERROR " + out.error().to_string();
}

struct Case {
  const char* text;
  const char* expected;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.text; }
class CelValues : public ::testing::TestWithParam<Case> {};
TEST_P(CelValues, AreAsTheSpecificationSays) { EXPECT_EQ(run(GetParam().text), GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(
    Operators, CelValues,
    ::testing::Values(Case{"1 + 2 * 3", "7"}, Case{"(1 + 2) * 3", "9"}, Case{"7 / 2", "3"}, Case{"-7 % 3", "-1"},
                      Case{"1.5 + 2.0", "3.5"}, Case{"3u + 4u", "7"}, Case{"-(2)", "-2"}, Case{"10 - 2 - 3", "5"},
                      Case{"'a' + \"b\"", "\"ab\""}, Case{"[1] + [2, 3]", "[1,2,3]"}, Case{"1 == 1.0", "true"},
                      Case{"1 == '1'", "false"}, Case{"1u < 2.5", "true"}, Case{"'a' < 'b'", "true"},
                      Case{"!true || false", "false"}, Case{"input.n > 2 ? 'some' : 'none'", "\"some\""},
                      Case{"true ? (false ? 1 : 2) : 3", "2"}, Case{"2 in [1, 2]", "true"},
                      Case{"'n' in input", "true"}, Case{"null == input.none", "true"},
                      Case{"[1, 2] == [1.0, 2u]", "true"}, Case{"{'a': 1} == {'a': 1.0}", "true"},
                      Case{"input.list[1]", "2"}, Case{"{1: 'x'}[1]", "\"x\""}, Case{"1 - -1", "2"}, Case{"0x1F", "31"},
                      Case{"1e3", "1000.0"}, Case{"// note\n 5", "5"}));

INSTANTIATE_TEST_SUITE_P(
    Texts, CelValues,
    ::testing::Values(Case{"'it\\'s \"ok\" \\u00e9'", "\"it's \\\"ok\\\" é\""}, Case{"r'a\\n'", "\"a\\\\n\""},
                      Case{"'''a'b'''", "\"a'b\""}, Case{"b'abc' == bytes('abc')", "true"}, Case{"size('é')", "1"},
                      Case{"'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo')", "true"},
                      Case{"'abc123'.matches('[a-z]+[0-9]+$')", "true"}, Case{"matches('x', 'y')", "false"},
                      Case{"input.name.size() + size(input.list)", "6"}));

INSTANTIATE_TEST_SUITE_P(
    Macros, CelValues,
    ::testing::Values(Case{"input.list.all(x, x > 0)", "true"}, Case{"input.list.exists(x, x == 2)", "true"},
                      Case{"input.list.exists_one(x, x > 1)", "false"}, Case{"input.list.map(x, x * 2)", "[2,4,6]"},
                      Case{"input.list.map(x, x > 1, x * 2)", "[4,6]"},
                      Case{"input.list.filter(x, x % 2 == 1)", "[1,3]"},
                      Case{"input.users.exists(u, u.age > 30 && input.list.all(x, x < u.age))", "true"},
                      Case{"[].all(x, false)", "true"}, Case{"[].exists(x, true)", "false"},
                      Case{"['x', 1].exists(v, v > 0)", "true"}, Case{"{'b': 1, 'a': 2}.map(k, k)", "[\"b\",\"a\"]"},
                      Case{"has(input.n) && !has(input.zzz)", "true"}));

INSTANTIATE_TEST_SUITE_P(
    Conversions, CelValues,
    ::testing::Values(Case{"string(5) + string(2.5) + string(true)", "\"52.5true\""},
                      Case{"int('42') + int(3.9)", "45"}, Case{"double('1.5')", "1.5"}, Case{"uint(3)", "3"},
                      Case{"bool('true')", "true"},
                      Case{"type(1) == int && type('') == string && type([]) == list", "true"},
                      Case{"duration('90m') > duration('1h')", "true"}, Case{"string(duration('1h'))", "\"3600s\""},
                      Case{"timestamp('2024-02-29T12:30:00Z').getFullYear()", "2024"},
                      Case{"timestamp('2024-02-29T12:30:00Z').getMonth()", "1"},
                      Case{"timestamp('2024-02-29T12:30:00Z').getHours('America/New_York')", "7"},
                      Case{"timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')",
                           "true"},
                      Case{"string(timestamp('2024-01-01T00:00:00Z') + duration('1h'))", "\"2024-01-01T01:00:00Z\""},
                      Case{"int(timestamp('1970-01-01T00:01:00Z'))", "60"}));

TEST(Cel, AbsorbsAnErrorWhenTheOtherSideDecides) {
  EXPECT_EQ(run("input.zzz == 1 || true"), "true");
  EXPECT_EQ(run("false && input.zzz == 1"), "false");
  EXPECT_EQ(run("1 / 0 == 1 && false"), "false");
  EXPECT_THAT(run("input.zzz == 1 || false"), HasSubstr("no such key 'zzz'"));
}

TEST(Cel, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(run("input.n >\n  imput.n"),
              HasSubstr("COMPILE expression:2:3: undeclared name 'imput'; did you mean 'input'?"));
  EXPECT_THAT(run("siz(input)"), HasSubstr("unknown function 'siz'; did you mean 'size'?"));
  EXPECT_THAT(run("input.list.fliter(x, true)"), HasSubstr("unknown function 'fliter'"));
  EXPECT_THAT(run("input.n = 3"), HasSubstr("equality is written '=='"));
  EXPECT_THAT(run("1 +"), HasSubstr("a value is missing at the end"));
  EXPECT_THAT(run("'abc"), HasSubstr("without its closing quote"));
  EXPECT_THAT(run("some"), HasSubstr("undeclared name"));
  EXPECT_THAT(run("input.nme"), HasSubstr("no such key 'nme'; did you mean 'name'?"));
  EXPECT_THAT(run("1 + 1.5"), HasSubstr("'+' does not apply to (int, double); convert one"));
  EXPECT_THAT(run("9223372036854775807 + 1"), HasSubstr("does not fit 64 bits"));
  EXPECT_THAT(run("1 / 0"), HasSubstr("division by zero"));
  EXPECT_THAT(run("1 ? 2 : 3"), HasSubstr("expected a bool"));
  EXPECT_THAT(run("'a'.matches('(')"), HasSubstr("bad regular expression"));
  EXPECT_THAT(run("has(input)"), HasSubstr("has() takes one field"));
}

TEST(Cel, StaysWithinItsBudget) {
  EXPECT_THAT(run("input.list.all(a, input.list.all(b, input.list.all(c, a + b + c > 0)))", 50),
              HasSubstr("may take 50 steps"));
  const std::string deep = std::string(500, '(') + "1" + std::string(500, ')');
  EXPECT_THAT(run(deep), HasSubstr("nests deeper"));
  const auto repeated = [](const std::string& text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  EXPECT_EQ(run("1" + repeated(" + 1", 900)), "901");
  for (const char* link : {" + 1", " * 1", " || true", " && true", " == 1", ".a", "[0]", ".size()"}) {
    EXPECT_THAT(run("input" + repeated(link, 100'000)), HasSubstr("more than 1000 operators and fields")) << link;
  }
}

TEST(Cel, WhatGrowsByDoublingIsRefusedBeforeItIsLargeOrSlow) {
  std::string doubled = "[1, 1]";
  for (int i = 0; i < 60; ++i) doubled += ".map(a, [a, a])";
  EXPECT_THAT(run("size(" + doubled + ")", 1'000'000), HasSubstr("ERROR"));
  EXPECT_THAT(run(doubled + " == " + doubled, 1'000'000), HasSubstr("ERROR"));
  std::string nested = "[1]";
  for (int i = 0; i < 105; ++i) nested += ".map(a, [a])";
  EXPECT_THAT(run(nested, 1'000'000), HasSubstr("ERROR"));
  EXPECT_EQ(run("input.list.all(i, input.list[i - 1] == i)"), "true");
}

TEST(Cel, DoesNotLookIntoSecrets) {
  EXPECT_THAT(run("env.KEY == 'x'"), HasSubstr("would look inside a secret"));
  EXPECT_THAT(run("size(env.KEY) > 3"), HasSubstr("would look inside a secret"));
  EXPECT_THAT(run("env.KEY in ['x']"), HasSubstr("would look inside a secret"));
  EXPECT_EQ(run("'Bearer ' + env.KEY"), json::print(json::Value("Bearer " + secret_ref("KEY"))));
}

TEST(Cel, ListsTheTasksThatItRefersTo) {
  auto compiled = Cel::compile("tasks.first.output == 1 && tasks['my-task'].output > 2", kNames);
  ASSERT_TRUE(compiled);
  EXPECT_EQ(compiled->task_references(), (std::vector<std::string>{"first", "my-task"}));
}

TEST(Cel, FindsChildrenBesideTheOutputOfTheirContainer) {
  const json::Value context =
      json::parse(R"({"tasks":{"all":{"output":{"n":2},"children":{"c":{"output":1}}},"a-b":{"output":{}}}})").value();
  const auto value = [&](const char* text) {
    const auto result = Cel::compile(text, kNames).value().evaluate(context, {.now_ms = 0, .entropy = 1});
    return result ? json::print(*result) : result.error().message;
  };
  EXPECT_EQ(value("tasks.all.output.c.output + tasks.all.output.output.n"), "3");
  EXPECT_EQ(value("tasks['all'].output['c'].output"), "1");
  EXPECT_EQ(value("has(tasks.all.output.c) && !has(tasks.all.output.d) && !has(tasks['a-b'].output.output)"), "true");
  EXPECT_THAT(value("tasks.all.output.d"), HasSubstr("no such key 'd'"));
}

TEST(Cel, WhatItAsksForIsNotNeeded) {
  const auto needed = [](const char* text) {
    std::string out;
    const Cel compiled = Cel::compile(text, kNames).value();
    for (const Reference& reference : compiled.references()) out += reference.task + (reference.needed ? "! " : "? ");
    return out;
  };
  EXPECT_EQ(needed("has(tasks.a.output) && tasks.a.output > 1 || tasks.b.output == 1"), "a? b! ");
  EXPECT_EQ(needed("'a' in tasks && tasks.a.output > 1"), "a? ");
}

TEST(Cel, ConditionsMustBeBoolean) {
  auto compiled = Cel::compile("input.n", kNames);
  auto out = compiled->evaluate_bool(json::Value::object({{"input", json::Value::object({{"n", 1}})}}), Environment{});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Errc::type_mismatch);
}

}  // namespace
}  // namespace compozy::expression
