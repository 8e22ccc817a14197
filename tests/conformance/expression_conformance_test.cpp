// SPDX-License-Identifier: Apache-2.0
//
// Templates and CEL against values that Go's text/template with Sprig v3 and cel-go gave: templates.json and cel.json,
// made by generator/. Where we differ on purpose, the case stands in deliberate.json with the reason and what we give.
#include <cmath>
#include <fstream>
#include <sstream>

#include "expression/cel/cel.hpp"
#include "expression/template/template.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::expression {
namespace {

json::Value read_json(const char* name) {
  std::ifstream file(std::string("tests/conformance/") + name);  // tests run in the project's folder
  std::stringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).value();
}

const json::Value& deliberate(const char* kind) {
  static const json::Value all = read_json("deliberate.json");
  return all[kind];
}

constexpr Environment kEnvironment{.now_ms = 1'700'000'000'000, .entropy = 7};

// Numbers by value; whole numbers that a double cannot hold come as text in the expected values.
bool same(const json::Value& expected, const json::Value& got) {
  if (expected.is_number() && got.is_number()) return expected.double_or(0) == got.double_or(1);
  if (expected.is_string() && got.is_number()) return expected.as_string() == json::print(got);
  if (expected.is_array() && got.is_array()) {
    if (expected.size() != got.size()) return false;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (!same(expected.at(i), got.at(i))) return false;
    }
    return true;
  }
  if (expected.is_object() && got.is_object()) {
    if (expected.size() != got.size()) return false;
    for (const auto& [name, value] : expected.as_object()) {
      if (got.find(name) == nullptr || !same(value, got[name])) return false;
    }
    return true;
  }
  return expected == got;
}

// One line a difference, so that all of them show in one run.
template <class Evaluate>
void compare(const char* kind, const char* file, const Evaluate& evaluate) {
  const json::Value all = read_json(file);
  size_t deliberate_seen = 0;
  for (const json::Value& each : all["cases"].as_array()) {
    const std::string& text = each["in"].as_string();
    const Result<json::Value> got = evaluate(text, all["data"]);
    const json::Value* ours = deliberate(kind).find(text);
    if (ours != nullptr) ++deliberate_seen;
    const json::Value& expected = ours == nullptr ? each : *ours;
    if (expected["error"].bool_or(false)) {
      EXPECT_FALSE(got.has_value()) << text << "\n  gave " << json::print(*got) << " and should be an error";
    } else if (!got) {
      ADD_FAILURE() << text << "\n  failed: " << got.error().to_string() << "\n  expected "
                    << json::print(expected["out"]);
    } else {
      EXPECT_TRUE(same(expected["out"], *got))
          << text << "\n  gave " << json::print(*got) << "\n  expected " << json::print(expected["out"]);
    }
  }
  EXPECT_EQ(deliberate_seen, deliberate(kind).size()) << "a deliberate difference names a case that is not there";
}

TEST(Conformance, TemplatesGiveWhatGoAndSprigGive) {
  compare("templates", "templates.json", [](const std::string& text, const json::Value& data) -> Result<json::Value> {
    TRY(const Template parsed, Template::parse(text));
    TRY(std::string out, parsed.render(data, kEnvironment));
    return json::Value(std::move(out));
  });
}

TEST(Conformance, ConditionsGiveWhatCelGoGives) {
  compare("cel", "cel.json", [](const std::string& text, const json::Value& data) -> Result<json::Value> {
    const std::string_view name = "d";
    TRY(const Cel parsed, Cel::compile(text, std::span(&name, 1)));
    return parsed.evaluate(json::Value::object({{"d", data}}), kEnvironment);
  });
}

}  // namespace
}  // namespace compozy::expression
