// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/dump_file.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/engine/engine_fixture.hpp"

namespace compozy::redis {
namespace {

class DumpFileTest : public EngineFixture {
 protected:
  DumpFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "compozy-dump-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  ~DumpFileTest() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

// What another engine finds in the directory.
std::string value_after_restart(const std::string& directory, std::string_view key) {
  ManualClock clock;
  SeededRandom random(1);
  Engine engine({.clock = clock, .random = random});
  DumpFile dump(engine, directory);
  const auto loaded = dump.load();
  if (!loaded) return loaded.error().message;
  const Engine::Hold hold(engine);
  std::string value = "absent";
  engine.get_string(0, key, value);
  return value;
}

TEST_F(DumpFileTest, SaveWritesWhatARestartLoads) {
  DumpFile dump(engine_, directory_);
  run("SET k before");
  EXPECT_EQ(run("SAVE"), "OK");
  run("SET k after");
  EXPECT_EQ(value_after_restart(directory_, "k"), "before");
  EXPECT_EQ(run("DEBUG RELOAD NOSAVE"), "OK");
  EXPECT_EQ(run("GET k"), "\"before\"");
}

TEST_F(DumpFileTest, ABackgroundSaveHoldsTheDataOfItsStart) {
  DumpFile dump(engine_, directory_);
  for (int i = 0; i < 5000; ++i) run_args(*session_, {"SET", "k" + std::to_string(i), "before"});
  EXPECT_EQ(run("BGSAVE"), "Background saving started");
  for (int i = 0; i < 5000; ++i) run_args(*session_, {"SET", "k" + std::to_string(i), "after"});
  while (dump.saving()) std::this_thread::yield();
  EXPECT_EQ(value_after_restart(directory_, "k0"), "before");
  EXPECT_EQ(value_after_restart(directory_, "k4999"), "before");
}

TEST_F(DumpFileTest, TheSaveSettingStartsASave) {
  DumpFile dump(engine_, directory_);
  run("CONFIG SET save \"10 2\"");
  run("SET a 1");
  clock_.advance_ms(20'000);
  cron();
  EXPECT_FALSE(dump.saving());
  run("SET b 1");
  cron();
  while (dump.saving()) std::this_thread::yield();
  EXPECT_EQ(value_after_restart(directory_, "b"), "1");
}

TEST_F(DumpFileTest, ADamagedFileIsAnErrorAndNoneIsNot) {
  EXPECT_EQ(value_after_restart(directory_, "k"), "absent");
  std::ofstream(directory_ + "/dump.rdb") << "REDIS0010 nonsense";
  EXPECT_THAT(value_after_restart(directory_, "k"), testing::HasSubstr("corrupt"));
}

}  // namespace
}  // namespace compozy::redis
