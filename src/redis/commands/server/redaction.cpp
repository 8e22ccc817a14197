// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/server/redaction.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "redis/commands/config/setting_rows.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

bool may_hold_secrets(const Row& row) {
  return row.parent == "acl" || row.run == run_auth || row.run == run_hello || row.run == run_config_set ||
         row.name == "migrate";
}

}  // namespace

Args redacted(const Row& row, Args args, std::vector<std::string_view>& storage) {
  if (!may_hold_secrets(row)) return args;
  storage.assign(args.begin(), args.end());
  const auto hide = [&](size_t i) {
    if (i < storage.size()) storage[i] = "(redacted)";
  };
  if (row.run == run_auth) {
    for (size_t i = 1; i < args.size(); ++i) hide(i);
  } else if (row.parent == "acl") {
    if (row.run == run_acl_setuser || row.run == run_acl_deluser || row.run == run_acl_getuser) {
      for (size_t i = 2; i < args.size(); ++i) hide(i);
    }
  } else if (row.run == run_config_set) {
    for (size_t i = 2; i + 1 < args.size(); i += 2) {
      const SettingRow* setting = find_setting(args[i]);
      if (setting != nullptr && setting->has(kSensitive)) hide(i + 1);
    }
  } else {
    for (size_t i = 1; i < args.size(); ++i) {
      if (!equals_ignoring_case(args[i], "auth") && !equals_ignoring_case(args[i], "auth2")) continue;
      hide(i + 1);
      if (row.run == run_hello || equals_ignoring_case(args[i], "auth2")) hide(i + 2);
    }
  }
  return storage;
}

}  // namespace compozy::redis
