// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/config/settings.hpp"

#include "redis/commands/config/config_file.hpp"
#include "redis/commands/config/setting_rows.hpp"

namespace compozy::redis {
namespace {

std::string problem_of(ConfigFile& config, std::string_view text) {
  const auto problem = config.load(text, [](const std::string&) { return std::nullopt; });
  return problem ? problem->text + ": " + problem->reason : "";
}

TEST(Settings, EveryValueCanBeSetToItself) {
  Settings settings = redis_server_defaults();
  for (const SettingRow& row : setting_rows()) {
    if (row.kind == SettingRow::Kind::replicaof) continue;  // an empty one cannot be written
    const std::string value = settings.value_of(row);
    const auto set = settings.set(row.name, value);
    EXPECT_TRUE(set.has_value()) << row.name << " " << value << ": " << (set ? "" : set.error().message);
    EXPECT_EQ(settings.value_of(row), value) << row.name;
  }
}

TEST(Settings, AliasesNameTheSameSetting) {
  Settings settings;
  ASSERT_TRUE(settings.set("hash-max-ziplist-entries", "7").has_value());
  EXPECT_EQ(settings.hash_max_listpack_entries, 7);
  EXPECT_EQ(settings.get({"hash-max-*-entries"}).size(), 2U);
}

TEST(Settings, MemoryHasUnitsAndPercentsAreKept) {
  Settings settings;
  ASSERT_TRUE(settings.set("maxmemory", "700mb").has_value());
  EXPECT_EQ(settings.maxmemory, 734003200);
  ASSERT_TRUE(settings.set("maxmemory-clients", "5%").has_value());
  EXPECT_EQ(settings.value_of(*find_setting("maxmemory-clients")), "5%");
  EXPECT_EQ(settings.set("maxmemory-clients", "200%").error().message,
            "percentage argument must be less or equal to 100");
}

TEST(Settings, WordsTakeTheirCanonicalForm) {
  Settings settings;
  ASSERT_TRUE(settings.set("notify-keyspace-events", "KEA").has_value());
  EXPECT_EQ(settings.notify_keyspace_events, "AKE");
  ASSERT_TRUE(settings.set("shutdown-on-sigint", "force nosave").has_value());
  EXPECT_EQ(settings.shutdown_on_sigint, "nosave force");
  ASSERT_TRUE(settings.set("client-output-buffer-limit", "replica 1mb 0 0").has_value());
  EXPECT_EQ(settings.client_output_buffer_limit, "normal 0 0 0 slave 1048576 0 0 pubsub 33554432 8388608 60");
}

TEST(Settings, HiddenOnesAreShownOnlyByName) {
  const Settings settings;
  EXPECT_TRUE(settings.get({"key-load*"}).empty());
  EXPECT_EQ(settings.get({"key-load-delay"}).size(), 1U);
}

TEST(ConfigFile, SaveLinesAddUpUntilAnEmptyOne) {
  ConfigFile config(redis_server_defaults());
  EXPECT_EQ(problem_of(config, "save 900 1\n# a comment\nsave 300 10"), "");
  EXPECT_EQ(config.settings.save, "900 1 300 10");
  EXPECT_EQ(problem_of(config, "save \"\""), "");
  EXPECT_EQ(config.settings.save, "");
}

TEST(ConfigFile, SaysWhichLineIsWrongAndWhy) {
  ConfigFile config(redis_server_defaults());
  EXPECT_EQ(problem_of(config, "port"), "port: wrong number of arguments");
  EXPECT_EQ(problem_of(config, "prot 1"), "prot 1: Bad directive or wrong number of arguments");
  EXPECT_EQ(problem_of(config, "dir \"a"), "dir \"a: Unbalanced quotes in configuration line");
}

std::string options(std::vector<std::string> args) { return read_command_line(args).options; }

TEST(CommandLine, OptionsBecomeLines) {
  EXPECT_EQ(options({"a.conf", "--port", "1", "--loglevel", "debug"}), "port \"1\" \nloglevel \"debug\" ");
  EXPECT_EQ(options({"--port 1"}), "port 1 ");
  EXPECT_EQ(options({"--save", "--port", "1"}), "save \"\"\nport \"1\" ");
  EXPECT_EQ(options({"--title", "--x", "--port", "1"}), "title \"--x\" \nport \"1\" ");
  EXPECT_TRUE(read_command_line(std::vector<std::string>{"-"}).from_stdin);
}

}  // namespace
}  // namespace compozy::redis
