// SPDX-License-Identifier: Apache-2.0
#include "json/extent.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::json {
namespace {

using ::testing::HasSubstr;

TEST(Json, PrintsWhatItParsed) {
  for (const char* text : {R"({"b":1,"a":[true,null,-2.5,"x\ny"]})", "[]", "{}", "0.1", "1.0", "-7", R"("é🙂")",
                           "1e+300", "9223372036854775807"}) {
    EXPECT_EQ(print(parse(text).value()), text);
  }
}

TEST(Json, RefusesWhatTheStandardRefuses) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "NaN", "01", "1 2", "'a'", "\"\\x\"", "[1e400]", "// c\n1",
                           "\"\xff\"", "{\"a\":1,\"a\":2}"}) {
    EXPECT_FALSE(parse(text).has_value()) << text;
  }
}

TEST(Json, ErrorsNameLineAndColumn) {
  const auto result = parse("{\n  \"a\": tru\n}");
  EXPECT_EQ(result.error().where.line, 2U);
  EXPECT_THAT(parse("{\"a\":1,\"a\":2}").error().message, HasSubstr("\"a\" occurs twice"));
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_TRUE(parse(std::string(100, '[') + std::string(100, ']')).has_value());
  EXPECT_THAT(parse(std::string(5000, '[')).error().message, HasSubstr("nested deeper"));
}

TEST(Json, PrintsInvalidUtf8AsReplacement) { EXPECT_EQ(print(Value("a\xff")), "\"a\xef\xbf\xbd\""); }

TEST(Json, CopiesShareAndChangesDoNot) {
  Value a = Value::object({{"list", Value::array({1, 2})}});
  Value b = a;
  EXPECT_TRUE(a.same_storage(b));
  b.set("x", true);
  EXPECT_EQ(print(a), R"({"list":[1,2]})");
  EXPECT_TRUE(a["list"].same_storage(b["list"]));
}

TEST(Json, LargeObjectsKeepOrderAndFindByName) {
  Value value;
  for (int i = 0; i < 1000; ++i) value.set("k" + std::to_string(i), i);
  EXPECT_EQ(value["k999"].as_integer(), 999);
  EXPECT_TRUE(value.mutable_object().erase("k500"));
  EXPECT_EQ(value.find("k500"), nullptr);
  EXPECT_EQ(value["k501"].as_integer(), 501);
  EXPECT_EQ(value.as_object().begin()->first, "k0");
}

TEST(Json, EqualityIgnoresMemberOrderAndNumberKind) {
  EXPECT_EQ(parse(R"({"a":1,"b":2})").value(), parse(R"({"b":2.0,"a":1})").value());
  EXPECT_FALSE(parse("[1]").value() == parse("[2]").value());
}

TEST(Json, CanonicalFormSortsNames) {
  EXPECT_EQ(print_canonical(parse(R"({"b":1,"a":{"d":1,"c":2}})").value()), R"({"a":{"c":2,"d":1},"b":1})");
}

TEST(Json, FindsAnAnswerInsideProse) {
  EXPECT_EQ(print(parse_embedded("Sure! ```json\n{\"a\": \"}\"}\n``` done").value()), R"({"a":"}"})");
  EXPECT_FALSE(parse_embedded("nothing here").has_value());
  // Brackets that close nothing cost no more than so many looks at the text.
  EXPECT_FALSE(parse_embedded(std::string(200'000, '[')).has_value());
}

TEST(Json, AnExtentCountsSharedPartsEachTimeAndStopsAtItsLimits) {
  EXPECT_EQ(extent_of(parse(R"({"ab":[1,"xyz"]})").value()).weight, 4 * kNodeWeight + 2 + 3);
  Value doubled = Value::array({1});
  for (int i = 0; i < 60; ++i) doubled = Value::array({doubled, doubled});
  const Extent extent = extent_of(doubled);
  EXPECT_GT(extent.weight, kValueWeightMax);
  EXPECT_LT(extent.weight, kValueWeightMax + 100 * kNodeWeight);
  EXPECT_EQ(check_extent(doubled).error().code, Errc::too_large);
  Value deep = 1;
  for (size_t i = 0; i < kValueDepthMax; ++i) deep = Value::array({deep});
  EXPECT_TRUE(check_extent(deep));
  EXPECT_FALSE(check_extent(Value::array({deep})));
}

TEST(Json, WhatIsStoredMayNestDeeperThanWhatComesIn) {
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  EXPECT_FALSE(parse(deep));
  EXPECT_TRUE(parse(deep, kStoredDepthMax));
}

}  // namespace
}  // namespace compozy::json
