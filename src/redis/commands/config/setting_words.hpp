// SPDX-License-Identifier: Apache-2.0
//
// Settings whose value is a list of words: checked, and written in their one canonical form.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "redis/commands/config/setting_rows.hpp"

namespace compozy::redis {

// The new value; `before` matters where only a part is set (output buffer limits).
Result<std::string> setting_words(SettingRow::Kind kind, std::span<const std::string> words, std::string_view before);

}  // namespace compozy::redis
