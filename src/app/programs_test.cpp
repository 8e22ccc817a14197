#include "app/programs.hpp"

#include <stdlib.h>

#include "expression/secret.hpp"

namespace compozy::app {
namespace {

project::Project project_with(const char* id, const char* text) {
  project::Project project;
  project::Task task;
  task.id = "a";
  task.tool = "echo";
  task.with = json::Value::object({{"x", text}});
  project.workflows.push_back({.id = id, .tasks = {task}});
  return project;
}

TEST(Programs, HostVariablesAreSecretRefsAndOnlyThoseThatAreNamed) {
  ::setenv("API_TOKEN", "x", 1);
  ::setenv("OTHER_1", "y", 1);
  const project::Project project = project_with("w", "{{ .env.API_TOKEN }} {{ .env.OTHER_1 }} {{ .env.NOT_SET_9 }}");
  const json::Value env = host_env_of(project.workflows[0]);
  EXPECT_EQ(env.size(), 2U);
  EXPECT_TRUE(expression::contains_secret(env["API_TOKEN"]));
  EXPECT_EQ(env.find("HOME"), nullptr);
}

TEST(Programs, AnUnknownWorkflowGivesTheNearestName) {
  const auto programs = ProjectPrograms::load(project_with("weather", "x")).value();
  EXPECT_TRUE(programs->latest("weather").has_value());
  EXPECT_THAT(programs->latest("wether").error().message, ::testing::HasSubstr("did you mean 'weather'?"));
}

}  // namespace
}  // namespace compozy::app
