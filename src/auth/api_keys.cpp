// SPDX-License-Identifier: Apache-2.0
#include "auth/api_keys.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace compozy::auth {

namespace {

constexpr size_t kSecretCharacters = 40;

std::string hash_of(std::string_view key) {
  std::array<unsigned char, crypto_generichash_BYTES> digest{};
  crypto_generichash(digest.data(), digest.size(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                     nullptr, 0);
  return to_hex(std::string(digest.begin(), digest.end()));
}

std::string make_key(Random& random) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string key(kKeyPrefix);
  for (size_t i = 0; i < kSecretCharacters; ++i) key += kAlphabet[random.below(kAlphabet.size())];
  return key;
}

}  // namespace

Result<void> ApiKeys::load_blocking() {
  std::unordered_map<std::string, Known> loaded;
  TRY(database_.read_blocking([&](sql::Reader& reader) -> Result<void> {
    TRY(auto rows,
        reader.query("SELECT key_id, user_id, name, hint, created_ms, expires_ms, revoked_ms, hash FROM api_keys"));
    while (true) {
      TRY(const bool more, rows.next());
      if (!more) return {};
      KeyInfo info{.key_id = rows.string(0),
                   .user_id = rows.string(1),
                   .name = rows.string(2),
                   .hint = rows.string(3),
                   .created_ms = rows.integer(4),
                   .expires_ms = rows.integer(5),
                   .revoked_ms = rows.integer(6)};
      loaded[rows.string(7)] = {.info = std::move(info), .hash = rows.string(7)};
    }
  }));
  const std::lock_guard lock(mutex_);
  by_hash_ = std::move(loaded);
  return {};
}

bool ApiKeys::empty() const {
  const std::lock_guard lock(mutex_);
  return by_hash_.empty();
}

Result<NewKey> ApiKeys::create_blocking(const std::string& user, const std::string& name, int64_t expires_ms) {
  const std::string key = make_key(random_);
  const int64_t now = clock_.wall_ms();
  const KeyInfo info{.key_id = make_ulid(now, random_),
                     .user_id = user,
                     .name = name,
                     .hint = key.substr(key.size() - 4),
                     .created_ms = now,
                     .expires_ms = expires_ms};
  const std::string hash = hash_of(key);
  TRY(database_.write_blocking([&](sql::Transaction& transaction) -> Result<void> {
    TRY(transaction.execute(
        "INSERT OR IGNORE INTO users (user_id, email, role, created_ms) VALUES (?1, ?1, 'admin', ?2)", user, now));
    TRY(transaction.execute(
        "INSERT INTO api_keys (key_id, user_id, name, hash, hint, scopes, created_ms, expires_ms) VALUES (?1, ?2, ?3, "
        "?4, ?5, '*', ?6, ?7)",
        info.key_id, user, name, hash, info.hint, now, expires_ms == 0 ? sql::Bind(nullptr) : sql::Bind(expires_ms)));
    return {};
  }));
  const std::lock_guard lock(mutex_);
  by_hash_[hash] = {.info = info, .hash = hash};
  return NewKey{.info = info, .key = key};
}

Result<void> ApiKeys::revoke_blocking(const std::string& key_id) {
  const int64_t now = clock_.wall_ms();
  int64_t changed = 0;
  TRY(database_.write_blocking([&](sql::Transaction& transaction) -> Result<void> {
    TRY(changed, transaction.execute("UPDATE api_keys SET revoked_ms = ?2 WHERE key_id = ?1 AND revoked_ms IS NULL",
                                     key_id, now));
    return {};
  }));
  if (changed == 0) return fail(Errc::not_found, "no valid key '" + key_id + "'");
  const std::lock_guard lock(mutex_);
  for (auto& [hash, known] : by_hash_) {
    if (known.info.key_id == key_id) known.info.revoked_ms = now;
  }
  return {};
}

std::vector<KeyInfo> ApiKeys::list() const {
  std::vector<KeyInfo> keys;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [hash, known] : by_hash_) keys.push_back(known.info);
  }
  std::ranges::sort(keys, {}, &KeyInfo::key_id);
  return keys;
}

Result<Identity> ApiKeys::check(std::string_view key) const {
  const std::string hash = hash_of(key);
  const std::lock_guard lock(mutex_);
  const auto found = by_hash_.find(hash);
  const bool valid = found != by_hash_.end() && found->second.info.revoked_ms == 0 &&
                     (found->second.info.expires_ms == 0 || found->second.info.expires_ms > clock_.wall_ms());
  if (!valid) return fail(Errc::unauthenticated, "the API key is not valid");
  return Identity{
      .key_id = found->second.info.key_id, .user_id = found->second.info.user_id, .name = found->second.info.name};
}

}  // namespace compozy::auth
