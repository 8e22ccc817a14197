// SPDX-License-Identifier: Apache-2.0
//
// What CLIENT LIST and INFO tell about one client, and what it takes of memory. Source: redis.io/commands/client-list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "redis/commands/state.hpp"

namespace compozy::redis {

std::string client_line(const ServerState& server, const Session& session);  // without the line's end
struct Context;
bool valid_client_name(Context& context, std::string_view name);  // replies with the error
// "normal" or "pubsub": the class of its output buffer limit.
std::string_view client_class(const Session& session);
// Replies beyond the reply buffer: what output buffer limits count.
size_t output_memory(const Session& session);
size_t client_memory(const Session& session);
// Whether the client has exceeded its output buffer limit, hard or for too long the soft one.
bool exceeds_output_limit(const ServerState& server, Session& session, int64_t now_ms);

}  // namespace compozy::redis
