#include "base/error.hpp"

#include <array>
#include <cerrno>

#include "base/result.hpp"

namespace compozy {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Errc::invalid_argument, "odd");
  return value / 2;
}

Result<int> quarter(int value) {
  TRY(const int once, half(value));
  TRY(half(once));
  return half(once);
}

TEST(Error, TryReturnsTheFirstFailure) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
}

TEST(Error, ToStringNamesPlaceThenFieldThenMessage) {
  Error error = Error{.code = Errc::parse_error, .message = "expected a map"}
                    .in_field("next")
                    .in_field("tasks[2]")
                    .at({.file = "main.yaml", .line = 3, .column = 7});
  EXPECT_EQ(error.to_string(), "main.yaml:3:7: tasks[2].next: expected a map");
}

TEST(Error, OffersTheNearestNameAndOnlyWhenItIsNear) {
  const std::array<std::string_view, 3> names{"summarize", "translate", "weather"};
  EXPECT_EQ(did_you_mean("sumarize", names), "; did you mean 'summarize'?");
  EXPECT_EQ(did_you_mean("Wether", names), "; did you mean 'weather'?");
  EXPECT_EQ(did_you_mean("zzz", names), "");
}

TEST(Error, SystemErrorsKeepTheirMeaning) {
  EXPECT_EQ(system_error("write", "/x", ENOSPC).code, Errc::storage_full);
  EXPECT_EQ(system_error("bind", "127.0.0.1:5001", EADDRINUSE).code, Errc::address_in_use);
  EXPECT_EQ(system_error("open", "/x", ENOENT).message, "open '/x': No such file or directory");
}

}  // namespace
}  // namespace compozy
