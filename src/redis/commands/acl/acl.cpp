// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/acl/acl.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "redis/resp/words.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kSameEventMs = 60'000;
constexpr std::string_view kBadHash =
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";

bool is_hash(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// How far a selector came before it denied: which argument it was.
size_t place_of(const AclRequest& request, std::string_view object) {
  const auto at = std::ranges::find(request.args, object);
  return static_cast<size_t>(at - request.args.begin());
}

}  // namespace

// ---- one user ----

std::vector<std::string_view> AclUser::flags() const {
  std::vector<std::string_view> flags{enabled_ ? "on" : "off"};
  if (any_password_) flags.emplace_back("nopass");
  if (skip_sanitize_) flags.emplace_back("skip-sanitize-payload");
  if (sanitize_) flags.emplace_back("sanitize-payload");
  return flags;
}

std::string AclUser::change_password(std::string_view rule) {
  const char kind = rule[0];
  const std::string_view text = rule.substr(1);
  const bool hashed = kind == '#' || kind == '!';
  if (hashed && !is_hash(text)) return std::string(kBadHash);
  const std::string hash = hashed ? std::string(text) : Acl::hash_of(text);
  const auto at = std::ranges::find(passwords_, hash);
  if (kind == '>' || kind == '#') {
    any_password_ = false;
    if (at == passwords_.end()) passwords_.push_back(hash);
    return {};
  }
  if (at == passwords_.end()) return "The password you are trying to remove from the user does not exist";
  passwords_.erase(at);
  return {};
}

std::string AclUser::add_selector(std::string_view rules) {
  AclSelector selector;
  std::vector<std::string> words;
  if (!split_words(rules.substr(1, rules.size() - 2), words)) return "Syntax error";
  for (const std::string& word : words) {
    if (std::string reason = selector.apply(word); !reason.empty()) return reason;
  }
  selectors_.push_back(std::move(selector));
  return {};
}

std::string AclUser::apply(std::string_view rule) {
  const auto is = [&](std::string_view word) { return equals_ignoring_case(rule, word); };
  if (rule.empty()) return {};
  if (is("on") || is("off")) {
    enabled_ = is("on");
  } else if (is("nopass")) {
    any_password_ = true;
    passwords_.clear();
  } else if (is("resetpass")) {
    any_password_ = false;
    passwords_.clear();
  } else if (is("skip-sanitize-payload") || is("sanitize-payload")) {
    skip_sanitize_ = is("skip-sanitize-payload");
    sanitize_ = !skip_sanitize_;
  } else if (is("clearselectors")) {
    selectors_.erase(selectors_.begin() + 1, selectors_.end());
  } else if (is("reset")) {
    *this = AclUser(name_);
    sanitize_ = true;
  } else if (rule.size() > 1 && (rule[0] == '>' || rule[0] == '<' || rule[0] == '#' || rule[0] == '!')) {
    return change_password(rule);
  } else if (rule.starts_with('(') && rule.ends_with(')')) {
    return add_selector(rule);
  } else {
    return selectors_.front().apply(rule);
  }
  return {};
}

bool AclUser::accepts(std::string_view password) const {
  if (any_password_) return true;
  const std::string hash = Acl::hash_of(password);
  bool accepted = false;
  for (const std::string& known : passwords_) accepted = equal_in_constant_time(known, hash) || accepted;
  return accepted;
}

AclDenied AclUser::check(const AclRequest& request, std::string& object) const {
  // The denial that came furthest says most: the command is allowed somewhere, only the key is not.
  AclDenied worst = AclDenied::command;
  std::string of_worst = full_name(*request.row);
  for (const AclSelector& selector : selectors_) {
    std::string denied;
    const AclDenied result = selector.check(request, denied);
    if (result == AclDenied::nothing) return result;
    if (result > worst || (result == worst && place_of(request, denied) > place_of(request, of_worst))) {
      worst = result;
      of_worst = std::move(denied);
    }
  }
  object = std::move(of_worst);
  return worst;
}

bool AclUser::allows_channel(std::string_view channel, bool is_pattern) const {
  return std::ranges::any_of(selectors_, [&](const AclSelector& s) { return s.allows_channel(channel, is_pattern); });
}

bool AclUser::may_read_all_keys(const AclRequest& request) const {
  return std::ranges::any_of(selectors_, [&](const AclSelector& selector) {
    std::string object;
    return selector.reads_all_keys() && selector.check(request, object) == AclDenied::nothing;
  });
}

std::string AclUser::describe() const {
  std::string text = "user " + name_;
  for (const auto flag : flags()) text.append(" ").append(flag);
  for (const std::string& hash : passwords_) text += " #" + hash;
  text += " " + selectors_.front().describe();
  for (size_t i = 1; i < selectors_.size(); ++i) text += " (" + selectors_[i].describe() + ")";
  return text;
}

bool merge_selectors(std::span<const std::string_view> args, std::vector<std::string>& rules, std::string& unmatched) {
  std::string open;
  for (const std::string_view arg : args) {
    if (!open.empty()) {
      open.append(" ").append(arg);
    } else if (arg.starts_with('(')) {
      open = arg;
      unmatched = arg;
    } else {
      rules.emplace_back(arg);
      continue;
    }
    if (!arg.ends_with(')')) continue;
    rules.push_back(std::move(open));
    open.clear();
  }
  return open.empty();
}

// ---- all users ----

Acl::Acl() {
  auto user = std::make_shared<AclUser>("default");
  for (const auto rule : {"+@all", "~*", "&*", "on", "nopass"}) user->apply(rule);
  default_ = user.get();
  users_.emplace("default", std::move(user));
}

std::string Acl::hash_of(std::string_view password) { return sha256_hex(password); }

AclUser* Acl::find(std::string_view name) {
  const auto at = users_.find(name);
  return at == users_.end() ? nullptr : at->second.get();
}

std::shared_ptr<AclUser> Acl::fresh_user(std::string name) const {
  auto user = std::make_shared<AclUser>(std::move(name));
  user->root().set_all_channels(pubsub_open_by_default);
  return user;
}

std::string Acl::set_user(std::string_view name, std::span<const std::string> rules) {
  if (has_space_or_null(name)) return "ERR Usernames can't contain spaces or null characters";
  AclUser* known = find(name);
  auto changed = known != nullptr ? std::make_shared<AclUser>(*known) : fresh_user(std::string(name));
  for (const std::string& rule : rules) {
    const std::string reason = changed->apply(rule);
    if (reason.empty()) {
      if (equals_ignoring_case(rule, "reset")) changed->root().set_all_channels(pubsub_open_by_default);
      continue;
    }
    return "ERR Error in ACL SETUSER modifier '" + rule + "': " + reason;
  }
  if (known != nullptr) {
    *known = *changed;
  } else {
    users_.emplace(name, std::move(changed));
  }
  return {};
}

bool Acl::erase(std::string_view name) {
  const auto at = users_.find(name);
  if (at == users_.end() || at->second.get() == default_) return false;
  users_.erase(at);
  return true;
}

void Acl::set_default_password(std::string_view password) {
  default_->apply("resetpass");
  default_->apply(password.empty() ? "nopass" : ">" + std::string(password));
}

bool Acl::default_needs_password() const { return !default_->enabled() || !default_->accepts_any_password(); }

std::string Acl::load_users(std::span<const std::vector<std::string>> users) {
  std::set<std::string, std::less<>> seen;
  for (const auto& words : users) {
    if (!seen.insert(words.front()).second) return "Duplicate user '" + words.front() + "' found";
    std::vector<std::string> rules;
    std::string unmatched;
    const std::vector<std::string_view> args(words.begin() + 1, words.end());
    if (!merge_selectors(args, rules, unmatched))
      return "Unmatched parenthesis in selector starting at '" + unmatched + "'";
    if (words.front() == "default") {
      *default_ = AclUser("default");
      default_->root().set_all_channels(pubsub_open_by_default);
    }
    if (const std::string reason = set_user(words.front(), rules); !reason.empty()) return reason;
  }
  return {};
}

std::string Acl::load(std::string_view text, std::string_view file) {
  Acl fresh;
  fresh.pubsub_open_by_default = pubsub_open_by_default;
  std::set<std::string, std::less<>> seen;
  std::string errors;
  size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    const std::string where = std::string(file) + ":" + std::to_string(++number) + ": ";
    const std::string_view line = trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    std::vector<std::string> words;
    for (const auto word : split(line, ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
    if (words.size() < 2 || words[0] != "user") {
      errors += where + "line should start with user keyword. ";
      continue;
    }
    if (!seen.insert(words[1]).second) {
      errors += "WARNING: Duplicate user '" + words[1] + "' found on line " + std::to_string(number) + ". ";
      continue;
    }
    const std::vector<std::string_view> args(words.begin() + 2, words.end());
    std::vector<std::string> rules;
    std::string unmatched;
    if (!merge_selectors(args, rules, unmatched)) {
      errors += where + "Unmatched parenthesis in selector starting at '" + unmatched + "'. ";
      continue;
    }
    auto user = fresh.fresh_user(words[1]);
    for (const std::string& rule : rules) {
      if (const std::string reason = user->apply(rule); !reason.empty()) {
        errors += where + reason + ". ";
        break;
      }
    }
    if (words[1] == "default") {
      *fresh.default_ = *user;
    } else {
      fresh.users_[words[1]] = std::move(user);
    }
  }
  if (!errors.empty())
    return errors + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
  // Sessions point at their users: those that remain keep their place.
  for (auto at = users_.begin(); at != users_.end();) {
    const auto found = fresh.users_.find(at->first);
    if (found == fresh.users_.end()) {
      at = users_.erase(at);
    } else {
      *at->second = *found->second;
      ++at;
    }
  }
  for (auto& [name, user] : fresh.users_) users_.emplace(name, user);
  return {};
}

std::string Acl::save() const {
  std::string text;
  for (const auto& [name, user] : users_) text += user->describe() + "\n";
  return text;
}

void Acl::log(AclLogEntry entry, int64_t entries_max) {
  // The same thing again soon after counts up.
  const auto same = std::ranges::find_if(log_, [&](const AclLogEntry& known) {
    return known.reason == entry.reason && known.context == entry.context && known.object == entry.object &&
           known.user == entry.user && entry.at_ms - known.at_ms <= kSameEventMs;
  });
  if (same != log_.end()) {
    entry.count = same->count + 1;
    log_.erase(same);
  }
  log_.push_front(std::move(entry));
  trim_log(entries_max);
}

void Acl::trim_log(int64_t entries_max) {
  while (log_.size() > static_cast<size_t>(std::max<int64_t>(0, entries_max))) log_.pop_back();
}

}  // namespace compozy::redis
