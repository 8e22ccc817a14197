// SPDX-License-Identifier: Apache-2.0
#include "io/file.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace compozy::io {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "compozy_file_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string path(std::string_view name) const { return dir_ + "/" + std::string(name); }
  std::string dir_;
};

TEST_F(FileTest, AtomicWriteReplacesTheContentAndLeavesNoTemporary) {
  ASSERT_TRUE(write_file_atomic(path("a"), "one").has_value());
  ASSERT_TRUE(write_file_atomic(path("a"), std::string("t\0wo", 4), 0600).has_value());
  EXPECT_EQ(read_file(path("a")).value(), std::string("t\0wo", 4));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(FileTest, AFailedAtomicWriteKeepsTheOldContent) {
  std::filesystem::create_directory(path("taken"));
  const auto refused = write_file_atomic(path("taken"), "x");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("taken"));
  EXPECT_TRUE(std::filesystem::is_directory(path("taken")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(FileTest, ReadNamesTheMissingFileAndTheLimit) {
  const auto missing = read_file(path("missing"));
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().message, ::testing::HasSubstr("missing"));
  ASSERT_TRUE(write_file_atomic(path("big"), std::string(100, 'x')).has_value());
  EXPECT_EQ(read_file(path("big"), 99).error().code, Errc::too_large);
  EXPECT_EQ(read_file(path("big"), 100).value().size(), 100U);
}

TEST_F(FileTest, MakesDirectoriesAndRefusesAFileInTheWay) {
  EXPECT_TRUE(make_directories(path("a/b/c")).has_value());
  EXPECT_TRUE(make_directories(path("a/b/c")).has_value());
  ASSERT_TRUE(write_file_atomic(path("file"), "").has_value());
  EXPECT_FALSE(make_directories(path("file/below")).has_value());
}

TEST_F(FileTest, ASecondLockNamesTheProcessThatHoldsTheFirst) {
  auto first = DirectoryLock::acquire(dir_);
  ASSERT_TRUE(first.has_value());
  const auto second = DirectoryLock::acquire(dir_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::data_dir_locked);
  EXPECT_THAT(second.error().message, ::testing::HasSubstr("process " + std::to_string(::getpid())));
  {
    const auto released = std::move(first);
  }
  EXPECT_TRUE(DirectoryLock::acquire(dir_).has_value());
}

TEST_F(FileTest, ALockDiesWithItsProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = DirectoryLock::acquire(dir_);
    ::_exit(held.has_value() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(DirectoryLock::acquire(dir_).has_value());
}

TEST(DirectoryLock, NeverWritesThroughALink) {
  const std::string folder = ::testing::TempDir() + "lock-link-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/precious") << "kept";
  std::filesystem::create_symlink(folder + "/precious", folder + "/lock");
  EXPECT_FALSE(DirectoryLock::acquire(folder).has_value());
  EXPECT_EQ(read_file(folder + "/precious").value(), "kept");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace compozy::io
