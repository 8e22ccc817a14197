// SPDX-License-Identifier: Apache-2.0
#include "cli/settings.hpp"

#include <filesystem>

#include "base/text.hpp"

namespace compozy::cli {

Result<Settings> load_settings(const std::string& directory, const std::map<std::string, std::string>& flags,
                               const std::function<const char*(const std::string& name)>& getenv) {
  const std::filesystem::path root = directory.empty() ? std::filesystem::path(".") : std::filesystem::path(directory);
  std::error_code ec;
  if (!std::filesystem::exists(root / "compozy.yaml", ec)) {
    return fail(Errc::not_found, "there is no compozy.yaml in '" +
                                     std::filesystem::absolute(root).lexically_normal().string() +
                                     "'; `compozy init` writes a project, `--cwd DIR` names another folder");
  }
  auto project = project::load_project(root.string());
  if (!project) {
    const std::string errors = project::describe(project.error());
    return fail(Errc::validation_failed, "the project has errors:\n" + std::string(trim(errors)));
  }
  config::Inputs inputs{.file = json::Value::object(), .locate = {}, .getenv = getenv, .flags = flags};
  std::map<std::string, Location, std::less<>> places;
  for (const project::Section& section : project->sections) {
    inputs.file.set(section.name, section.value);
    places[section.name] = section.where;
  }
  inputs.locate = [&places](std::string_view path) {
    const auto found = places.find(path.substr(0, path.find('.')));
    return found == places.end() ? Location{.file = "compozy.yaml"} : found->second;
  };
  TRY(config::Config config, config::Config::load(inputs));
  Settings settings{.project = std::move(*project), .config = std::move(config), .root = {}};
  settings.root = settings.project.root;
  while (settings.root.size() > 1 && settings.root.ends_with('/')) settings.root.pop_back();
  return settings;
}

}  // namespace compozy::cli
