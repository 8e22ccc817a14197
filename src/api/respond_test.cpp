#include "api/respond.hpp"

#include "api/api.hpp"
#include "json/parse.hpp"

namespace compozy::api {
namespace {

using ::testing::HasSubstr;

TEST(Respond, EveryErrorIsAProblemWithItsCodeStatusAndRemedy) {
  for (const ErrcRow& row : kErrcTable) {
    const http::Response response = problem(Error{.code = row.code, .message = "m", .field = "f"});
    EXPECT_EQ(response.status, row.http_status);
    EXPECT_EQ(response.headers.get("Content-Type"), "application/problem+json");
    const json::Value body = json::parse(response.body).value();
    EXPECT_EQ(body["code"].as_string(), row.name);
    EXPECT_EQ(body["field"].as_string(), "f");
  }
}

TEST(Respond, UnknownMembersAreRefusedWithTheNearestName) {
  const json::Value body = json::parse(R"({"inptu":{}})").value();
  EXPECT_THAT(check_members(body, {"input", "task_id"}).error().message, HasSubstr("did you mean 'input'?"));
}

TEST(Respond, AMemberOfAnotherTypeIsRefusedNotIgnored) {
  const auto check = [](const char* body) {
    return check_members(json::parse(body).value(),
                         {{"dry_run", Member::flag}, {"reason", Member::text}, {"timeout", Member::integer}});
  };
  EXPECT_THAT(check(R"({"dry_run":"true"})").error().to_string(),
              HasSubstr("dry_run: expected true or false, found string"));
  EXPECT_FALSE(check(R"({"dry_run":1})").has_value());
  EXPECT_FALSE(check(R"({"reason":5})").has_value());
  EXPECT_FALSE(check(R"({"timeout":1e300})").has_value());
  EXPECT_TRUE(check(R"({"dry_run":true,"reason":null,"timeout":5})").has_value());
}

TEST(Respond, ABodyMustBeAnObject) {
  http::Request request;
  EXPECT_TRUE(read_object(request)->is_object());
  request.body = "[1]";
  EXPECT_EQ(read_object(request).error().code, Errc::invalid_argument);
  request.body = "{";
  EXPECT_EQ(read_object(request).error().code, Errc::parse_error);
}

TEST(Respond, QueryNumbersAreBounded) {
  http::Request request;
  request.query = "limit=7&big=9999";
  EXPECT_EQ(query_integer(request, "limit", 50, 1, 500).value(), 7);
  EXPECT_EQ(query_integer(request, "other", 50, 1, 500).value(), 50);
  EXPECT_THAT(query_integer(request, "big", 50, 1, 500).error().message, HasSubstr("from 1 to 500"));
}

}  // namespace
}  // namespace compozy::api
