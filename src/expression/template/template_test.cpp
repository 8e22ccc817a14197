// SPDX-License-Identifier: Apache-2.0
#include "expression/template/template.hpp"

#include "expression/secret.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::expression {
namespace {

using ::testing::HasSubstr;

constexpr Environment kEnvironment{.now_ms = 1'763'806'530'123, .entropy = 7};  // 2025-11-22T10:15:30.123Z

json::Value context() {
  auto parsed = json::parse(R"({
    "input": {"city": "Rome", "n": 3, "price": 2.5, "big": 9007199254740993, "ok": true, "none": null, "user-id": "u1",
              "list": ["a", "b", "c"], "map": {"y": 2, "x": 1}, "empty": "", "text": "{\"a\":1}"},
    "tasks": {"my-task": {"output": {"items": [{"id": 1}, {"id": 2}]}}, "summarize": {"output": "done"}},
    "env": {}})");
  json::Value value = *parsed;
  json::Value env = value["env"];
  env.set("KEY", secret_ref("KEY"));
  value.set("env", env);
  return value;
}

std::string render(std::string_view text) {
  auto parsed = Template::parse(text);
  if (!parsed) return "PARSE " + parsed.error().to_string();
  auto out = parsed->render(context(), kEnvironment);
  return out ? *out : "ERROR " + out.error().to_string();
}

std::string evaluate(std::string_view text) {
  auto parsed = Template::parse(text);
  if (!parsed) return "PARSE " + parsed.error().to_string();
  auto out = parsed->evaluate(context(), kEnvironment);
  return out ? json::print(*out) : "ERROR " + out.error().to_string();
}

TEST(Template, LeavesPlainTextAlone) {
  EXPECT_EQ(render("no actions } { here"), "no actions } { here");
  EXPECT_EQ(render(""), "");
}

TEST(Template, FollowsPathsIncludingHyphensAndListPositions) {
  EXPECT_EQ(render("{{ .input.city }}!"), "Rome!");
  EXPECT_EQ(render("{{ .input.user-id }}"), "u1");
  EXPECT_EQ(render("{{ .tasks.my-task.output.items.1.id }}"), "2");
  EXPECT_EQ(render("{{ $.input.city }}"), "Rome");
  EXPECT_EQ(render("{{ (index .tasks \"my-task\").output.items | len }}"), "2");
}

TEST(Template, KeepsTheTypeOfASinglePipeline) {
  EXPECT_EQ(evaluate("{{ .input.n }}"), "3");
  EXPECT_EQ(evaluate("{{ .input.ok }}"), "true");
  EXPECT_EQ(evaluate("{{ .input.big }}"), "9007199254740993");
  EXPECT_EQ(evaluate("{{ .input.list }}"), R"(["a","b","c"])");
  EXPECT_EQ(evaluate("{{ .input.list | len }}"), "3");
  EXPECT_EQ(evaluate("{{ eq .input.n 3 }}"), "true");
  EXPECT_EQ(evaluate("{{- .input.n -}}"), "3");
  EXPECT_EQ(evaluate("{{ .input.n }} "), "\"3 \"");
  EXPECT_EQ(evaluate("{{ .input.none }}"), "null");
}

TEST(Template, TurnsTextThatIsJsonIntoJsonUnlessItIsAPlainPath) {
  EXPECT_EQ(evaluate(R"({"n": {{ .input.n }}})"), R"({"n":3})");
  EXPECT_EQ(evaluate("{{ .input.map | toJson }}"), R"({"x":1,"y":2})");
  EXPECT_EQ(evaluate("{{ .input.text }}"), R"("{\"a\":1}")");
  EXPECT_EQ(evaluate("[not json {{ .input.n }}"), "\"[not json 3\"");
  EXPECT_EQ(evaluate("{{ if .input.ok }}true{{ end }}"), "\"true\"");
}

TEST(Template, NamesAMissingPathItsPlaceAndTheNearestKey) {
  const std::string error = render("a\n {{ .tasks.sumarize.output }}");
  EXPECT_THAT(error, HasSubstr("template:2:5"));
  EXPECT_THAT(error, HasSubstr("'.tasks.sumarize' does not exist"));
  EXPECT_THAT(error, HasSubstr("did you mean 'summarize'?"));
  EXPECT_THAT(render("{{ .input.city.name }}"), HasSubstr("'.input.city' is a string and has no field 'name'"));
  EXPECT_THAT(render("{{ .input.none.x }}"), HasSubstr("'.input.none' is null"));
  EXPECT_THAT(render("{{ upper .nope }}"), HasSubstr("no key 'nope' in the context"));
  EXPECT_THAT(render("{{ .tasks.summarize.elsewhere }}"), HasSubstr("in '.tasks.summarize', which has 'output'"));
}

TEST(Template, DefaultRescuesAMissingPath) {
  EXPECT_EQ(render("{{ .tasks.none.output.x | default \"d\" }}"), "d");
  EXPECT_EQ(render("{{ default \"d\" .a.b }}"), "d");
  EXPECT_EQ(render("{{ coalesce .a .input.empty \"c\" }}"), "c");
  EXPECT_EQ(render("{{ if .tasks.none }}y{{ else }}n{{ end }}"), "n");
  EXPECT_EQ(render("{{ if and .tasks.none .tasks.none.output }}y{{ else }}n{{ end }}"), "n");
  EXPECT_EQ(render("{{ with .tasks.none }}y{{ else }}n{{ end }}"), "n");
  EXPECT_EQ(render("{{ empty .tasks.none }}{{ not .tasks.none }}"), "truetrue");
  EXPECT_EQ(render("{{ or .a.b \"x\" }}"), "x");
  EXPECT_THAT(render("{{ or .a.b .c }}"), HasSubstr("does not exist"));
}

TEST(Template, BranchesAsGoDoes) {
  EXPECT_EQ(render("{{ if eq .input.n 1 }}one{{ else if eq .input.n 3 }}three{{ else }}?{{ end }}"), "three");
  EXPECT_EQ(render("{{ if not .input.empty }}y{{ end }}"), "y");
  EXPECT_EQ(render("{{ if eq .input.n 1 2 3 }}y{{ end }}"), "y");
  EXPECT_EQ(render("{{ with .input.map }}{{ .x }}{{ $.input.n }}{{ end }}"), "13");
  EXPECT_EQ(render("{{ with .input.empty }}a{{ else with .input.city }}{{ . }}{{ end }}"), "Rome");
  EXPECT_EQ(render("{{ and 1 0 2 }} {{ or 0 \"\" 5 }} {{ 1 | and .input.ok }}"), "0 5 1");
}

TEST(Template, RangesOverListsMapsAndIntegers) {
  EXPECT_EQ(render("{{ range .input.list }}[{{ . }}]{{ end }}"), "[a][b][c]");
  EXPECT_EQ(render("{{ range $i, $e := .input.list }}{{ $i }}{{ $e }} {{ end }}"), "0a 1b 2c ");
  EXPECT_EQ(render("{{ range $k, $v := .input.map }}{{ $k }}={{ $v }};{{ end }}"), "x=1;y=2;");
  EXPECT_EQ(render("{{ range 3 }}{{ . }}{{ end }}"), "012");
  EXPECT_EQ(render("{{ range $i := 3 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ end }}"), "02");
  EXPECT_EQ(render("{{ range .input.list }}{{ if eq . \"b\" }}{{ break }}{{ end }}{{ . }}{{ end }}"), "a");
  EXPECT_EQ(render("{{ range .input.none }}x{{ else }}empty{{ end }}"), "empty");
  EXPECT_THAT(render("{{ range .input.city }}x{{ end }}"), HasSubstr("range needs a list"));
}

TEST(Template, DeclaresAndAssignsVariablesInTheirScope) {
  EXPECT_EQ(render("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 5 }}{{ end }}{{ $x }}"), "2");
  EXPECT_EQ(render("{{ if $x := .input.n }}{{ $x }}{{ end }}"), "3");
  EXPECT_THAT(render("{{ if true }}{{ $y := 1 }}{{ end }}{{ $y }}"),
              HasSubstr("PARSE template:1:39: undefined variable '$y'"));
  EXPECT_EQ(render("{{ $d := dict \"a\" 1 }}{{ $_ := set $d \"b\" 2 }}{{ $d }}"), "map[a:1 b:2]");
}

TEST(Template, DefinesCallsAndBlocks) {
  EXPECT_EQ(render("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .input.city }}"), "<Rome>");
  EXPECT_EQ(render("{{ block \"b\" .input.n }}n={{ . }}{{ end }}"), "n=3");
  EXPECT_THAT(render("{{ template \"nope\" }}"), HasSubstr("is not defined"));
  EXPECT_THAT(render("{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}"),
              HasSubstr("deeper than 100"));
}

TEST(Template, TrimsSpaceAndDropsComments) {
  EXPECT_EQ(render("a  {{- .input.n -}}  b"), "a3b");
  EXPECT_EQ(render("a {{/* a comment */}} b"), "a  b");
  EXPECT_EQ(render("a {{- /* trimmed */ -}} b"), "ab");
  EXPECT_EQ(render("{{ -3 }}"), "-3");
}

TEST(Template, PrintsValuesAsGoDoes) {
  EXPECT_EQ(render("{{ .input.list }} {{ .input.map }} {{ .input.price }} {{ .input.none }}"),
            "[a b c] map[x:1 y:2] 2.5 <no value>");
  EXPECT_EQ(render("{{ printf \"%s-%05d-%.2f-%q-%v-%x|%6s|%-4d|\" .input.city 42 3.14159 \"q\" true 255 \"ab\" 7 }}"),
            "Rome-00042-3.14-\"q\"-true-ff|    ab|7   |");
  EXPECT_EQ(render("{{ printf \"%d %s\" \"x\" }}"), "%!d(string=x) %!s(MISSING)");
  EXPECT_EQ(render("{{ print 1 2 \"a\" \"b\" 3 }}"), "1 2ab3");
}

TEST(Template, RefusesWhatDoesNotParse) {
  EXPECT_THAT(render("{{ .a "), HasSubstr("'{{' without its '}}'"));
  EXPECT_THAT(render("{{ if .a }}x"), HasSubstr("{{if}} without its {{end}}"));
  EXPECT_THAT(render("{{ end }}"), HasSubstr("unexpected {{end}}"));
  EXPECT_THAT(render("{{ uper .a }}"), HasSubstr("unknown function 'uper'; did you mean 'upper'?"));
  EXPECT_THAT(render("{{ env \"HOME\" }}"), HasSubstr("function 'env' is not available"));
  EXPECT_THAT(render("{{ .a .b }}"), HasSubstr("only a function takes arguments"));
  EXPECT_THAT(render("{{ (1 }}"), HasSubstr("'(' without its ')'"));
  EXPECT_THAT(render("{{ break }}"), HasSubstr("outside {{range}}"));
  EXPECT_THAT(render("{{ \"a\n\" }}"), HasSubstr("without its closing quote"));
  EXPECT_THAT(render("{{ 1 | 2 }}"), HasSubstr("only a function can follow '|'"));
  EXPECT_THAT(render("{{ upper }}"), HasSubstr("takes 1 argument"));
}

TEST(Template, StaysWithinItsBudgets) {
  Environment small = kEnvironment;
  small.steps_max = 100;
  auto loop = Template::parse("{{ range 1000000000 }}x{{ end }}");
  auto out = loop->render(json::Value::object(), small);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, Errc::limit_exceeded);
  small = kEnvironment;
  small.output_max = 1'000;
  EXPECT_EQ(loop->render(json::Value::object(), small).error().code, Errc::too_large);
  auto repeat = Template::parse("{{ repeat 1000000000 \"abc\" }}");
  EXPECT_EQ(repeat->render(json::Value::object(), small).error().code, Errc::too_large);
}

TEST(Template, ListsTheTasksThatItRefersTo) {
  auto parsed = Template::parse(
      "{{ .tasks.b.output }} {{ range .x }}{{ $.tasks.my-task.output }}{{ end }} {{ (index .tasks \"c\").x }}");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->task_references(), (std::vector<std::string>{"b", "c", "my-task"}));
}

TEST(Template, TreesKeepTheirShapeAndNameTheFieldOfAnError) {
  auto tree = json::parse(R"({"a": ["{{ .input.n }}", 5, {"{{ key }}": "x{{ .input.n }}"}]})");
  EXPECT_EQ(json::print(*render_tree(*tree, context(), kEnvironment)), R"({"a":[3,5,{"{{ key }}":"x3"}]})");
  auto bad = json::parse(R"({"a": [{"b": "{{ .nope }}"}]})");
  auto out = render_tree(*bad, context(), kEnvironment);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().field, "a[0].b");
}

TEST(Secrets, PassThroughWholeAndAreResolvedLast) {
  auto parsed = Template::parse("Bearer {{ .env.KEY }}");
  auto text = parsed->render(context(), kEnvironment);
  ASSERT_TRUE(text);
  EXPECT_TRUE(contains_secret(std::string_view(*text)));
  EXPECT_EQ(text->find("sesame"), std::string::npos);
  auto lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name == "KEY") return "sesame";
    return std::nullopt;
  };
  EXPECT_EQ(*resolve_secrets(std::string_view(*text), lookup), "Bearer sesame");
  auto missing = resolve_secrets(std::string_view(secret_ref("OTHER")), lookup);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("'OTHER' is not set"));
}

TEST(Secrets, RefuseToBeLookedInto) {
  for (const char* text :
       {"{{ len .env.KEY }}", "{{ b64enc .env.KEY }}", "{{ eq .env.KEY \"x\" }}", "{{ upper .env.KEY }}",
        "{{ printf \"%.3s\" .env.KEY }}", "{{ slice .env.KEY 1 }}", "{{ index .env.KEY 1 }}",
        "{{ has \"x\" (list .env.KEY) }}", "{{ trunc 3 (print \"a\" .env.KEY) }}"}) {
    EXPECT_THAT(render(text), ::testing::AnyOf(HasSubstr("would look inside a secret"), HasSubstr("plain %s"))) << text;
  }
  EXPECT_EQ(render("{{ printf \"Bearer %s\" .env.KEY }}"), "Bearer " + secret_ref("KEY"));
  EXPECT_EQ(render("{{ if .env.KEY }}set{{ end }}"), "set");
}

TEST(Template, WhatGrowsByDoublingIsRefusedBeforeItIsLargeOrSlow) {
  const auto grow = [](const std::string& start, const std::string& step, const std::string& use) {
    return render("{{ $x := " + start + " }}{{ range until 200 }}{{ $x = " + step + " }}{{ end }}{{ " + use + " }}");
  };
  for (const char* use : {"$x | toJson | len", "eq $x $x"}) {
    EXPECT_THAT(grow("dict \"a\" 1", "dict \"a\" $x \"b\" $x", use), HasSubstr("ERROR")) << use;
  }
  EXPECT_THAT(grow("list 1", "list $x", "len $x"), HasSubstr("nests deeper than 100 levels"));
  EXPECT_THAT(grow("\"ab\"", "print $x $x", "len $x"), HasSubstr("ERROR"));
  EXPECT_THAT(render("{{ $x := until 90000 }}{{ range until 20000 }}{{ $y := reverse $x }}{{ end }}"),
              HasSubstr("steps; this one takes more"));
  EXPECT_THAT(render("{{ wrapWith 1 (repeat 10000 \"b\") (repeat 100000 \"a \") | len }}"), HasSubstr("larger than"));
}

TEST(Template, SaysWhatItNeedsFromItsContext) {
  const auto references = [](const char* text) {
    std::string out;
    const Template parsed = Template::parse(text).value();
    for (const Reference& reference : parsed.references()) {
      out += reference.root + (reference.task.empty() ? "" : "." + reference.task) + (reference.needed ? "! " : "? ");
    }
    return out;
  };
  EXPECT_EQ(references("{{ .input.city }}{{ .tasks.a.output }}"), "input! tasks.a! ");
  EXPECT_EQ(references("{{ .tasks.a.output | default 1 }}{{ .x | upper }}"), "tasks.a? x! ");
  EXPECT_EQ(references("{{ if .tasks.a }}{{ .tasks.a.output }}{{ end }}"), "tasks.a? ");
  EXPECT_EQ(references("{{ if eq .tasks.a.output 1 }}x{{ end }}"), "tasks.a! ");
  EXPECT_EQ(references("{{ if and .tasks.a (eq .tasks.a.output 1) }}x{{ end }}"), "tasks.a? ");
  EXPECT_EQ(references("{{ index .tasks \"a\" }}{{ hasKey .tasks \"b\" }}"), "tasks? tasks.a? tasks.b? ");
  EXPECT_EQ(references("{{ range .input.list }}{{ .name }}{{ $.env.X }}{{ else }}{{ .output }}{{ end }}"),
            "env! input! output! ");
  EXPECT_EQ(references("{{ with .input }}{{ .tasks.x }}{{ else }}{{ .tasks.y }}{{ end }}"), "input? tasks.y! ");
  EXPECT_EQ(references("{{ define \"t\" }}{{ .a }}{{ $.b }}{{ end }}{{ template \"t\" .input }}"), "input! ");
}

TEST(Template, SaysWhatItTakesFromATask) {
  const auto paths = [](const char* text) {
    std::string out;
    const Template parsed = Template::parse(text).value();
    for (const Reference& reference : parsed.references()) {
      for (const auto& path : reference.paths) {
        out += reference.task;
        for (const std::string& name : path) out += '.' + name;
        out += ' ';
      }
    }
    return out;
  };
  EXPECT_EQ(paths("{{ .tasks.a.output.x }}{{ .tasks.a.status }}{{ .tasks.b }}"), "a.output.x a.status b ");
  EXPECT_EQ(paths("{{ .tasks.a.output.x | default 1 }}{{ .tasks.a.output.y }}"), "");  // asked for
}

TEST(Template, FindsChildrenBesideTheOutputOfTheirContainer) {
  const json::Value context = json::parse(R"({"tasks":{
      "all":{"output":{"n":2,"two":7},"children":{"one-1":{"output":{"x":1},"status":"SUCCESS"},"two":{"output":2}}},
      "out":{"output":{"output":5},"children":{}},
      "gone":{"output":null,"children":{"c":{"status":"CANCELED"}}},
      "plain":{"output":{"x":1}}}})")
                                  .value();
  const auto value = [&](const char* text) {
    const auto result = Template::parse(text).value().evaluate(context, {.now_ms = 0, .entropy = 1});
    return result ? json::print(*result) : result.error().message;
  };
  EXPECT_EQ(value("{{ .tasks.all.output.one-1.output.x }}"), "1");
  EXPECT_EQ(value("{{ $.tasks.all.output.one-1.status }}"), "\"SUCCESS\"");
  EXPECT_EQ(value("{{ (index .tasks.all.output \"one-1\").output.x }}"), "1");
  EXPECT_EQ(value("{{ hasKey .tasks.all.output \"one-1\" }} {{ hasKey .tasks.all.output \"no\" }}"), "\"true false\"");
  EXPECT_EQ(value("{{ range list 1 }}{{ index $.tasks.all.output (printf \"one-%d\" .) | toJson }}{{ end }}"),
            R"({"output":{"x":1},"status":"SUCCESS"})");
  EXPECT_EQ(value("{{ .tasks.all.output.output }}"), R"({"n":2,"two":7})");
  EXPECT_EQ(value("{{ .tasks.all.output.two }}"), "7") << "its own name comes first";
  EXPECT_EQ(value("{{ .tasks.out.output.output }}"), "5");
  EXPECT_EQ(value("{{ .tasks.gone.output.c.status }}"), "\"CANCELED\"");
  EXPECT_EQ(value("{{ .tasks.all.output.none | default 3 }}"), "3");
  EXPECT_THAT(value("{{ .tasks.all.output.none }}"), HasSubstr("no key 'none'"));
  EXPECT_THAT(value("{{ .tasks.plain.output.output }}"), HasSubstr("no key 'output'"));
}

TEST(Template, ExpressionsThatAreEvaluatedTogetherShareALimit) {
  size_t left = 250;
  const Environment together{.now_ms = 0, .entropy = 1, .steps_left = &left};
  const Template loop = Template::parse("{{ range until 50 }}.{{ end }}").value();
  EXPECT_TRUE(loop.render(context(), together));
  EXPECT_TRUE(loop.render(context(), together));
  EXPECT_THAT(loop.render(context(), together).error().message, HasSubstr("too many steps together"));
  EXPECT_EQ(left, 0U);
}

TEST(Template, LargeListsAreWalkedOnce) {
  EXPECT_EQ(render("{{ shuffle (repeat 1000000 \"a\") | len }}"), "1000000");
  EXPECT_EQ(render("{{ uniq (concat (until 50000) (until 50000)) | len }}"), "50000");
  EXPECT_EQ(evaluate("{{ uniq (list 1 1.0 \"1\" (dict \"a\" 1 \"b\" 2) (dict \"b\" 2 \"a\" 1)) }}"),
            R"([1,"1",{"a":1,"b":2}])");
  EXPECT_EQ(render("{{ $l := list }}{{ range until 2000 }}{{ $l = append $l . }}{{ end }}{{ len $l }}"), "2000");
}

TEST(Secrets, CannotBeNamedByStrangers) {
  const json::Value input = json::Value::object({{"x", "a" + secret_ref("KEY")}});
  EXPECT_EQ(without_secret_marks(input)["x"].as_string(), "aenv:KEY");
  const json::Value clean = json::Value::object({{"x", json::Value::array({"plain"})}});
  EXPECT_TRUE(without_secret_marks(clean).same_storage(clean));
  auto parsed = Template::parse(R"({{ fromJson "{\"a\":\"\\ue000env:KEY\\ue001\"}" }})");
  auto out = parsed->evaluate(context(), kEnvironment);
  ASSERT_TRUE(out);
  EXPECT_FALSE(contains_secret(*out));
}

}  // namespace
}  // namespace compozy::expression
