// SPDX-License-Identifier: Apache-2.0
//
// Settings: a project and its configuration, loaded as `compozy start` and `compozy config` see them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "project/project.hpp"

namespace compozy::cli {

struct Settings {
  project::Project project;
  config::Config config;
  std::string root;  // absolute path of the project's folder
};

// Errors: not_found when there is no compozy.yaml, with what to type; else everything that is wrong, one line each.
Result<Settings> load_settings(const std::string& directory, const std::map<std::string, std::string>& flags,
                               const std::function<const char*(const std::string& name)>& getenv);

}  // namespace compozy::cli
