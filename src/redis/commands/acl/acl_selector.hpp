// SPDX-License-Identifier: Apache-2.0
//
// AclSelector: one set of permissions of a user: commands, key patterns, channel patterns. A user has a root selector
// and may have more, each written in parentheses; a command is allowed when one of them allows all of it.
// Source: redis.io/docs/management/security/acl.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/commands/row.hpp"

namespace compozy::redis {

enum class AclDenied : uint8_t { nothing, command, key, channel, auth };

// A command as far as permissions are concerned, looked up once for all selectors of a user.
struct AclRequest {
  const Row* row = nullptr;
  Args args;
  std::vector<KeyUse> keys;
  std::vector<std::string_view> channels;
  bool channels_are_patterns = false;
};
AclRequest acl_request(const Row& row, Args args);

struct AclCategory {
  std::string_view name;  // without its "@"
  uint32_t bit;
};
// All categories, in the order in which they are listed.
std::span<const AclCategory> acl_categories();
// "set" → its bit; 0: there is none.
uint32_t category_bit(std::string_view name);
// What the name of a user and a pattern may not hold.
bool has_space_or_null(std::string_view text);

class AclSelector {
 public:
  AclSelector() : allowed_(row_count()) {}

  // One rule: "+get", "-@all", "~key*", "%R~x", "&ch*", "resetkeys" … Empty: applied. Otherwise why not.
  std::string apply(std::string_view rule);

  // nothing: allowed. `object` becomes what was denied: a command's name, a key or a channel.
  AclDenied check(const AclRequest& request, std::string& object) const;
  // Whether it may use the channel at all; for those that are subscribed already.
  bool allows_channel(std::string_view channel, bool is_pattern) const;

  bool allows_everything() const { return all_commands_ && all_keys_ && all_channels_; }
  bool all_channels() const { return all_channels_; }
  bool reads_all_keys() const;
  std::string describe() const;  // as in ACL LIST
  std::string commands() const;  // "+@all -debug"
  std::string keys() const;
  std::string channel_patterns() const;
  void set_all_channels(bool on) {
    all_channels_ = on;
    channels_.clear();
  }

 private:
  struct KeyPattern {
    std::string pattern;
    bool read;
    bool write;
  };

  std::string change_command(std::string_view name, bool allow);
  std::string allow_first_argument(std::string_view name, std::string_view argument);
  void set_row(const Row& row, bool allow);
  bool set_category(std::string_view name, bool allow);
  void set_all_commands(bool allow);
  std::string add_key_pattern(std::string_view rule);
  std::string add_channel(std::string_view pattern);
  bool allows_key(std::string_view key, const KeyUse& use) const;
  bool allows_row(const Row& row, Args args) const;
  void describe_differences(AclSelector& described, std::string& text) const;
  bool describe_best_category(AclSelector& described, std::set<std::string_view>& used, bool additive,
                              std::string& text) const;

  std::vector<bool> allowed_;
  std::map<size_t, std::set<std::string, std::less<>>> first_arguments_;
  bool all_commands_ = false;
  bool future_commands_ = false;  // what the last +@all or -@all said of commands that are not known yet
  bool all_keys_ = false;
  bool all_channels_ = false;
  std::vector<KeyPattern> keys_;
  std::vector<std::string> channels_;
};

}  // namespace compozy::redis
