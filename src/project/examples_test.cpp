// SPDX-License-Identifier: Apache-2.0
//
// Every project under examples/ loads, and its definitions survive being stored.
#include <filesystem>

#include "project/project.hpp"

namespace compozy::project {
namespace {

std::vector<std::string> example_folders() {
  std::vector<std::string> out;
  const std::filesystem::path root = "examples";  // tests run in the project's folder
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (std::filesystem::exists(entry.path() / "compozy.yaml")) out.push_back(entry.path().lexically_normal().string());
  }
  std::ranges::sort(out);
  return out;
}

class Examples : public ::testing::TestWithParam<std::string> {};

TEST_P(Examples, Load) {
  auto project = load_project(GetParam());
  ASSERT_TRUE(project) << describe(project.error());
  EXPECT_FALSE(project->workflows.empty());
  EXPECT_EQ(project->name, std::filesystem::path(GetParam()).filename());
  for (const Workflow& workflow : project->workflows) {
    auto stored = workflow_from_json(to_json(workflow));
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(content_hash(*stored), content_hash(workflow));
  }
}

INSTANTIATE_TEST_SUITE_P(Projects, Examples, ::testing::ValuesIn(example_folders()), [](const auto& info) {
  std::string name = std::filesystem::path(info.param).filename().string();
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace compozy::project
