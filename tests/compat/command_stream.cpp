// SPDX-License-Identifier: Apache-2.0
#include "command_stream.hpp"

#include <array>
#include <set>
#include <span>
#include <string_view>

namespace compozy::redis {

namespace {

// Letters in a template stand for random arguments:
//   K key, X key of a sorted set whose scores are all 0 (ranges by text mean nothing otherwise),
//   V value, I small integer, N any number, F field, M member, S score, L lex bound, B score bound,
//   T relative time that is over or wrong, since the two clocks are not read at the same instant, R script
constexpr std::array kTemplates = std::to_array<std::string_view>({"SET K V",
                                                                   "SET K V NX",
                                                                   "SET K V XX GET",
                                                                   "SET K I",
                                                                   "SET K V PXAT 99999999999999",
                                                                   "SET K V KEEPTTL",
                                                                   "SET K V EX T",
                                                                   "SETNX K V",
                                                                   "GETSET K V",
                                                                   "GET K",
                                                                   "GETDEL K",
                                                                   "GETEX K PERSIST",
                                                                   "GETEX K PXAT 99999999999999",
                                                                   "MGET K K K",
                                                                   "MSET K V K V",
                                                                   "MSETNX K V K V",
                                                                   "STRLEN K",
                                                                   "APPEND K V",
                                                                   "SETRANGE K I V",
                                                                   "GETRANGE K N N",
                                                                   "SUBSTR K N N",
                                                                   "INCR K",
                                                                   "DECR K",
                                                                   "INCRBY K N",
                                                                   "DECRBY K N",
                                                                   "INCRBYFLOAT K S",
                                                                   "LCS K K",
                                                                   "LCS K K LEN",
                                                                   "LCS K K IDX WITHMATCHLEN",
                                                                   "LCS K K IDX MINMATCHLEN I",
                                                                   "LPUSH K V V",
                                                                   "RPUSH K V V V",
                                                                   "LPUSHX K V",
                                                                   "RPUSHX K V",
                                                                   "LPOP K",
                                                                   "RPOP K",
                                                                   "LPOP K I",
                                                                   "RPOP K N",
                                                                   "LLEN K",
                                                                   "LINDEX K N",
                                                                   "LRANGE K N N",
                                                                   "LTRIM K N N",
                                                                   "LSET K N V",
                                                                   "LINSERT K BEFORE V V",
                                                                   "LINSERT K AFTER V V",
                                                                   "LREM K N V",
                                                                   "LPOS K V",
                                                                   "LPOS K V RANK N",
                                                                   "LPOS K V COUNT I MAXLEN I",
                                                                   "LPOS K V RANK N COUNT I",
                                                                   "RPOPLPUSH K K",
                                                                   "LMOVE K K LEFT RIGHT",
                                                                   "LMOVE K K RIGHT LEFT",
                                                                   "LMPOP 2 K K LEFT COUNT I",
                                                                   "LMPOP N K RIGHT",
                                                                   "BLPOP K K 0.001",
                                                                   "BRPOPLPUSH K K 0.001",
                                                                   "BLMPOP 0.001 2 K K RIGHT COUNT I",
                                                                   "HSET K F V F V",
                                                                   "HMSET K F V",
                                                                   "HSETNX K F V",
                                                                   "HGET K F",
                                                                   "HMGET K F F F",
                                                                   "HDEL K F F",
                                                                   "HLEN K",
                                                                   "HEXISTS K F",
                                                                   "HSTRLEN K F",
                                                                   "HKEYS K",
                                                                   "HVALS K",
                                                                   "HGETALL K",
                                                                   "HINCRBY K F N",
                                                                   "HINCRBYFLOAT K F S",
                                                                   "SADD K M M",
                                                                   "SADD K I I I",
                                                                   "SREM K M M",
                                                                   "SCARD K",
                                                                   "SISMEMBER K M",
                                                                   "SMISMEMBER K M M",
                                                                   "SMEMBERS K",
                                                                   "SMOVE K K M",
                                                                   "SINTER K K",
                                                                   "SUNION K K",
                                                                   "SDIFF K K K",
                                                                   "SINTERSTORE K K K",
                                                                   "SUNIONSTORE K K K",
                                                                   "SDIFFSTORE K K K",
                                                                   "SINTERCARD 2 K K",
                                                                   "SINTERCARD 2 K K LIMIT I",
                                                                   "ZADD K S M S M",
                                                                   "ZADD K NX S M",
                                                                   "ZADD K XX CH S M",
                                                                   "ZADD K GT S M",
                                                                   "ZADD K LT CH S M",
                                                                   "ZADD K INCR S M",
                                                                   "ZADD K XX INCR S M",
                                                                   "ZADD K NX GT S M",
                                                                   "ZINCRBY K S M",
                                                                   "ZREM K M M",
                                                                   "ZCARD K",
                                                                   "ZSCORE K M",
                                                                   "ZMSCORE K M M",
                                                                   "ZRANK K M",
                                                                   "ZREVRANK K M",
                                                                   "ZCOUNT K B B",
                                                                   "ZADD X 0 M 0 M",
                                                                   "ZADD X 0 M 0 M 0 M",
                                                                   "ZLEXCOUNT X L L",
                                                                   "ZRANGE K N N",
                                                                   "ZRANGE K N N WITHSCORES",
                                                                   "ZRANGE K N N REV",
                                                                   "ZRANGE K B B BYSCORE",
                                                                   "ZRANGE K B B BYSCORE REV LIMIT I N",
                                                                   "ZRANGE X L L BYLEX LIMIT I N",
                                                                   "ZRANGE X L L BYLEX REV",
                                                                   "ZREVRANGE K N N WITHSCORES",
                                                                   "ZRANGEBYSCORE K B B WITHSCORES LIMIT I N",
                                                                   "ZREVRANGEBYSCORE K B B",
                                                                   "ZRANGEBYLEX X L L",
                                                                   "ZREVRANGEBYLEX X L L LIMIT I N",
                                                                   "ZRANGESTORE K K N N",
                                                                   "ZRANGESTORE K K B B BYSCORE LIMIT I N",
                                                                   "ZREMRANGEBYRANK K N N",
                                                                   "ZREMRANGEBYSCORE K B B",
                                                                   "ZREMRANGEBYLEX X L L",
                                                                   "ZPOPMIN K",
                                                                   "ZPOPMAX K I",
                                                                   "ZPOPMIN K N",
                                                                   "ZMPOP 2 K K MIN COUNT I",
                                                                   "BZPOPMIN K K 0.001",
                                                                   "BZMPOP 0.001 1 K MAX",
                                                                   "ZUNION 2 K K WITHSCORES",
                                                                   "ZINTER 2 K K WITHSCORES",
                                                                   "ZDIFF 2 K K WITHSCORES",
                                                                   "ZUNIONSTORE K 2 K K WEIGHTS S S AGGREGATE MAX",
                                                                   "ZINTERSTORE K 2 K K AGGREGATE MIN",
                                                                   "ZDIFFSTORE K 2 K K",
                                                                   "ZINTERCARD 2 K K LIMIT I",
                                                                   "ZUNIONSTORE K N K",
                                                                   "DEL K K",
                                                                   "UNLINK K",
                                                                   "EXISTS K K K",
                                                                   "TYPE K",
                                                                   "RENAME K K",
                                                                   "RENAMENX K K",
                                                                   "COPY K K",
                                                                   "COPY K K REPLACE",
                                                                   "COPY K K DB 1",
                                                                   "MOVE K 1",
                                                                   "TOUCH K K",
                                                                   "PERSIST K",
                                                                   "TTL K",
                                                                   "PEXPIRETIME K",
                                                                   "PEXPIREAT K 99999999999999",
                                                                   "PEXPIREAT K 99999999999998 GT",
                                                                   "EXPIREAT K 99999999999 NX",
                                                                   "EXPIRE K T XX",
                                                                   "EXPIRE K T",
                                                                   "GETEX K EX T",
                                                                   "PEXPIREAT K 1",
                                                                   "EXPIRE K 9223372036854775807",
                                                                   "OBJECT ENCODING K",
                                                                   "DBSIZE",
                                                                   "SORT K",
                                                                   "SORT K ALPHA DESC",
                                                                   "SORT K BY nosort",
                                                                   "SORT K ALPHA LIMIT I I",
                                                                   "SORT K BY K* GET # GET K* ALPHA",
                                                                   "SORT K ALPHA STORE K",
                                                                   "SORT K BY w->x",
                                                                   "SELECT 1",
                                                                   "SELECT 0",
                                                                   "SWAPDB 0 1",
                                                                   "ECHO V",
                                                                   "PING",
                                                                   "PING V",
                                                                   "GET",
                                                                   "SET K",
                                                                   "ZADD K S",
                                                                   "HSET K F",
                                                                   "EXPIRE K x",
                                                                   "OBJECT REFCOUNT",
                                                                   "ZADD K x M",
                                                                   "MULTI",
                                                                   "EXEC",
                                                                   "EXEC",
                                                                   "DISCARD",
                                                                   "WATCH K",
                                                                   "UNWATCH",
                                                                   "LRANGE K a b",
                                                                   "SETRANGE K -1 V",
                                                                   "EVAL R 1 K V",
                                                                   "EVAL R 2 K K V"});

// Strings as bitmaps and HyperLogLogs: Y field type, O offset, H key of a HyperLogLog, E element, W 0 or 1.
constexpr std::array kBitTemplates = std::to_array<std::string_view>({"SETBIT K O W",
                                                                      "SETBIT K O W",
                                                                      "GETBIT K O",
                                                                      "BITCOUNT K",
                                                                      "BITCOUNT K N N",
                                                                      "BITCOUNT K N N BIT",
                                                                      "BITCOUNT K N N BYTE",
                                                                      "BITCOUNT K N N x",
                                                                      "BITCOUNT K N",
                                                                      "BITPOS K W",
                                                                      "BITPOS K W N",
                                                                      "BITPOS K W N N",
                                                                      "BITPOS K W N N BIT",
                                                                      "BITPOS K W N N BYTE",
                                                                      "BITPOS K 2",
                                                                      "BITOP AND K K K",
                                                                      "BITOP OR K K K K",
                                                                      "BITOP XOR K K K",
                                                                      "BITOP NOT K K",
                                                                      "BITOP NOT K K K",
                                                                      "BITFIELD K GET Y O",
                                                                      "BITFIELD K SET Y O N",
                                                                      "BITFIELD K INCRBY Y O N GET Y O",
                                                                      "BITFIELD K OVERFLOW SAT INCRBY Y O N SET Y O N",
                                                                      "BITFIELD K OVERFLOW FAIL INCRBY Y O N SET Y O N",
                                                                      "BITFIELD K OVERFLOW WRAP INCRBY Y O N",
                                                                      "BITFIELD K OVERFLOW x",
                                                                      "BITFIELD K",
                                                                      "BITFIELD_RO K GET Y O GET Y O",
                                                                      "BITFIELD_RO K SET Y O N",
                                                                      "SET K V",
                                                                      "APPEND K V",
                                                                      "GET K",
                                                                      "LPUSH K V",
                                                                      "DEL K",
                                                                      "PFADD H E E E E E E E E",
                                                                      "PFADD H E E E E",
                                                                      "PFADD H E",
                                                                      "PFADD H",
                                                                      "PFCOUNT H",
                                                                      "PFCOUNT H H",
                                                                      "PFMERGE H H",
                                                                      "PFMERGE H",
                                                                      "PFMERGE H H H",
                                                                      "PFDEBUG ENCODING H",
                                                                      "PFDEBUG DECODE H",
                                                                      "PFDEBUG x H",
                                                                      "PFADD K E",
                                                                      "PFCOUNT K H",
                                                                      "PFDEBUG TODENSE H7",
                                                                      "SETRANGE H7 N V",
                                                                      "GET H",
                                                                      "GET H",
                                                                      "DEL H",
                                                                      "STRLEN H"});

// Places: G key of a geospatial index, P member, o longitude, a latitude, D distance, U unit.
constexpr std::array kPlaceTemplates =
    std::to_array<std::string_view>({"GEOADD G o a P o a P o a P",
                                     "GEOADD G o a P",
                                     "GEOADD G NX o a P",
                                     "GEOADD G XX CH o a P",
                                     "GEOADD G NX XX o a P",
                                     "GEOADD G o a",
                                     "GEOADD G x a P",
                                     "GEOPOS G P P",
                                     "GEOHASH G P P",
                                     "GEODIST G P P",
                                     "GEODIST G P P U",
                                     "GEOSEARCH G FROMLONLAT o a BYRADIUS D U",
                                     "GEOSEARCH G FROMLONLAT o a BYRADIUS D U ASC WITHDIST WITHHASH WITHCOORD",
                                     "GEOSEARCH G FROMMEMBER P BYRADIUS D U DESC COUNT I WITHDIST",
                                     "GEOSEARCH G FROMMEMBER P BYBOX D D U ASC",
                                     "GEOSEARCH G FROMLONLAT o a BYBOX D D U COUNT I ANY",
                                     "GEOSEARCH G FROMLONLAT o a BYBOX D D U COUNT I",
                                     "GEOSEARCH G FROMLONLAT o a",
                                     "GEOSEARCH G BYRADIUS D U",
                                     "GEOSEARCH G FROMLONLAT o a BYRADIUS D U ANY",
                                     "GEOSEARCH G FROMLONLAT o a FROMMEMBER P BYRADIUS D U",
                                     "GEOSEARCHSTORE G G FROMLONLAT o a BYRADIUS D U COUNT I",
                                     "GEOSEARCHSTORE g9 G FROMLONLAT o a BYBOX D D U STOREDIST",
                                     "GEOSEARCHSTORE g9 G FROMMEMBER P BYBOX D D U WITHDIST",
                                     "GEORADIUS G o a D U",
                                     "GEORADIUS G o a D U WITHDIST COUNT I ASC",
                                     "GEORADIUS G o a D U STORE g9",
                                     "GEORADIUS G o a D U STOREDIST g9 WITHDIST",
                                     "GEORADIUS_RO G o a D U STORE g9",
                                     "GEORADIUS_RO G o a D U WITHCOORD",
                                     "GEORADIUSBYMEMBER G P D U WITHHASH",
                                     "GEORADIUSBYMEMBER G P D U STOREDIST g9 COUNT I",
                                     "GEORADIUSBYMEMBER_RO G P D U DESC",
                                     "ZRANGE G 0 -1 WITHSCORES",
                                     "ZRANGE g9 0 -1 WITHSCORES",
                                     "ZREM G P",
                                     "SET g0 x",
                                     "DEL G"});

// Streams: Q key, i ID, q end of an interval, A group, C consumer.
constexpr std::array kStreamTemplates =
    std::to_array<std::string_view>({"XADD Q i F V",
                                     "XADD Q i F V F V",
                                     "XADD Q i f0 V f1 V",
                                     "XADD Q i f0 V f1 V",
                                     "XADD Q i f0 V",
                                     "XADD Q NOMKSTREAM i F V",
                                     "XADD Q MAXLEN I i F V",
                                     "XADD Q MAXLEN ~ N i F V",
                                     "XADD Q MINID i i F V",
                                     "XADD Q MINID ~ i LIMIT N i F V",
                                     "XADD Q MAXLEN = 5 LIMIT 3 i F V",
                                     "XADD Q i F",
                                     "XADD Q i",
                                     "XLEN Q",
                                     "XRANGE Q q q",
                                     "XRANGE Q q q COUNT N",
                                     "XRANGE Q - +",
                                     "XREVRANGE Q q q",
                                     "XREVRANGE Q + - COUNT I",
                                     "XDEL Q i i i",
                                     "XTRIM Q MAXLEN I",
                                     "XTRIM Q MAXLEN ~ I",
                                     "XTRIM Q MINID i",
                                     "XTRIM Q MINID ~ i LIMIT N",
                                     "XTRIM Q LIMIT 3",
                                     "XTRIM Q MAXLEN 2 MINID 3",
                                     "XSETID Q i",
                                     "XSETID Q i ENTRIESADDED N MAXDELETEDID i",
                                     "XREAD STREAMS Q i",
                                     "XREAD COUNT N STREAMS Q Q i i",
                                     "XREAD BLOCK 1 STREAMS Q i",
                                     "XREAD STREAMS Q Q i",
                                     "XREAD GROUP A C STREAMS Q >",
                                     "XREADGROUP GROUP A C STREAMS Q >",
                                     "XREADGROUP GROUP A C STREAMS Q >",
                                     "XREADGROUP GROUP A C COUNT I STREAMS Q >",
                                     "XREADGROUP GROUP A C NOACK COUNT I STREAMS Q >",
                                     "XREADGROUP GROUP A C COUNT I STREAMS Q i",
                                     "XREADGROUP GROUP A C STREAMS Q 0",
                                     "XREADGROUP GROUP A C BLOCK 1 STREAMS Q Q > >",
                                     "XREADGROUP STREAMS Q >",
                                     "XGROUP CREATE Q A i",
                                     "XGROUP CREATE Q A 0 MKSTREAM",
                                     "XGROUP CREATE Q A $ MKSTREAM ENTRIESREAD N",
                                     "XGROUP SETID Q A i",
                                     "XGROUP SETID Q A i ENTRIESREAD N",
                                     "XGROUP CREATECONSUMER Q A C",
                                     "XGROUP DELCONSUMER Q A C",
                                     "XGROUP DESTROY Q A",
                                     "XGROUP CREATE Q A i x",
                                     "XGROUP x Q A",
                                     "XACK Q A i i i",
                                     "XACK Q A 100-0 101-0 x",
                                     "XPENDING Q A",
                                     "XPENDING Q A q q N",
                                     "XPENDING Q A - + 10 C",
                                     "XPENDING Q A IDLE 0 - + 10",
                                     "XPENDING Q A IDLE 100000 - + 10 C",
                                     "XPENDING Q A -",
                                     "XCLAIM Q A C 0 i i i",
                                     "XCLAIM Q A C N i JUSTID",
                                     "XCLAIM Q A C 0 i i FORCE RETRYCOUNT I",
                                     "XCLAIM Q A C 0 i IDLE 5 TIME 7 LASTID i",
                                     "XCLAIM Q A C 0 i x",
                                     "XAUTOCLAIM Q A C 0 q",
                                     "XAUTOCLAIM Q A C 0 - COUNT I",
                                     "XAUTOCLAIM Q A C 100000 - JUSTID",
                                     "XINFO STREAM Q",
                                     "XINFO STREAM Q FULL",
                                     "XINFO STREAM Q FULL COUNT N",
                                     "XINFO GROUPS Q",
                                     "XINFO CONSUMERS Q A",
                                     "XINFO STREAM Q x",
                                     "DEL Q",
                                     "COPY Q Q REPLACE",
                                     "RENAME Q Q",
                                     "OBJECT ENCODING Q",
                                     "TYPE Q",
                                     "SET stream2 x"});

constexpr std::array kScripts = std::to_array<std::string_view>(
    {"return redis.call('TYPE', KEYS[1])", "return redis.call('INCR', KEYS[1])",
     "return redis.pcall('LPUSH', KEYS[1], ARGV[1])",
     "redis.call('SET', KEYS[1], ARGV[1]) return {1, 2.5, ARGV[1], false, {ok = 'x'}}",
     "return {redis.call('EXISTS', KEYS[1]), #KEYS}", "return redis.call('HSET', KEYS[1], 'f', ARGV[1])",
     "return redis.error_reply('MY error')", "return cjson.decode('[1,{\"a\":2}]')[1]", "return redis.pcall('nosuch')",
     "return redis.call('ZADD', KEYS[1], 1.5, 'm')", "local t = {} t[1] = 'a' t[3] = 'b' return t",
     "return tostring(redis.call('GET', KEYS[1]))", "error('x')", "return undefined_name",
     "error({err = 'CODE text'})"});

constexpr std::array kNumbers =
    std::to_array<std::string_view>({"0", "1", "-1", "2", "3", "-2", "-3", "5", "10", "-10", "100",
                                     "9223372036854775807", "-9223372036854775808", "x", "1.5", ""});
constexpr std::array kScores =
    std::to_array<std::string_view>({"0", "1", "-1", "2.5", "3.3", "1e10", "inf", "-inf", "0.1", "nan", "1e-7", "100"});
constexpr std::array kValues =
    std::to_array<std::string_view>({"a", "b", "hello", "10", "-7", "0", "3.14", "", "abcabc", "007", "1e3"});

template <class Array>
std::string pick(Random& random, const Array& array) {
  return std::string(array[random.below(array.size())]);
}

std::string value(Random& random) {
  const uint64_t kind = random.below(20);
  if (kind == 0) return std::string(random.below(100), 'z');
  if (kind == 1) return std::string("bin\r\n\0x", 7);
  return pick(random, kValues);
}

std::string offset(Random& random) {
  constexpr std::array kOffsets = std::to_array<std::string_view>(
      {"0", "1", "7", "8", "100", "#0", "#3", "#x", "-1", "4294967296", "9223372036854775807", "x", "2000"});
  return random.below(3) == 0 ? pick(random, kOffsets) : std::to_string(random.below(200));
}

std::string degrees(Random& random, int64_t limit) {
  if (random.below(40) == 0) return "1" + std::to_string(limit) + ".5";
  const auto thousandths = static_cast<int64_t>(random.below(static_cast<uint64_t>(limit) * 2000)) - limit * 1000;
  // Most places lie in one region, so that searches find some.
  const double value = static_cast<double>(thousandths) / (random.below(4) == 0 ? 1000 : 20000);
  return std::to_string(value);
}

std::string entry_id(Random& random) {
  const std::string ms = std::to_string(random.below(300));
  const uint64_t kind = random.below(20);
  if (kind == 0) return "1-x";
  if (kind == 1) return "18446744073709551615-18446744073709551615";
  if (kind == 2) return "$";
  if (kind == 3) return ms + "-*";
  return kind < 10 ? ms : ms + "-" + std::to_string(random.below(3));
}

std::string argument(Random& random, char letter) {
  switch (letter) {
    case 'K': return "key" + std::to_string(random.below(8));
    case 'X': return "lex" + std::to_string(random.below(2));
    case 'V': return value(random);
    case 'T': {
      constexpr std::array kTimes =
          std::to_array<std::string_view>({"0", "-1", "x", "9223372036854775807", "-9223372036854775808"});
      return pick(random, kTimes);
    }
    case 'I': return std::to_string(random.below(6));
    case 'N': return pick(random, kNumbers);
    case 'F': return "f" + std::to_string(random.below(6));
    case 'M':
      return random.below(3) == 0 ? std::to_string(random.below(5))
                                  : std::string(1, static_cast<char>('a' + random.below(6)));
    case 'S': return pick(random, kScores);
    case 'L': {
      constexpr std::array kBounds = std::to_array<std::string_view>({"-", "+", "[a", "(a", "[c", "(e", "[", "x"});
      return pick(random, kBounds);
    }
    case 'B': return (random.below(4) == 0 ? "(" : "") + pick(random, kScores);
    case 'R': return pick(random, kScripts);
    case 'W': return std::to_string(random.below(2));
    case 'H': return "H" + std::to_string(random.below(8));
    case 'E': return "element" + std::to_string(random.below(100'000));
    case 'O': return offset(random);
    case 'Y': {
      constexpr std::array kTypes = std::to_array<std::string_view>(
          {"u1", "u4", "u8", "u16", "u31", "u63", "u64", "i1", "i5", "i8", "i32", "i63", "i64", "i65", "x", "i0"});
      return pick(random, kTypes);
    }
    case 'G': return "g" + std::to_string(random.below(3));
    case 'P': return "place" + std::to_string(random.below(60));
    case 'o': return degrees(random, 180);
    case 'a': return degrees(random, 85);
    case 'D': {
      constexpr std::array kDistances = std::to_array<std::string_view>(
          {"0", "1", "50", "200", "500.5", "1000", "2000", "5000", "10000", "25000", "-1", "x"});
      return pick(random, kDistances);
    }
    case 'Q': return "stream" + std::to_string(random.below(3));
    case 'i': return entry_id(random);
    case 'q': {
      constexpr std::array kEnds = std::to_array<std::string_view>({"-", "+", "-", "+", "x", "(-", "(0-0"});
      return random.below(2) == 0 ? pick(random, kEnds) : (random.below(4) == 0 ? "(" : "") + entry_id(random);
    }
    case 'A': return "group" + std::to_string(random.below(3));
    case 'C': return "consumer" + std::to_string(random.below(3));
    case 'U': {
      constexpr std::array kUnits = std::to_array<std::string_view>({"km", "km", "KM", "mi", "m", "ft", "cm"});
      return pick(random, kUnits);
    }
    default: return {};
  }
}

std::span<const std::string_view> templates_of(CommandGroup group) {
  switch (group) {
    case CommandGroup::mixed: return kTemplates;
    case CommandGroup::bits: return kBitTemplates;
    case CommandGroup::places: return kPlaceTemplates;
    case CommandGroup::streams: return kStreamTemplates;
  }
  return kTemplates;
}

}  // namespace

std::vector<std::string> random_command(Random& random, CommandGroup group) {
  std::vector<std::string> command;
  const auto templates = templates_of(group);
  std::string_view left = templates[random.below(templates.size())];
  while (!left.empty()) {
    const size_t space = left.find(' ');
    const std::string_view word = left.substr(0, space);
    left = space == std::string_view::npos ? std::string_view() : left.substr(space + 1);
    const bool letter =
        word.size() == 1 && std::string_view("KXTVINFMSLBRWHEOYGPoaDUQiqAC").find(word[0]) != std::string_view::npos;
    command.push_back(letter && !command.empty() ? argument(random, word[0]) : std::string(word));
  }
  return command;
}

bool is_unordered(const std::string& name) {
  static const std::set<std::string> names{"SMEMBERS", "SINTER", "SUNION", "SDIFF",
                                           "HGETALL",  "HKEYS",  "HVALS",  "KEYS"};
  return names.contains(name);
}

}  // namespace compozy::redis
