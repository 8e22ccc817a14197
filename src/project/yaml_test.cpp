// SPDX-License-Identifier: Apache-2.0
#include "project/yaml.hpp"

#include "json/print.hpp"

namespace compozy::project {
namespace {

using ::testing::HasSubstr;

std::string load(std::string_view text) {
  auto node = parse_yaml(text, "f.yaml");
  return node ? json::print(node->json()) : node.error().to_string();
}

TEST(Yaml, ReadsScalarsAsTheCoreSchemaSays) {
  EXPECT_EQ(load("[yes, no, on, off, y]"), R"(["yes","no","on","off","y"])");
  EXPECT_EQ(load("[true, False, null, ~, ]"), "[true,false,null,null]");
  EXPECT_EQ(load("[010, 0x1F, 0o17, -5, +5]"), "[10,31,15,-5,5]");
  EXPECT_EQ(load("[1.5, .5, 1e3, 1.2.3, '5', \"true\", 12:30, 1_000]"),
            R"([1.5,0.5,1000.0,"1.2.3","5","true","12:30","1_000"])");
  EXPECT_EQ(load("!!str 5"), R"("5")");
  EXPECT_EQ(load("a: |\n  x\n  y\n"), R"({"a":"x\ny\n"})");
}

TEST(Yaml, KeepsTheOrderAndThePlaceOfEverything) {
  auto node = parse_yaml("b: 1\na:\n  - x\n  - {k: v}\n", "f.yaml");
  ASSERT_TRUE(node);
  EXPECT_EQ(json::print(node->json()), R"({"b":1,"a":["x",{"k":"v"}]})");
  EXPECT_EQ(node->find("a")->items[1].find("k")->mark.location().to_string(), "f.yaml:4:9");
  EXPECT_EQ(node->members[1].mark.line, 2U);
}

TEST(Yaml, RefusesADuplicateKey) {
  EXPECT_THAT(load("a: 1\nb: 2\na: 3\n"), HasSubstr("f.yaml:3:1: key 'a' occurs twice; the first is in line 1"));
}

TEST(Yaml, ExpandsAliasesAndMergesMaps) {
  EXPECT_EQ(load("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: *x"),
            R"({"x":{"a":1,"b":2},"y":{"b":3,"a":1},"z":{"a":1,"b":2}})");
  EXPECT_THAT(load("a:\n  <<: 5"), HasSubstr("'<<' merges maps only"));
}

TEST(Yaml, BoundsWhatAliasesExpandTo) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    std::string line = "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) line += last + (k < 9 ? ", " : "]\n");
    bomb += line;
  }
  EXPECT_THAT(load(bomb), HasSubstr("aliases expanded"));
  EXPECT_THAT(load(std::string(100, '[') + std::string(100, ']')), HasSubstr("nested deeper"));
}

TEST(Yaml, NamesTheLineOfBrokenText) {
  EXPECT_THAT(load("a: [1, 2\nb: 3\n"), HasSubstr("f.yaml:"));
  EXPECT_THAT(load("a: 1\n---\nb: 2\n"), HasSubstr("more than one YAML document"));
  EXPECT_THAT(load("\xFF\xFE"), HasSubstr("not UTF-8"));
  EXPECT_EQ(load(""), "null");
}

}  // namespace
}  // namespace compozy::project
