#include "config/config.hpp"

#include "config/mode.hpp"
#include "json/parse.hpp"

namespace compozy::config {
namespace {

using ::testing::HasSubstr;

Inputs inputs(const char* file, std::map<std::string, std::string> env = {},
              std::map<std::string, std::string> flags = {}) {
  auto shared = std::make_shared<std::map<std::string, std::string>>(std::move(env));
  return {.file = json::parse(file).value(),
          .locate = [](std::string_view) { return Location{.file = "compozy.yaml", .line = 4, .column = 9}; },
          .getenv =
              [shared](const std::string& name) { return shared->contains(name) ? shared->at(name).c_str() : nullptr; },
          .flags = std::move(flags)};
}

TEST(Config, FlagsWinOverEnvironmentOverFileOverDefault) {
  EXPECT_EQ(Config::load(inputs("{}"))->integer("server.port"), 5001);
  EXPECT_EQ(Config::load(inputs(R"({"server":{"port":1}})"))->integer("server.port"), 1);
  EXPECT_EQ(Config::load(inputs(R"({"server":{"port":1}})", {{"SERVER_PORT", "2"}}))->integer("server.port"), 2);
  EXPECT_EQ(
      Config::load(inputs(R"({"server":{"port":1}})", {{"SERVER_PORT", "2"}}, {{"port", "3"}}))->integer("server.port"),
      3);
}

TEST(Config, ComponentModeWinsOverGlobalModeWinsOverDistributed) {
  EXPECT_EQ(resolve_modes(*Config::load(inputs("{}"))).redis, Mode::distributed);
  EXPECT_EQ(resolve_modes(*Config::load(inputs(R"({"mode":"standalone"})"))).temporal, Mode::standalone);
  const auto mixed = resolve_modes(*Config::load(inputs(R"({"mode":"standalone","redis":{"mode":"distributed"}})")));
  EXPECT_EQ(mixed.redis, Mode::distributed);
  EXPECT_EQ(mixed.temporal, Mode::standalone);
}

TEST(Config, UnknownKeysNamePlaceAndNearestName) {
  const auto result = Config::load(inputs(R"({"server":{"prot":1}})"));
  EXPECT_EQ(result.error().to_string(),
            "compozy.yaml:4:9: server.prot: unknown configuration key 'server.prot'; did you mean 'server.port'?");
}

TEST(Config, ReportsEveryErrorAtOnce) {
  const auto result =
      Config::load(inputs(R"({"server":{"port":"x"},"redis":{"db":99}})", {{"REDIS_MODE", "stand-alone"}}));
  const std::string text = result.error().to_string();
  EXPECT_THAT(text, HasSubstr("server.port: expected a whole number"));
  EXPECT_THAT(text, HasSubstr("'99' is outside 0 to 15"));
  EXPECT_THAT(text, HasSubstr("did you mean 'standalone'?"));
}

TEST(Config, OldNamesAreAcceptedWithANote) {
  const auto config = Config::load(inputs(R"({"mcp_proxy":{"mode":"standalone"}})"));
  EXPECT_EQ(resolve_modes(*config).mcpproxy, Mode::standalone);
  EXPECT_EQ(config->notes().size(), 1U);
}

TEST(Config, SecretsAreNeverShown) {
  const auto config = Config::load(inputs("{}", {{"REDIS_PASSWORD", "hunter2"}}));
  EXPECT_EQ(config->text("redis.password"), "hunter2");
  EXPECT_THAT(config->explain("redis.password").value(), Not(HasSubstr("hunter2")));
  EXPECT_EQ(config->show()["redis.password"]["value"].as_string(), "***");
}

TEST(Config, ExplainShowsTheWinnerAndWhatItHides) {
  const auto config = Config::load(inputs("{}", {{"SERVER_PORT", "2"}}));
  EXPECT_THAT(config->explain("server.port").value(),
              HasSubstr("value    2   from SERVER_PORT\n  hidden   5001   from default"));
  EXPECT_THAT(config->explain("server.prt").error().message, HasSubstr("did you mean 'server.port'?"));
}

}  // namespace
}  // namespace compozy::config
