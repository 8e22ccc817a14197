#include "json/schema.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::json {
namespace {

using ::testing::HasSubstr;

Schema schema(const char* text) { return Schema::compile(parse(text).value()).value(); }
std::string verdict(const char* schema_text, const char* value) {
  const auto result = schema(schema_text).check(parse(value).value());
  return result ? "ok" : result.error().message;
}

TEST(Schema, NamesTheFieldAndWhatWasExpected) {
  const char* city =
      R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1}},"required":["city"]})";
  EXPECT_EQ(verdict(city, R"({"city":"Oslo","days":3})"), "ok");
  EXPECT_EQ(verdict(city, R"({"days":0})"), "value: 'city' is required; days: must be at least 1");
  EXPECT_EQ(verdict(city, R"({"city":7})"), "city: expected string, found integer");
}

TEST(Schema, IntegersMayBeWrittenAsWholeDoubles) {
  EXPECT_EQ(verdict(R"({"type":"integer"})", "2.0"), "ok");
  EXPECT_EQ(verdict(R"({"type":"integer"})", "2.5"), "value: expected integer, found number");
}

TEST(Schema, ChecksArraysItemByItem) {
  EXPECT_EQ(verdict(R"({"type":"array","items":{"type":"string"},"minItems":1})", R"(["a",2])"),
            "[1]: expected string, found integer");
  EXPECT_EQ(verdict(R"({"uniqueItems":true})", R"([{"a":1,"b":2},{"b":2,"a":1}])"), "value: has equal items");
  EXPECT_EQ(verdict(R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a",2])"),
            "[1]: nothing is allowed here");
}

TEST(Schema, OffersTheNearestAllowedName) {
  EXPECT_THAT(verdict(R"({"enum":["celsius","kelvin"]})", R"("celcius")"), HasSubstr("did you mean 'celsius'?"));
  EXPECT_THAT(verdict(R"({"properties":{"city":{}},"additionalProperties":false})", R"({"citty":1})"),
              HasSubstr("did you mean 'city'?"));
}

TEST(Schema, FollowsReferencesIncludingRecursiveOnes) {
  const char* tree =
      R"({"$ref":"#/definitions/node","definitions":{"node":{"type":"object","properties":{"next":{"$ref":"#/definitions/node"}},"required":["v"]}}})";
  EXPECT_EQ(verdict(tree, R"({"v":1,"next":{"v":2}})"), "ok");
  EXPECT_EQ(verdict(tree, R"({"v":1,"next":{}})"), "next: 'v' is required");
}

TEST(Schema, ASchemaThatOnlyRefersToItselfIsAnErrorNotACrash) {
  EXPECT_THAT(verdict(R"({"$ref":"#"})", "1"), HasSubstr("refers to itself"));
}

TEST(Schema, CombinesAndBranches) {
  EXPECT_EQ(verdict(R"({"oneOf":[{"type":"string"},{"minimum":5}]})", "3"),
            "value: must fit exactly one of the allowed forms (oneOf), fits 0");
  EXPECT_EQ(verdict(R"({"if":{"properties":{"k":{"const":"a"}}},"then":{"required":["x"]},"else":{"required":["y"]}})",
                    R"({"k":"a"})"),
            "value: 'x' is required");
}

TEST(Schema, RefusesKeywordsItWouldIgnore) {
  const auto result = Schema::compile(parse(R"({"type":"object","requird":["a"]})").value());
  EXPECT_THAT(result.error().message, HasSubstr("did you mean 'required'?"));
  EXPECT_FALSE(Schema::compile(parse(R"({"unevaluatedProperties":false})").value()).has_value());
  EXPECT_FALSE(Schema::compile(parse(R"({"type":"strng"})").value()).has_value());
}

TEST(Schema, PatternsAreLinearTime) {
  EXPECT_THAT(verdict(R"({"pattern":"^(a+)+$"})", ("\"" + std::string(50'000, 'a') + "b\"").c_str()),
              HasSubstr("does not match"));
}

TEST(Schema, PartsThatMultiplyAreStopped) {
  std::string definitions = R"("d0":{"type":"object"})";
  for (int i = 1; i < 40; ++i) {
    const std::string ref = R"({"$ref":"#/definitions/d)" + std::to_string(i - 1) + R"("})";
    definitions += R"(,"d)" + std::to_string(i) + R"(":{"allOf":[)" + ref + ',' + ref + "]}";
  }
  const auto schema =
      Schema::compile(parse(R"({"definitions":{)" + definitions + R"(},"not":{"$ref":"#/definitions/d39"}})").value());
  ASSERT_TRUE(schema);
  EXPECT_EQ(schema->check(Value::object()).error().code, Errc::limit_exceeded);
  EXPECT_EQ(print(schema->with_defaults(Value::object())), "{}");
}

TEST(Schema, FillsDefaultsAtAnyDepth) {
  const Schema s =
      schema(R"({"properties":{"unit":{"default":"celsius"},"at":{"properties":{"tz":{"default":"UTC"}}}}})");
  EXPECT_EQ(print(s.with_defaults(parse(R"({"at":{}})").value())), R"({"at":{"tz":"UTC"},"unit":"celsius"})");
}

}  // namespace
}  // namespace compozy::json
