// SPDX-License-Identifier: Apache-2.0
//
// COMMAND and its subcommands, all from the rows. Source: redis.io/commands/command.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/acl/acl_selector.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/server/command_docs.hpp"

namespace compozy::redis {

namespace {

struct NamedFlag {
  Flag bit;
  std::string_view name;
};

constexpr NamedFlag kFlags[] = {{kWrite, "write"},
                                {kReadonly, "readonly"},
                                {kDenyOom, "denyoom"},
                                {kAdmin, "admin"},
                                {kPubSub, "pubsub"},
                                {kNoScript, "noscript"},
                                {kBlocking, "blocking"},
                                {kLoading, "loading"},
                                {kStale, "stale"},
                                {kSkipMonitor, "skip_monitor"},
                                {kSkipSlowlog, "skip_slowlog"},
                                {kFast, "fast"},
                                {kNoAuth, "no_auth"},
                                {kNoMandatoryKeys, "no_mandatory_keys"},
                                {kNoMulti, "no_multi"},
                                {kMovableKeys, "movablekeys"},
                                {kAsking, "asking"},
                                {kAllowBusy, "allow_busy"},
                                {kNoAsyncLoading, "no_async_loading"}};

template <class Named>
void reply_names(Context& ctx, std::span<const Named> table, uint32_t bits, std::string_view prefix = {}) {
  const size_t place = ctx.reply.begin_deferred();
  size_t count = 0;
  for (const Named& named : table) {
    if ((bits & named.bit) == 0) continue;
    ctx.reply.simple(std::string(prefix).append(named.name));
    ++count;
  }
  ctx.reply.end_set(place, count);
}

void reply_key_spec(Context& ctx, const KeySpec& spec) {
  const bool numkeys = spec.how == KeySpec::How::numkeys;
  ctx.reply.map(3);
  ctx.reply.bulk("flags");
  const auto flags = split(spec.flags, ' ');
  ctx.reply.set(flags.size());
  for (const auto flag : flags) ctx.reply.simple(flag);
  if (spec.how == KeySpec::How::unknown) {
    for (const std::string_view part : {"begin_search", "find_keys"}) {
      ctx.reply.bulk(part);
      ctx.reply.map(2);
      ctx.reply.bulk("type");
      ctx.reply.bulk("unknown");
      ctx.reply.bulk("spec");
      ctx.reply.map(0);
    }
    return;
  }
  ctx.reply.bulk("begin_search");
  ctx.reply.map(2);
  ctx.reply.bulk("type");
  if (spec.keyword.empty()) {
    ctx.reply.bulk("index");
    ctx.reply.bulk("spec");
    ctx.reply.map(1);
    ctx.reply.bulk("index");
  } else {
    ctx.reply.bulk("keyword");
    ctx.reply.bulk("spec");
    ctx.reply.map(2);
    ctx.reply.bulk("keyword");
    ctx.reply.bulk(spec.keyword);
    ctx.reply.bulk("startfrom");
  }
  ctx.reply.integer(spec.first);
  ctx.reply.bulk("find_keys");
  ctx.reply.map(2);
  ctx.reply.bulk("type");
  ctx.reply.bulk(numkeys ? "keynum" : "range");
  ctx.reply.bulk("spec");
  ctx.reply.map(3);
  ctx.reply.bulk(numkeys ? "keynumidx" : "lastkey");
  ctx.reply.integer(numkeys ? 0 : spec.last);
  ctx.reply.bulk(numkeys ? "firstkey" : "keystep");
  ctx.reply.integer(numkeys ? spec.last : spec.step);
  ctx.reply.bulk(numkeys ? "keystep" : "limit");
  ctx.reply.integer(numkeys ? spec.step : spec.limit);
}

void reply_info(Context& ctx, const Row& row) {
  int first = 0;
  int last = 0;
  int step = 0;
  // The old form knows one range: neighbouring ranges are joined.
  for (const KeySpec& spec : row.keys) {
    if (spec.how != KeySpec::How::range || !spec.keyword.empty() || (first != 0 && spec.first != last + 1)) continue;
    if (first == 0) first = spec.first;
    last = spec.last < 0 ? spec.last : spec.first + spec.last;
    step = spec.step;
  }
  ctx.reply.array(10);
  ctx.reply.bulk(full_name(row));
  ctx.reply.integer(row.arity);
  reply_names<NamedFlag>(ctx, kFlags, row.flags);
  ctx.reply.integer(first);
  ctx.reply.integer(last);
  ctx.reply.integer(step);
  reply_names(ctx, acl_categories(), row.acl, "@");
  const CommandDocs* docs = find_command_docs(full_name(row));
  const auto tips = docs == nullptr || docs->tips.empty() ? std::vector<std::string_view>() : split(docs->tips, ' ');
  ctx.reply.set(tips.size());
  for (const std::string_view tip : tips) ctx.reply.bulk(tip);
  ctx.reply.set(row.keys.size());
  for (const KeySpec& spec : row.keys) reply_key_spec(ctx, spec);
  const auto subcommands = is_container(row) ? subcommands_of(row.name) : std::vector<const Row*>();
  if (subcommands.empty()) return ctx.reply.set(0);
  ctx.reply.array(subcommands.size());
  for (const Row* sub : subcommands) reply_info(ctx, *sub);
}

void reply_deprecation(Context& ctx, const CommandDocs& docs) {
  if (!docs.flags.empty()) {
    const auto flags = split(docs.flags, ' ');
    ctx.reply.bulk("doc_flags");
    ctx.reply.set(flags.size());
    for (const std::string_view flag : flags) ctx.reply.simple(flag);
  }
  if (docs.deprecated_since.empty()) return;
  ctx.reply.bulk("deprecated_since");
  ctx.reply.bulk(docs.deprecated_since);
  ctx.reply.bulk("replaced_by");
  ctx.reply.bulk(docs.replaced_by);
}

void reply_docs(Context& ctx, const Row& row) {
  const auto subcommands = is_container(row) ? subcommands_of(row.name) : std::vector<const Row*>();
  const CommandDocs* found = find_command_docs(full_name(row));
  const CommandDocs docs = found == nullptr ? CommandDocs{} : *found;
  ctx.reply.map((row.complexity.empty() ? 3U : 4U) + (docs.flags.empty() ? 0U : 1U) +
                (docs.deprecated_since.empty() ? 0U : 2U) + (docs.arguments.empty() ? 0U : 1U) +
                (subcommands.empty() ? 0U : 1U));
  ctx.reply.bulk("summary");
  ctx.reply.bulk(row.summary);
  ctx.reply.bulk("since");
  ctx.reply.bulk(row.since);
  ctx.reply.bulk("group");
  ctx.reply.bulk(row.group);
  if (!row.complexity.empty()) {
    ctx.reply.bulk("complexity");
    ctx.reply.bulk(row.complexity);
  }
  reply_deprecation(ctx, docs);
  if (!docs.arguments.empty()) {
    ctx.reply.bulk("arguments");
    reply_arguments(ctx.reply, docs.arguments);
  }
  if (subcommands.empty()) return;
  ctx.reply.bulk("subcommands");
  ctx.reply.map(subcommands.size());
  for (const Row* sub : subcommands) {
    ctx.reply.bulk(full_name(*sub));
    reply_docs(ctx, *sub);
  }
}

std::vector<const Row*> top_rows() {
  std::vector<const Row*> rows;
  for (const auto& table : all_tables()) {
    for (const Row& row : table) {
      if (row.parent.empty()) rows.push_back(&row);
    }
  }
  return rows;
}

}  // namespace

void run_command_count(Context& ctx) { ctx.reply.integer(static_cast<int64_t>(top_rows().size())); }

void run_command_list(Context& ctx) {
  std::vector<std::string> names;
  if (ctx.size() == 2) {
    for (size_t id = 0; id < row_count(); ++id) names.push_back(full_name(row_at(id)));
  } else if (ctx.size() == 5 && ctx.is(2, "filterby")) {
    const bool category = ctx.is(3, "aclcat");
    if (!category && !ctx.is(3, "module") && !ctx.is(3, "pattern")) {
      ctx.error(kSyntaxError);
      return;
    }
    const uint32_t bit = category ? category_bit(ctx.arg(4)) : 0;
    for (size_t id = 0; id < row_count(); ++id) {
      const Row& row = row_at(id);
      const bool listed =
          category ? (row.acl & bit) != 0 : ctx.is(3, "pattern") && glob_match(ctx.arg(4), full_name(row));
      if (listed) names.push_back(full_name(row));
    }
  } else {
    ctx.error(kSyntaxError);
    return;
  }
  ctx.reply.array(names.size());
  for (const std::string& name : names) ctx.reply.bulk(name);
}

void run_command_info(Context& ctx) {
  if (ctx.size() <= 2) {
    const auto rows = top_rows();
    ctx.reply.array(rows.size());
    for (const Row* row : rows) reply_info(ctx, *row);
    return;
  }
  ctx.reply.array(ctx.size() - 2);
  for (const std::string_view name : ctx.args.subspan(2)) {
    if (const Row* row = find_full_name(name)) {
      reply_info(ctx, *row);
    } else {
      ctx.reply.null_array();
    }
  }
}

void run_command_docs(Context& ctx) {
  std::vector<const Row*> rows;
  if (ctx.size() == 2) rows = top_rows();
  for (const std::string_view name : ctx.args.subspan(2)) {
    if (const Row* row = find_full_name(name)) rows.push_back(row);
  }
  ctx.reply.map(rows.size());
  for (const Row* row : rows) {
    ctx.reply.bulk(full_name(*row));
    reply_docs(ctx, *row);
  }
}

namespace {

// The keys of the command that stands in the arguments; false: an error was sent.
bool keys_in(Context& ctx, Args command, std::vector<KeyUse>& keys) {
  const Row* row = find_command(command).effective();
  if (row == nullptr) return ctx.error("ERR Invalid command specified");
  if (row->keys.size() == 0) return ctx.error("ERR The command has no key arguments");
  if (!row->accepts(command.size())) return ctx.error("ERR Invalid number of arguments specified for command");
  keys = key_uses(*row, command);
  if (keys.empty() && !row->has(kNoMandatoryKeys)) return ctx.error("ERR Invalid arguments specified for command");
  return true;
}

}  // namespace

void run_command_getkeys(Context& ctx) {
  const Args command = ctx.args.subspan(2);
  std::vector<KeyUse> keys;
  if (!keys_in(ctx, command, keys)) return;
  ctx.reply.array(keys.size());
  for (const KeyUse& key : keys) ctx.reply.bulk(command[key.at]);
}

void run_command_getkeysandflags(Context& ctx) {
  const Args command = ctx.args.subspan(2);
  std::vector<KeyUse> keys;
  if (!keys_in(ctx, command, keys)) return;
  ctx.reply.array(keys.size());
  for (const KeyUse& key : keys) {
    ctx.reply.array(2);
    ctx.reply.bulk(command[key.at]);
    const auto flags = split(key.flags, ' ');
    ctx.reply.set(flags.size());
    for (const auto flag : flags) ctx.reply.simple(flag);
  }
}

}  // namespace compozy::redis
