// SPDX-License-Identifier: Apache-2.0
//
// redis.url as users write it: redis://[[user:]password@]host[:port][/db] or unix:///path/to.sock.
// Errors name what is wrong, never the password. rediss:// is refused: TLS to Redis is not in this version.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "redis/remote/remote_client.hpp"

namespace compozy::app {

Result<redis::RemoteOptions> parse_redis_url(std::string_view url);

}  // namespace compozy::app
