// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/help.hpp"

#include <string>

#include "base/text.hpp"
#include "redis/commands/context.hpp"

namespace compozy::redis {

void reply_help(Context& ctx, std::initializer_list<std::string_view> lines) {
  ctx.reply.array(lines.size() + 3);
  ctx.reply.simple(to_upper(ctx.row.parent) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const std::string_view line : lines) ctx.reply.simple(line);
  ctx.reply.simple("HELP");
  ctx.reply.simple("    Shows these lines.");
}

}  // namespace compozy::redis
