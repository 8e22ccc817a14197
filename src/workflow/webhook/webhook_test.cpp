#include "workflow/webhook/webhook.hpp"

#include "base/hash.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::workflow {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000'000;

project::Webhook hook(project::Verification verification) {
  return {
      .slug = "gh",
      .verification = verification,
      .secret = "{{ .env.S }}",
      .header = "X-Sig",
      .dedupe = true,
      .dedupe_key = "delivery.id",
      .events = {
          {.name = "created",
           .filter = "payload.action == \"created\"",
           .input = json::parse(R"({"title":"{{ .payload.issue.title }}","n":"{{ .payload.issue.number }}"})").value(),
           .schema = json::parse(R"({"type":"object","properties":{"n":{"type":"integer"}}})").value()},
          {.name = "any", .filter = "has(payload.other)", .input = {}, .schema = {}}}};
}
json::Value host_env() { return json::Value::object({{"S", expression::secret_ref("S")}}); }
std::optional<std::string> lookup(std::string_view name) {
  return name == "S" ? std::optional<std::string>("shh") : std::nullopt;
}
Result<void> verified(const project::Webhook& webhook, Delivery delivery) {
  return verify(webhook, delivery, host_env(), lookup);
}
Delivery delivery(std::string body) { return {.body = std::move(body), .headers = {}, .query = {}, .at_ms = kNow}; }

TEST(Webhook, TakesGithubsSignatureAndRefusesAnother) {
  const auto webhook = hook(project::Verification::github);
  Delivery good = delivery("{}");
  EXPECT_THAT(verified(webhook, good).error().message, HasSubstr("X-Hub-Signature-256 is missing"));
  good.headers["x-hub-signature-256"] = "sha256=" + hmac_sha256_hex("shh", "{}");
  EXPECT_TRUE(verified(webhook, good));
  good.body = "{} ";
  EXPECT_EQ(verified(webhook, good).error().code, Errc::unauthenticated);
}

TEST(Webhook, TakesAPlainHmacInItsHeader) {
  Delivery good = delivery("{}");
  good.headers["x-sig"] = hmac_sha256_hex("shh", "{}");
  EXPECT_TRUE(verified(hook(project::Verification::hmac), good));
}

TEST(Webhook, TakesStripesSignatureWhileItIsFresh) {
  const auto webhook = hook(project::Verification::stripe);
  const auto signed_at = [&](int64_t seconds) {
    Delivery made = delivery("{}");
    made.headers["stripe-signature"] = "t=" + std::to_string(seconds) +
                                       ",v1=00,v1=" + hmac_sha256_hex("shh", std::to_string(seconds) + ".{}") + ",v0=x";
    return verified(webhook, made);
  };
  EXPECT_TRUE(signed_at(kNow / 1'000));
  EXPECT_THAT(signed_at(kNow / 1'000 - 301).error().message, HasSubstr("too old"));
}

TEST(Webhook, ASecretThatIsNotSetIsNamed) {
  Delivery good = delivery("{}");
  good.headers["x-sig"] = "00";
  const auto refused =
      verify(hook(project::Verification::hmac), good, host_env(), [](std::string_view) { return std::nullopt; });
  EXPECT_THAT(refused.error().message, HasSubstr("S"));
}

TEST(Webhook, TheFirstEventWhoseFilterHoldsGivesTheInput) {
  const auto webhook = hook(project::Verification::none);
  const auto made =
      accept(webhook, delivery(R"({"action":"created","issue":{"title":"Broken","number":7},"delivery":{"id":"d1"}})"))
          .value();
  EXPECT_EQ(made.event, "created");
  EXPECT_EQ(json::print(made.input), R"({"title":"Broken","n":7})");
  EXPECT_EQ(made.dedupe_key, "d1");
  EXPECT_EQ(accept(webhook, delivery(R"({"other":1})")).value().event, "any");
  EXPECT_EQ(json::print(accept(webhook, delivery(R"({"other":1})")).value().input), R"({"other":1})");
  EXPECT_EQ(accept(webhook, delivery(R"({"action":"deleted"})")).value().event, "");
}

TEST(Webhook, TheSendersKeyGoesBeforeTheBodys) {
  Delivery made = delivery(R"({"other":1,"delivery":{"id":"d1"}})");
  made.headers["x-idempotency-key"] = "k1";
  EXPECT_EQ(accept(hook(project::Verification::none), made).value().dedupe_key, "k1");
}

TEST(Webhook, SaysWhatIsWrongWithADelivery) {
  const auto webhook = hook(project::Verification::none);
  EXPECT_EQ(accept(webhook, delivery("{")).error().code, Errc::parse_error);
  const auto missing = accept(webhook, delivery(R"({"action":"created","issue":{"title":"x"}})"));
  EXPECT_EQ(missing.error().code, Errc::validation_failed);
  EXPECT_THAT(missing.error().to_string(), HasSubstr("number"));
  const auto wrong = accept(webhook, delivery(R"({"action":"created","issue":{"title":"x","number":"seven"}})"));
  EXPECT_EQ(wrong.error().code, Errc::validation_failed);
}

TEST(Webhook, AStrangerCannotNameASecret) {
  const std::string mark = expression::secret_ref("S");
  const auto made = accept(hook(project::Verification::none), delivery(R"({"other":")" + mark + "\"}")).value();
  EXPECT_FALSE(expression::contains_secret(made.input));
}

}  // namespace
}  // namespace compozy::workflow
