#include "base/text.hpp"

namespace compozy {
namespace {

TEST(Text, GlobMatchesAsRedisDoes) {
  EXPECT_TRUE(glob_match("workflow:*", "workflow:01AB"));
  EXPECT_TRUE(glob_match("h?llo", "hello"));
  EXPECT_TRUE(glob_match("h[a-e]llo", "hello"));
  EXPECT_FALSE(glob_match("h[^e]llo", "hello"));
  EXPECT_TRUE(glob_match("*a*b*c*", "xxaxxbxxc"));
  EXPECT_FALSE(glob_match("*a*b*c*", "xxaxxcxxb"));
  EXPECT_TRUE(glob_match("a\\*b", "a*b"));
  EXPECT_FALSE(glob_match("a\\*b", "axb"));
  EXPECT_FALSE(glob_match("", "x"));
  EXPECT_TRUE(glob_match("**", ""));
}

TEST(Text, GlobWithManyStarsStaysLinearish) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
}

TEST(Text, GlobGivesUpAfterAThousandStars) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*?";
  const std::string text(5000, 'a');
  EXPECT_TRUE(glob_match(pattern, text));
  EXPECT_TRUE(glob_match(pattern + "***", text));
  EXPECT_FALSE(glob_match(pattern + "*?", text));
  EXPECT_TRUE(glob_match(std::string(2000, '*') + "a", text));
}

TEST(Text, ShortenNeverCutsACharacter) {
  EXPECT_EQ(shorten("naïve", 3), "na…");
  EXPECT_EQ(shorten("plain", 9), "plain");
}

TEST(Text, ChecksUtf8) {
  EXPECT_TRUE(is_valid_utf8("héllo ✓ 🙂"));
  EXPECT_FALSE(is_valid_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_valid_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_valid_utf8("\xf4\x90\x80\x80"));
}

TEST(Text, DoublesRoundTripInTheShortestForm) {
  EXPECT_EQ(format_double(0.1), "0.1");
  EXPECT_EQ(format_double(3), "3");
  EXPECT_EQ(format_double(1e300), "1e+300");
  EXPECT_EQ(format_double(-2.5), "-2.5");
}

}  // namespace
}  // namespace compozy
