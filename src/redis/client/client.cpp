// SPDX-License-Identifier: Apache-2.0
#include "redis/client/client.hpp"

#include <array>

#include "base/text.hpp"
#include "redis/resp/sha1.hpp"

namespace compozy::redis {

namespace {

// Commands that change the connection they are sent on, and what to use instead.
struct Refused {
  std::string_view name;
  std::string_view instead;
};
constexpr std::array kRefused{
    Refused{"multi", "transaction()"},
    Refused{"exec", "transaction()"},
    Refused{"discard", "transaction()"},
    Refused{"watch", "a script"},
    Refused{"unwatch", "a script"},
    Refused{"subscribe", "subscribe()"},
    Refused{"psubscribe", "subscribe()"},
    Refused{"ssubscribe", "subscribe()"},
    Refused{"unsubscribe", "subscribe()"},
    Refused{"punsubscribe", "subscribe()"},
    Refused{"sunsubscribe", "subscribe()"},
    Refused{"select", "a client with that database"},
    Refused{"hello", "the client's options"},
    Refused{"auth", "the client's options"},
    Refused{"quit", "the client's end"},
    Refused{"reset", "nothing"},
    Refused{"monitor", "nothing"},
};

}  // namespace

Script::Script(std::string_view text) : source(text), sha1(sha1_hex(text)) {}

Result<void> check_shared_command(const Command& args) {
  if (args.empty()) return fail(Errc::invalid_argument, "a Redis command needs a name");
  for (const auto& [name, instead] : kRefused) {
    if (!equals_ignoring_case(args[0], name)) continue;
    return fail(Errc::unsupported, "the Redis command '" + args[0] + "' changes the connection, which is shared; use " +
                                       std::string(instead) + " instead");
  }
  if (args.size() > 1 && equals_ignoring_case(args[0], "client") && equals_ignoring_case(args[1], "reply")) {
    return fail(Errc::unsupported, "the Redis command 'CLIENT REPLY' changes the connection, which is shared");
  }
  return {};
}

Result<std::vector<Reply>> transaction_replies(Reply exec) {
  if (exec.is_error()) return exec.to_failure();
  if (exec.is_null()) return fail(Errc::conflict, "Redis aborted the transaction because a watched key changed");
  return std::move(exec.items);
}

}  // namespace compozy::redis
