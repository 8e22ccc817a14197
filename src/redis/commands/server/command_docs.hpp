// SPDX-License-Identifier: Apache-2.0
//
// What COMMAND DOCS and INFO say of a command beside its row: its arguments, tips for clients of a cluster, and what
// takes its place where it is deprecated.
//
// Arguments are written one after another, divided by spaces:  [?][*][+] type ':' name ['#' key specification]
// ['=' token] ['@' since] ['<' deprecated since] ['(' its own arguments ')'].  ? optional, * multiple, + multiple with
// the token before each. Types: s string, i integer, d double, k key, p pattern, u unix time, t token alone, o one of,
// b block.     "k:key#0 s:value ?o:condition(t:nx=NX t:xx=XX)"
#pragma once

#include <span>
#include <string_view>

#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

struct CommandDocs {
  std::string_view name;  // "config|get"
  std::string_view flags = {};
  std::string_view tips = {};  // for COMMAND INFO
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
  std::string_view arguments = {};
};

std::span<const CommandDocs> command_docs();
const CommandDocs* find_command_docs(std::string_view name);
void reply_arguments(ReplyWriter& reply, std::string_view notation);

}  // namespace compozy::redis
