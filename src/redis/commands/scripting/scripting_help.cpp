// SPDX-License-Identifier: Apache-2.0
//
// SCRIPT HELP and FUNCTION HELP: one line per subcommand, one line that says what it does.
#include <array>
#include <string_view>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

template <size_t N>
void write_lines(Context& ctx, const std::array<std::string_view, N>& lines) {
  ctx.reply.array(N);
  for (const std::string_view line : lines) ctx.reply.simple(line);
}

constexpr auto kScript = std::to_array<std::string_view>({
    "SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DEBUG (YES|SYNC|NO)",
    "    Set the debug mode of the scripts that follow.",
    "EXISTS <sha1> [<sha1> ...]",
    "    Tell which scripts are in the cache.",
    "FLUSH [ASYNC|SYNC]",
    "    Empty the cache of scripts.",
    "KILL",
    "    Stop the script that runs, if it has not written.",
    "LOAD <script>",
    "    Put a script into the cache without running it.",
    "HELP",
    "    Print this help.",
});

constexpr auto kFunction = std::to_array<std::string_view>({
    "FUNCTION <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "LOAD [REPLACE] <FUNCTION CODE>",
    "    Create a library from its code, whose first line names it.",
    "DELETE <LIBRARY NAME>",
    "    Delete a library.",
    "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    "    List the libraries, their functions, and with WITHCODE their code.",
    "STATS",
    "    Tell which function runs, and what the engines hold.",
    "KILL",
    "    Stop the function that runs, if it has not written.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all libraries.",
    "DUMP",
    "    Give all libraries as one payload for FUNCTION RESTORE.",
    "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    "    Create the libraries of a payload: after deleting all (FLUSH), beside the present ones (APPEND, the default),",
    "    or in the place of those of the same name (REPLACE).",
    "HELP",
    "    Print this help.",
});

}  // namespace

void run_script_help(Context& ctx) { write_lines(ctx, kScript); }
void run_function_help(Context& ctx) { write_lines(ctx, kFunction); }

}  // namespace compozy::redis
