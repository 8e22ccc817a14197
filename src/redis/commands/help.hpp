// SPDX-License-Identifier: Apache-2.0
//
// The reply of a container's HELP: its subcommands, and that there is HELP.
#pragma once

#include <initializer_list>
#include <string_view>

namespace compozy::redis {

struct Context;

void reply_help(Context& ctx, std::initializer_list<std::string_view> lines);

}  // namespace compozy::redis
