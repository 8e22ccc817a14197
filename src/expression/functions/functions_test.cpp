// SPDX-License-Identifier: Apache-2.0
//
// Expected values follow the documentation of Sprig (masterminds.github.io/sprig).
#include "expression/functions/function.hpp"
#include "expression/template/template.hpp"
#include "json/print.hpp"

namespace compozy::expression {
namespace {

struct Case {
  const char* text;
  const char* expected;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.text; }

class Functions : public ::testing::TestWithParam<Case> {};

TEST_P(Functions, AnswerAsSprigDocuments) {
  const Environment environment{.now_ms = 1'763'806'530'123, .entropy = 7};
  auto parsed = Template::parse(GetParam().text);
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  auto out = parsed->render(json::Value::object(), environment);
  ASSERT_TRUE(out) << out.error().to_string();
  EXPECT_EQ(*out, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Text, Functions,
    ::testing::Values(
        Case{"{{ trim \"  a b \" }}|", "a b|"}, Case{"{{ trimAll \"$\" \"$5.00\" }}", "5.00"},
        Case{"{{ trimSuffix \"-\" \"hello-\" }}", "hello"}, Case{"{{ trimPrefix \"-\" \"-hello\" }}", "hello"},
        Case{"{{ upper \"hello\" }}{{ lower \"HI\" }}", "HELLOhi"}, Case{"{{ title \"hello world\" }}", "Hello World"},
        Case{"{{ repeat 3 \"ab\" }}", "ababab"}, Case{"{{ substr 0 5 \"hello world\" }}", "hello"},
        Case{"{{ trunc 5 \"hello world\" }}|{{ trunc -5 \"hello world\" }}", "hello|world"},
        Case{"{{ abbrev 5 \"hello world\" }}", "he..."}, Case{"{{ initials \"First Try\" }}", "FT"},
        Case{"{{ contains \"cat\" \"catch\" }}", "true"}, Case{"{{ hasPrefix \"cat\" \"catch\" }}", "true"},
        Case{"{{ quote \"a\" 1 }} {{ squote \"b\" }}", "\"a\" \"1\" 'b'"},
        Case{"{{ cat \"hello\" \"beautiful\" 3 }}", "hello beautiful 3"}, Case{"{{ indent 2 \"a\\nb\" }}", "  a\n  b"},
        Case{"{{ nindent 1 \"a\" }}", "\n a"},
        Case{"{{ \"I Am Henry VIII\" | replace \" \" \"-\" }}", "I-Am-Henry-VIII"},
        Case{"{{ len (list 1) | plural \"one\" \"many\" }}", "one"},
        Case{"{{ snakecase \"FirstName\" }}", "first_name"}, Case{"{{ camelcase \"http_server\" }}", "HttpServer"},
        Case{"{{ kebabcase \"FirstName\" }}", "first-name"}, Case{"{{ (split \"$\" \"foo$bar$baz\")._1 }}", "bar"},
        Case{"{{ splitList \"$\" \"a$b\" }}", "[a b]"}, Case{"{{ (splitn \"$\" 2 \"foo$bar$baz\")._1 }}", "bar$baz"},
        Case{"{{ join \"-\" (list 1 \"a\") }}", "1-a"}, Case{"{{ nospace \" a b \" }}", "ab"},
        Case{"{{ wrap 5 \"one two three\" }}", "one\ntwo\nthree"},
        Case{"{{ html \"<a>&\\\"\" }}", "&lt;a&gt;&amp;&#34;"}, Case{"{{ urlquery \"a b&c\" }}", "a+b%26c"}));

INSTANTIATE_TEST_SUITE_P(
    Collections, Functions,
    ::testing::Values(
        Case{"{{ list 1 2 3 | first }}{{ list 1 2 3 | last }}", "13"},
        Case{"{{ rest (list 1 2 3) }}{{ initial (list 1 2 3) }}", "[2 3][1 2]"},
        Case{"{{ append (list 1) 2 }}{{ prepend (list 1) 0 }}", "[1 2][0 1]"},
        Case{"{{ concat (list 1) (list 2 3) }}", "[1 2 3]"},
        Case{"{{ reverse (list 1 2) }}{{ uniq (list 1 1 2) }}", "[2 1][1 2]"},
        Case{"{{ without (list 1 2 3) 2 }}", "[1 3]"}, Case{"{{ has 2 (list 1 2) }}", "true"},
        Case{"{{ compact (list 0 1 \"\" \"a\") }}", "[1 a]"}, Case{"{{ sortAlpha (list \"b\" \"a\") }}", "[a b]"},
        Case{"{{ chunk 2 (list 1 2 3) }}", "[[1 2] [3]]"}, Case{"{{ until 3 }}{{ untilStep 3 9 3 }}", "[0 1 2][3 6]"},
        Case{"{{ seq 5 }}|{{ seq 0 2 10 }}|{{ seq 3 1 }}", "1 2 3 4 5|0 2 4 6 8 10|3 2 1"},
        Case{"{{ slice (list 1 2 3) 1 3 }}", "[2 3]"}, Case{"{{ index (list 1 (list 2 3)) 1 0 }}", "2"},
        Case{"{{ dict \"a\" 1 \"b\" 2 }}", "map[a:1 b:2]"},
        Case{"{{ get (dict \"a\" 1) \"a\" }}{{ get (dict) \"x\" }}", "1"},
        Case{"{{ hasKey (dict \"a\" 1) \"a\" }}", "true"},
        Case{"{{ keys (dict \"b\" 1 \"a\" 2) }}{{ values (dict \"a\" 2) }}", "[a b][2]"},
        Case{"{{ pick (dict \"a\" 1 \"b\" 2) \"a\" }}{{ omit (dict \"a\" 1 \"b\" 2) \"a\" }}", "map[a:1]map[b:2]"},
        Case{"{{ merge (dict \"a\" 1) (dict \"a\" 2 \"b\" 3) }}", "map[a:1 b:3]"},
        Case{"{{ mergeOverwrite (dict \"a\" 1) (dict \"a\" 2 \"b\" 3) }}", "map[a:2 b:3]"},
        Case{"{{ dig \"a\" \"b\" \"none\" (dict \"a\" (dict \"b\" 5)) }}{{ dig \"x\" \"none\" (dict) }}", "5none"},
        Case{"{{ pluck \"a\" (dict \"a\" 1) (dict \"a\" 2) }}", "[1 2]"}, Case{"{{ ternary \"y\" \"n\" true }}", "y"},
        Case{"{{ toJson (dict \"a\" (list 1 2)) }}", "{\"a\":[1,2]}"},
        Case{"{{ (fromJson \"{\\\"a\\\": 5}\").a }}", "5"}));

INSTANTIATE_TEST_SUITE_P(
    NumbersAndDates, Functions,
    ::testing::Values(
        Case{"{{ add 1 2 3 }}{{ sub 5 3 }}{{ mul 2 3 }}{{ div 7 2 }}{{ mod 7 4 }}", "62633"},
        Case{"{{ add1 4 }}{{ max 1 5 3 }}{{ min 4 2 }}", "552"},
        Case{"{{ addf 1.5 2 }} {{ mulf 1.5 2.5 }} {{ divf 1 4 }}", "3.5 3.75 0.25"}, Case{"{{ add 1.5 1 }}", "2"},
        Case{"{{ floor 1.7 }} {{ ceil 1.2 }} {{ round 123.555 2 }}", "1 2 123.56"},
        Case{"{{ int \"42\" }} {{ int64 3.9 }} {{ float64 \"1.5\" }} {{ atoi \"x\" }}", "42 3 1.5 0"},
        Case{"{{ now }}", "2025-11-22T10:15:30.123Z"},
        Case{"{{ now | date \"2006-01-02 15:04:05\" }}", "2025-11-22 10:15:30"},
        Case{"{{ dateInZone \"Jan _2 3:04PM MST\" now \"America/New_York\" }}", "Nov 22 5:15AM EST"},
        Case{"{{ now | dateModify \"-90m\" | date \"15:04\" }}", "08:45"}, Case{"{{ unixEpoch now }}", "1763806530"},
        Case{"{{ toDate \"2006-01-02\" \"2024-02-29\" | date \"Mon Jan 2 002\" }}", "Thu Feb 29 060"},
        Case{"{{ htmlDate 0 }}", "1970-01-01"}, Case{"{{ duration 95 }} {{ durationRound \"2h10m5s\" }}", "1m35s 2h"},
        Case{"{{ ago (now | dateModify \"-2h\") }}", "2h0m0s"}));

INSTANTIATE_TEST_SUITE_P(
    Encodings, Functions,
    ::testing::Values(Case{"{{ b64enc \"hello\" }}{{ b64dec \"aGVsbG8=\" }}", "aGVsbG8=hello"},
                      Case{"{{ sha256sum \"\" | trunc 8 }}", "e3b0c442"},
                      Case{"{{ adler32sum \"Wikipedia\" }}", "300286872"},
                      Case{"{{ regexMatch \"^[a-z]+$\" \"abc\" }}", "true"},
                      Case{"{{ regexFindAll \"[2,4,6]\" \"123456\" -1 }}", "[2 4 6]"},
                      Case{"{{ regexFind \"[a-z][1-9]\" \"abcd1234\" }}", "d1"},
                      Case{"{{ regexReplaceAll \"a(x*)b\" \"-ab-axxb-\" \"${1}W\" }}", "-W-xxW-"},
                      Case{"{{ regexReplaceAllLiteral \"a(x*)b\" \"-ab-axxb-\" \"${1}\" }}", "-${1}-${1}-"},
                      Case{"{{ regexSplit \"z+\" \"pizza\" -1 }}", "[pi a]"},
                      Case{"{{ kindOf (list) }} {{ kindOf 1 }} {{ typeOf \"s\" }}", "slice int string"},
                      Case{"{{ base \"/a/b.txt\" }} {{ dir \"/a/b.txt\" }} {{ ext \"b.txt\" }}", "b.txt /a .txt"}));

TEST(Functions, FailingOnesSayWhy) {
  const Environment environment;
  auto run = [&](std::string_view text) {
    return Template::parse(text)->render(json::Value::object(), environment).error().to_string();
  };
  EXPECT_THAT(run("{{ fail \"stop here\" }}"), ::testing::HasSubstr("stop here"));
  EXPECT_THAT(run("{{ div 1 0 }}"), ::testing::HasSubstr("cannot divide by zero"));
  EXPECT_THAT(run("{{ index (list 1) 4 }}"), ::testing::HasSubstr("out of range"));
  EXPECT_THAT(run("{{ lt 1 \"a\" }}"), ::testing::HasSubstr("cannot order an integer and a string"));
  EXPECT_THAT(run("{{ eq 1 \"1\" }}"), ::testing::HasSubstr("cannot compare"));
  EXPECT_THAT(run("{{ regexMatch \"(\" \"a\" }}"), ::testing::HasSubstr("bad regular expression"));
  EXPECT_THAT(run("{{ dateInZone \"2006\" now \"Mars/Base\" }}"),
              ::testing::HasSubstr("unknown time zone 'Mars/Base'"));
  EXPECT_THAT(run("{{ add 9223372036854775807 1 }}"), ::testing::HasSubstr("does not fit"));
}

TEST(Functions, ChanceComesFromTheGivenEntropyAlone) {
  auto parsed = Template::parse("{{ uuidv4 }} {{ randInt 0 100 }} {{ randAlphaNum 8 }}");
  const Environment one{.entropy = 1};
  const Environment two{.entropy = 2};
  EXPECT_EQ(*parsed->render({}, one), *parsed->render({}, one));
  EXPECT_NE(*parsed->render({}, one), *parsed->render({}, two));
}

TEST(Functions, NamesAreUnique) {
  std::vector<std::string_view> names(function_names().begin(), function_names().end());
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace compozy::expression
