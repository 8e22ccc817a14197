// SPDX-License-Identifier: Apache-2.0
//
// What a script passes to the libraries: the first byte chooses a script, the rest is its arguments, separated by a
// zero byte. Whatever comes, there is one well-formed reply, or one that is nested deeper than our own clients read.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/engine/engine.hpp"
#include "redis/resp/reply_parser.hpp"

namespace compozy::redis {
namespace {

constexpr std::array<std::string_view, 16> kScripts{
    "return {cmsgpack.unpack(ARGV[1])}",
    "return {cmsgpack.unpack_one(ARGV[1], tonumber(ARGV[2]) or 0)}",
    "return {cmsgpack.unpack_limit(ARGV[1], tonumber(ARGV[2]) or 1, tonumber(ARGV[3]) or 0)}",
    "return cmsgpack.pack(cmsgpack.unpack(ARGV[1]))",
    "return {struct.unpack(ARGV[1], ARGV[2], tonumber(ARGV[3]) or 1)}",
    "return struct.pack(ARGV[1], tonumber(ARGV[2]) or 7, ARGV[3], 1.5, -1, 'text', 1e300)",
    "return struct.size(ARGV[1])",
    "return cjson.decode(ARGV[1])",
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "return cmsgpack.pack(cjson.decode(ARGV[1]))",
    "return {err = ARGV[1]}",
    "return {ok = ARGV[1], big_number = ARGV[2]}",
    "redis.setresp(3) return {map = {[ARGV[1]] = ARGV[2]}, verbatim_string = {string = ARGV[2], format = ARGV[3]}}",
    "return redis.pcall(ARGV[1], ARGV[2], ARGV[3])",
    "return {redis.error_reply(ARGV[1]), redis.status_reply(ARGV[2]), redis.sha1hex(ARGV[3])}",
    "local f, e = loadstring(ARGV[1]) return e",
};

std::vector<std::string_view> split_at_zero(std::string_view input) {
  std::vector<std::string_view> parts;
  while (parts.size() < 2) {
    const size_t end = input.find('\0');
    if (end == std::string_view::npos) break;
    parts.push_back(input.substr(0, end));
    input.remove_prefix(end + 1);
  }
  parts.push_back(input);
  parts.resize(3);
  return parts;
}

}  // namespace
}  // namespace compozy::redis

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace compozy;
  using namespace compozy::redis;
  if (size == 0) return 0;
  static ManualClock clock;
  static SeededRandom random(1);
  static Engine engine({.clock = clock, .random = random});
  const Engine::Hold hold(engine);
  static Session& session = engine.open(nullptr);
  std::vector<std::string_view> args{"EVAL", kScripts[data[0] % kScripts.size()], "0"};
  for (const auto part : split_at_zero({reinterpret_cast<const char*>(data + 1), size - 1})) args.push_back(part);
  engine.execute(session, args);
  ReplyParser replies;
  replies.feed(session.outbox.bytes);
  session.outbox.bytes.clear();
  engine.state().keyspace.clear();
  const auto reply = replies.next();
  if (!reply && reply.error().message.find("nested too deeply") != std::string::npos) return 0;
  ASSERT(reply.has_value() && reply->has_value());
  ASSERT(replies.buffered() == 0);
  return 0;
}
