// SPDX-License-Identifier: Apache-2.0
//
// DEBUG's subcommands about data. Rows stand in debug.cpp.
#pragma once

namespace compozy::redis {

struct Context;

void debug_digest(Context& ctx);
void debug_digest_value(Context& ctx);
void debug_htstats(Context& ctx);
void debug_htstats_key(Context& ctx);
void debug_listpack(Context& ctx);
void debug_load_log(Context& ctx);
void debug_quicklist_packed_threshold(Context& ctx);
void debug_reload(Context& ctx);

}  // namespace compozy::redis
