// SPDX-License-Identifier: Apache-2.0
//
// Acl: the users of an engine, what each may do, and the log of what was denied. There is always a user `default`: whom
// a connection is before it authenticates, if that user is on and needs no password.
// A session without a user (one inside this program) may do everything.
//
// Owner: ServerState. Thread: whoever holds the gate. Limits: `acllog-max-len` entries.
// Source: redis.io/docs/management/security/acl.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/commands/acl/acl_selector.hpp"

namespace compozy::redis {

class AclUser {
 public:
  explicit AclUser(std::string name) : name_(std::move(name)), selectors_(1) {}

  const std::string& name() const { return name_; }
  bool enabled() const { return enabled_; }
  bool accepts_any_password() const { return any_password_; }
  const std::vector<std::string>& password_hashes() const { return passwords_; }
  const std::vector<AclSelector>& selectors() const { return selectors_; }
  AclSelector& root() { return selectors_.front(); }
  std::vector<std::string_view> flags() const;

  // One modifier of ACL SETUSER; a selector in parentheses is one. Empty: applied. Otherwise why not.
  std::string apply(std::string_view rule);
  bool accepts(std::string_view password) const;
  AclDenied check(const AclRequest& request, std::string& object) const;
  bool allows_everything() const { return selectors_.front().allows_everything(); }
  bool allows_channel(std::string_view channel, bool is_pattern) const;
  // Whether a selector that allows this command lets it read every key besides.
  bool may_read_all_keys(const AclRequest& request) const;
  std::string describe() const;  // "user NAME on …"

 private:
  std::string change_password(std::string_view rule);
  std::string add_selector(std::string_view rules);

  std::string name_;
  bool enabled_ = false;
  bool any_password_ = false;
  bool sanitize_ = false;
  bool skip_sanitize_ = false;
  std::vector<std::string> passwords_;  // SHA-256, as hex
  std::vector<AclSelector> selectors_;  // the first is the root
};

// Joins arguments that belong to one selector: "(+get", "~x)" → "(+get ~x)". False: a parenthesis is missing, and
// `unmatched` is the argument that opened it.
bool merge_selectors(std::span<const std::string_view> args, std::vector<std::string>& rules, std::string& unmatched);

struct AclLogEntry {
  uint64_t count = 1;
  AclDenied reason;
  std::string_view context;  // "toplevel", "multi", "lua" or "module"
  std::string object;
  std::string user;
  int64_t at_ms = 0;
  std::string client;
};

class Acl {
 public:
  Acl();

  AclUser& default_user() { return *default_; }
  AclUser* find(std::string_view name);
  const std::map<std::string, std::shared_ptr<AclUser>, std::less<>>& users() const { return users_; }

  // Creates or changes a user, all rules or none. The user's object changes: `replaced` is called with both. Empty:
  // done.
  std::string set_user(std::string_view name, std::span<const std::string> rules);
  bool erase(std::string_view name);  // false: there is none
  void set_default_password(std::string_view password);
  bool default_needs_password() const;
  bool pubsub_open_by_default = false;  // acl-pubsub-default allchannels

  // Lines "user NAME rule…". Empty: all users are now those; otherwise the errors, and nothing changed.
  std::string load(std::string_view text, std::string_view file);
  std::string load_users(std::span<const std::vector<std::string>> users);
  std::string save() const;

  void log(AclLogEntry entry, int64_t entries_max);
  const std::deque<AclLogEntry>& entries() const { return log_; }
  void clear_log() { log_.clear(); }
  void trim_log(int64_t entries_max);

  static std::string hash_of(std::string_view password);

 private:
  std::shared_ptr<AclUser> fresh_user(std::string name) const;

  std::map<std::string, std::shared_ptr<AclUser>, std::less<>> users_;
  AclUser* default_;
  std::deque<AclLogEntry> log_;  // newest first
};

}  // namespace compozy::redis
