// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/acl/acl_selector.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace compozy::redis {

namespace {

constexpr std::array kCategories{AclCategory{"keyspace", kAclKeyspace},
                                 AclCategory{"read", kAclRead},
                                 AclCategory{"write", kAclWrite},
                                 AclCategory{"set", kAclSet},
                                 AclCategory{"sortedset", kAclSortedSet},
                                 AclCategory{"list", kAclList},
                                 AclCategory{"hash", kAclHash},
                                 AclCategory{"string", kAclString},
                                 AclCategory{"bitmap", kAclBitmap},
                                 AclCategory{"hyperloglog", kAclHyperLogLog},
                                 AclCategory{"geo", kAclGeo},
                                 AclCategory{"stream", kAclStream},
                                 AclCategory{"pubsub", kAclPubSub},
                                 AclCategory{"admin", kAclAdmin},
                                 AclCategory{"fast", kAclFast},
                                 AclCategory{"slow", kAclSlow},
                                 AclCategory{"blocking", kAclBlocking},
                                 AclCategory{"dangerous", kAclDangerous},
                                 AclCategory{"connection", kAclConnection},
                                 AclCategory{"transaction", kAclTransaction},
                                 AclCategory{"scripting", kAclScripting}};

constexpr std::string_view kUnknown = "Unknown command or category name in ACL";

std::string redundant(std::string_view flag, std::string_view reset, std::string_view what) {
  return "Adding a pattern after the * pattern (or the '" + std::string(flag) +
         "' flag) is not valid and does not have any effect. Try '" + std::string(reset) +
         "' to start with an empty list of " + std::string(what);
}

}  // namespace

uint32_t category_bit(std::string_view name) {
  const std::string lower = to_lower(name);
  const auto at = std::ranges::find(kCategories, lower, &AclCategory::name);
  return at == kCategories.end() ? 0 : at->bit;
}

std::span<const AclCategory> acl_categories() { return kCategories; }

bool has_space_or_null(std::string_view text) {
  return text.find_first_of(std::string_view(" \t\n\v\f\r\0", 7)) != std::string_view::npos;
}

AclRequest acl_request(const Row& row, Args args) {
  AclRequest request{.row = &row, .args = args, .keys = key_uses(row, args), .channels = {}};
  const bool publishes = row.name == "publish" || row.name == "spublish";
  request.channels_are_patterns = row.name == "psubscribe";
  if (publishes) {
    request.channels.push_back(args[1]);
  } else if (row.parent.empty() &&
             (row.name == "subscribe" || row.name == "ssubscribe" || request.channels_are_patterns)) {
    request.channels.assign(args.begin() + 1, args.end());
  }
  return request;
}

void AclSelector::set_row(const Row& row, bool allow) {
  const size_t id = row_id(row);
  allowed_[id] = allow;
  if (!allow) all_commands_ = false;
  first_arguments_.erase(id);
}

void AclSelector::set_all_commands(bool allow) {
  all_commands_ = future_commands_ = allow;
  std::fill(allowed_.begin(), allowed_.end(), allow);
  first_arguments_.clear();
}

bool AclSelector::set_category(std::string_view name, bool allow) {
  if (equals_ignoring_case(name, "all")) {
    set_all_commands(allow);
    return true;
  }
  const uint32_t bit = category_bit(name);
  if (bit == 0) return false;
  for (size_t id = 0; id < allowed_.size(); ++id) {
    if ((row_at(id).acl & bit) != 0) set_row(row_at(id), allow);
  }
  return true;
}

std::string AclSelector::allow_first_argument(std::string_view name, std::string_view argument) {
  const Row* row = find_full_name(name);
  if (row == nullptr) return std::string(kUnknown);
  if (!row->parent.empty()) return "Allowing first-arg of a subcommand is not supported";
  if (argument.empty()) return "Syntax error";
  if (argument.find('|') != std::string_view::npos) return std::string(kUnknown);
  if (is_container(*row)) return std::string(kUnknown);  // its subcommands are all known
  if (!allowed_[row_id(*row)]) first_arguments_[row_id(*row)].insert(to_lower(argument));
  return {};
}

std::string AclSelector::change_command(std::string_view name, bool allow) {
  const Row* row = find_full_name(name);
  if (row == nullptr) {
    const size_t bar = name.rfind('|');
    if (!allow || bar == std::string_view::npos) return std::string(kUnknown);
    return allow_first_argument(name.substr(0, bar), name.substr(bar + 1));
  }
  set_row(*row, allow);
  if (row->parent.empty() && is_container(*row)) {
    for (const Row* sub : subcommands_of(row->name)) set_row(*sub, allow);
  }
  return {};
}

std::string AclSelector::add_key_pattern(std::string_view rule) {
  KeyPattern fresh{.pattern = {}, .read = true, .write = true};
  if (rule.starts_with('%')) {
    fresh.read = fresh.write = false;
    size_t i = 1;
    for (; i < rule.size() && rule[i] != '~'; ++i) {
      const char c = rule[i];
      if ((c == 'R' || c == 'r') && !fresh.read) {
        fresh.read = true;
      } else if ((c == 'W' || c == 'w') && !fresh.write) {
        fresh.write = true;
      } else {
        return "Syntax error";
      }
    }
    if (i == rule.size() || i == 1) return "Syntax error";
    rule.remove_prefix(i);
  }
  if (all_keys_) return redundant("allkeys", "resetkeys", "patterns");
  fresh.pattern = rule.substr(1);
  if (has_space_or_null(fresh.pattern)) return "Syntax error";
  const auto same = std::ranges::find(keys_, fresh.pattern, &KeyPattern::pattern);
  if (same == keys_.end()) {
    keys_.push_back(std::move(fresh));
  } else {
    same->read = same->read || fresh.read;
    same->write = same->write || fresh.write;
  }
  return {};
}

std::string AclSelector::add_channel(std::string_view pattern) {
  if (all_channels_) return redundant("allchannels", "resetchannels", "channels");
  if (has_space_or_null(pattern)) return "Syntax error";
  if (std::ranges::find(channels_, pattern) == channels_.end()) channels_.emplace_back(pattern);
  return {};
}

std::string AclSelector::apply(std::string_view rule) {
  const auto is = [&](std::string_view word) { return equals_ignoring_case(rule, word); };
  if (is("allkeys") || is("~*")) {
    all_keys_ = true;
    keys_.clear();
  } else if (is("resetkeys")) {
    all_keys_ = false;
    keys_.clear();
  } else if (is("allchannels") || is("&*")) {
    all_channels_ = true;
    channels_.clear();
  } else if (is("resetchannels")) {
    all_channels_ = false;
    channels_.clear();
  } else if (is("allcommands") || is("+@all")) {
    set_all_commands(true);
  } else if (is("nocommands") || is("-@all")) {
    set_all_commands(false);
  } else if (rule.starts_with('~') || rule.starts_with('%')) {
    return add_key_pattern(rule);
  } else if (rule.starts_with('&')) {
    return add_channel(rule.substr(1));
  } else if (rule.starts_with("+@") || rule.starts_with("-@")) {
    if (!set_category(rule.substr(2), rule[0] == '+')) return std::string(kUnknown);
  } else if ((rule.starts_with('+') || rule.starts_with('-')) && rule.size() > 1) {
    return change_command(rule.substr(1), rule[0] == '+');
  } else {
    return "Syntax error";
  }
  return {};
}

bool AclSelector::allows_row(const Row& row, Args args) const {
  if (all_commands_) return true;
  const size_t id = row_id(row);
  if (allowed_[id]) return true;
  const auto at = first_arguments_.find(id);
  return at != first_arguments_.end() && args.size() > 1 && at->second.contains(to_lower(args[1]));
}

bool AclSelector::allows_key(std::string_view key, const KeyUse& use) const {
  if (all_keys_) return true;
  return std::ranges::any_of(keys_, [&](const KeyPattern& pattern) {
    if (use.reads() && !pattern.read) return false;
    if (use.writes() && !pattern.write) return false;
    return glob_match(pattern.pattern, key);
  });
}

bool AclSelector::reads_all_keys() const {
  return all_keys_ ||
         std::ranges::any_of(keys_, [](const KeyPattern& pattern) { return pattern.read && pattern.pattern == "*"; });
}

bool AclSelector::allows_channel(std::string_view channel, bool is_pattern) const {
  if (all_channels_) return true;
  if (is_pattern) return std::ranges::find(channels_, channel) != channels_.end();
  return std::ranges::any_of(channels_, [&](const std::string& pattern) { return glob_match(pattern, channel); });
}

AclDenied AclSelector::check(const AclRequest& request, std::string& object) const {
  // What a connection needs to become somebody is always allowed.
  if (!allows_row(*request.row, request.args) && !request.row->has(kNoAuth)) {
    object = full_name(*request.row);
    return AclDenied::command;
  }
  for (const KeyUse& use : request.keys) {
    if (allows_key(request.args[use.at], use)) continue;
    object = request.args[use.at];
    return AclDenied::key;
  }
  for (const std::string_view channel : request.channels) {
    if (allows_channel(channel, request.channels_are_patterns)) continue;
    object = channel;
    return AclDenied::channel;
  }
  return AclDenied::nothing;
}

// ---- in words: the base, then the categories that say most, then single commands ----

bool AclSelector::describe_best_category(AclSelector& described, std::set<std::string_view>& used, bool additive,
                                         std::string& text) const {
  const AclCategory* best = nullptr;
  int64_t best_gain = 0;
  for (const AclCategory& category : kCategories) {
    if (used.contains(category.name)) continue;
    int64_t gain = 0;
    bool changes = false;
    for (size_t id = 0; id < allowed_.size(); ++id) {
      if ((row_at(id).acl & category.bit) == 0) continue;
      gain += allowed_[id] == additive ? 1 : -1;
      changes = changes || (allowed_[id] == additive && described.allowed_[id] != additive);
    }
    if (!changes || gain <= best_gain) continue;
    best = &category;
    best_gain = gain;
  }
  if (best == nullptr) return false;
  used.insert(best->name);
  described.set_category(best->name, additive);
  text.append(additive ? " +@" : " -@").append(best->name);
  return true;
}

void AclSelector::describe_differences(AclSelector& described, std::string& text) const {
  for (size_t id = 0; id < allowed_.size(); ++id) {
    const Row& row = row_at(id);
    if (!row.parent.empty() || described.allowed_[id] == allowed_[id]) continue;
    described.change_command(row.name, allowed_[id]);
    text.append(allowed_[id] ? " +" : " -").append(row.name);
  }
  for (size_t id = 0; id < allowed_.size(); ++id) {
    if (described.allowed_[id] == allowed_[id]) continue;
    described.set_row(row_at(id), allowed_[id]);
    text.append(allowed_[id] ? " +" : " -").append(full_name(row_at(id)));
  }
  for (const auto& [id, arguments] : first_arguments_) {
    for (const std::string& argument : arguments) text.append(" +").append(row_at(id).name).append("|" + argument);
  }
}

std::string AclSelector::commands() const {
  // What future commands would be decides the base.
  const bool additive = !future_commands_;
  std::string text = additive ? "-@all" : "+@all";
  AclSelector described;
  described.set_all_commands(!additive);
  std::set<std::string_view> used;
  while (describe_best_category(described, used, additive, text)) {
  }
  describe_differences(described, text);
  return text;
}

std::string AclSelector::keys() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& pattern : keys_) {
    if (!text.empty()) text += ' ';
    text += pattern.read && pattern.write ? "~" : pattern.read ? "%R~" : "%W~";
    text += pattern.pattern;
  }
  return text;
}

std::string AclSelector::channel_patterns() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& pattern : channels_) text.append(text.empty() ? "&" : " &").append(pattern);
  return text;
}

std::string AclSelector::describe() const {
  std::string text = keys();
  if (!text.empty()) text += ' ';
  if (all_channels_) {
    text += "&* ";
  } else {
    text += "resetchannels ";
    if (!channels_.empty()) text += channel_patterns() + " ";
  }
  return text + commands();
}

}  // namespace compozy::redis
