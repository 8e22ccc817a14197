// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/notifications.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "redis/commands/context.hpp"

namespace compozy::redis {

namespace {

struct Event {
  EventClass what;
  std::string_view name;
};

struct NamedEvent {
  std::string_view command;
  Event event;
};

// Commands whose event has another name than they have, by command.
constexpr auto kNames = std::to_array<NamedEvent>({
    {"bitfield", {EventClass::string, "setbit"}},
    {"bitop", {EventClass::string, "set"}},
    {"blpop", {EventClass::list, "lpop"}},
    {"brpop", {EventClass::list, "rpop"}},
    {"bzpopmax", {EventClass::zset, "zpopmax"}},
    {"bzpopmin", {EventClass::zset, "zpopmin"}},
    {"copy", {EventClass::generic, "copy_to"}},
    {"decr", {EventClass::string, "incrby"}},
    {"decrby", {EventClass::string, "incrby"}},
    {"expireat", {EventClass::generic, "expire"}},
    {"geoadd", {EventClass::zset, "zadd"}},
    {"georadius", {EventClass::zset, "georadiusstore"}},
    {"georadiusbymember", {EventClass::zset, "georadiusstore"}},
    {"getdel", {EventClass::generic, "del"}},
    {"getset", {EventClass::string, "set"}},
    {"hmset", {EventClass::hash, "hset"}},
    {"hsetnx", {EventClass::hash, "hset"}},
    {"incr", {EventClass::string, "incrby"}},
    {"lpushx", {EventClass::list, "lpush"}},
    {"mset", {EventClass::string, "set"}},
    {"msetnx", {EventClass::string, "set"}},
    {"pexpire", {EventClass::generic, "expire"}},
    {"pexpireat", {EventClass::generic, "expire"}},
    {"pfmerge", {EventClass::string, "pfadd"}},
    {"psetex", {EventClass::string, "set"}},
    {"rpushx", {EventClass::list, "rpush"}},
    {"setex", {EventClass::string, "set"}},
    {"setnx", {EventClass::string, "set"}},
    {"sort", {EventClass::list, "sortstore"}},
    {"unlink", {EventClass::generic, "del"}},
    {"zincrby", {EventClass::zset, "zincr"}},
});

EventClass class_of(std::string_view group) {
  if (group == "list") return EventClass::list;
  if (group == "set") return EventClass::set;
  if (group == "hash") return EventClass::hash;
  if (group == "sorted-set" || group == "geo") return EventClass::zset;
  if (group == "stream") return EventClass::stream;
  if (group == "generic") return EventClass::generic;
  return EventClass::string;
}

bool has_word(const Context& ctx, std::string_view word) {
  for (size_t i = 1; i < ctx.size(); ++i) {
    if (ctx.is(i, word)) return true;
  }
  return false;
}

// Commands that touch two keys, or do more than one thing to a key.
bool special_event(const Context& ctx, int nth, Event& event) {
  const std::string_view name = ctx.row.name;
  if (name == "lmove" || name == "blmove") {
    const bool left = ctx.is(nth == 0 ? 4 : 3, "LEFT");
    event = {EventClass::list, nth == 0 ? (left ? "lpush" : "rpush") : (left ? "lpop" : "rpop")};
  } else if (name == "rpoplpush" || name == "brpoplpush") {
    event = {EventClass::list, nth == 0 ? "lpush" : "rpop"};
  } else if (name == "lmpop" || name == "blmpop") {
    event = {EventClass::list, has_word(ctx, "LEFT") ? "lpop" : "rpop"};
  } else if (name == "zmpop" || name == "bzmpop") {
    event = {EventClass::zset, has_word(ctx, "MIN") ? "zpopmin" : "zpopmax"};
  } else if (name == "smove") {
    event = {EventClass::set, nth == 0 ? "srem" : "sadd"};
  } else if (name == "rename" || name == "renamenx") {
    event = {EventClass::generic, nth == 0 ? "rename_from" : "rename_to"};
  } else if (name == "move") {
    event = {EventClass::generic, nth == 0 ? "move_from" : "move_to"};
  } else if (name == "zadd" && has_word(ctx, "INCR")) {
    event = {EventClass::zset, "zincr"};
  } else if (name == "getex") {
    event = {EventClass::generic, has_word(ctx, "PERSIST") ? "persist" : "expire"};
  } else {
    return false;
  }
  return true;
}

// Of a key that is gone these say nothing but that: they put a value in its place, or deleted it.
bool only_deletes(const Context& ctx) {
  const std::string_view name = ctx.row.name;
  return name.ends_with("store") || name.ends_with("expire") || name.ends_with("expireat") || name == "sort" ||
         name == "bitop" || name == "getex" || name == "restore" || name.starts_with("georadius");
}

}  // namespace

void Notifications::set_flags(std::string_view flags) {
  by_key_ = flags.find('K') != std::string_view::npos;
  by_event_ = flags.find('E') != std::string_view::npos;
  classes_ = flags;
  if (flags.find('A') != std::string_view::npos) classes_ += "g$lshzxet";
}

void Notifications::publish(std::string channel, std::string_view text) {
  if (held_back_) {
    waiting_.push_back({std::move(channel), std::string(text)});
  } else {
    pubsub_.publish(channel, text, 0);
  }
}

void Notifications::post(EventClass what, std::string_view event, size_t database, std::string_view key) {
  if (!wants(what)) return;
  const std::string at = "@" + std::to_string(database) + "__:";
  if (by_key_) publish("__keyspace" + at + std::string(key), event);
  if (by_event_) publish("__keyevent" + at + std::string(event), key);
}

void Notifications::release(uint64_t lsn) {
  if (waiting_.empty()) return;
  for (const Message& message : std::exchange(waiting_, {})) pubsub_.publish(message.channel, message.text, lsn);
}

void notify_touched(Context& ctx, Database& database, std::string_view key, int nth) {
  Notifications& notifications = ctx.server.notifications;
  const Entry* entry = database.look(key);
  std::string composed;
  Event event{class_of(ctx.row.group), ctx.row.name};
  if (!special_event(ctx, nth, event)) {
    if (ctx.row.parent == "xgroup") {
      composed = "xgroup-" + std::string(ctx.row.name);
      event.name = composed;
    } else if (const auto known = std::ranges::find(kNames, ctx.row.name, &NamedEvent::command);
               known != kNames.end()) {
      event = known->event;
    }
  }
  const auto post = [&](const Event& what) { notifications.post(what.what, what.name, database.index(), key); };
  const Event gone{EventClass::generic, "del"};
  if (entry == nullptr && only_deletes(ctx)) return post(gone);
  post(event);
  if (entry == nullptr) {
    if (event.name != "del" && event.name != "rename_from" && event.name != "move_from") post(gone);
    return;
  }
  const bool sets = ctx.row.name == "set" || ctx.row.name == "setex" || ctx.row.name == "psetex";
  if (sets && entry->has_deadline() && !has_word(ctx, "KEEPTTL")) post({EventClass::generic, "expire"});
}

void notify_emptied(Context& ctx, std::string_view key) {
  ctx.server.notifications.post(EventClass::generic, "del", ctx.db().index(), key);
}

}  // namespace compozy::redis
