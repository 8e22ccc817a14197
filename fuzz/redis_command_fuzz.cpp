// SPDX-License-Identifier: Apache-2.0
//
// Commands with arguments nobody would send: no crash, and every command is answered exactly once (or waits).
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/engine/engine.hpp"
#include "redis/resp/reply_parser.hpp"
#include "redis/resp/request_parser.hpp"

using namespace compozy;
using namespace compozy::redis;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  ManualClock clock;
  SeededRandom random(1);
  Settings settings;
  settings.maxmemory = 64LL * 1024 * 1024;
  settings.proto_max_bulk_len = 1024 * 1024;
  Engine engine({.clock = clock, .random = random, .settings = settings});
  const Engine::Hold hold(engine);
  Session& session = engine.open(nullptr);
  RequestParser parser;
  while (parser.parse(input) == RequestParser::Status::complete) {
    // Counts without bound are asked for by the caller, who pays for them.
    for (const auto arg : parser.args()) {
      if (arg.size() > 5 && arg.find_first_not_of("-0123456789") == std::string_view::npos) return 0;
    }
    engine.execute(session, parser.args());
    if (session.blocked) engine.unblock(session.id(), false);
    ReplyParser replies;
    replies.feed(session.outbox.bytes);
    session.outbox.bytes.clear();
    while (true) {
      auto reply = replies.next();
      ASSERT(reply.has_value());
      if (!*reply) break;
    }
    ASSERT(replies.buffered() == 0);
    clock.advance_ms(1);
    input.remove_prefix(parser.consumed());
  }
  engine.cron();
  return 0;
}
