#include "base/hash.hpp"

namespace compozy {
namespace {

TEST(Sha256, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Hash64, DependsOnEveryByteTheLengthAndTheSeed) {
  const std::string text(40, 'x');
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'y';
    EXPECT_NE(hash64(text), hash64(other)) << i;
  }
  EXPECT_NE(hash64(std::string("\0", 1)), hash64(""));
  EXPECT_NE(hash64(text, 1), hash64(text, 2));
}

}  // namespace
}  // namespace compozy
