// SPDX-License-Identifier: Apache-2.0
//
// Sprig's hashes, AES texts and random bytes. Chance is the caller's (Environment::entropy), so that a decision made
// again gives the same. encryptAES: AES-256-CBC, the key is the password cut or filled with zeros to 32 bytes, PKCS #7
// padding, the IV in front, all of it in base 64.
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "expression/functions/base64.hpp"
#include "expression/functions/function.hpp"
#include "expression/secret.hpp"

namespace compozy::expression {
namespace {

using json::Value;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

constexpr size_t kKeyBytes = 32;
constexpr size_t kBlockBytes = 16;
constexpr int64_t kRandomMax = 10'000;

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(
      text.data());  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast): OpenSSL takes unsigned bytes
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(
      text.data());  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast): as above
}

Result<Value> digest(const EVP_MD* kind, Args args) {
  TRY(const std::string text, text_argument(args[0]));
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes_of(out), &size, kind, nullptr) != 1)
    return fail(Errc::internal, "the hash is not available");
  out.resize(size);
  return Value(to_hex(out));
}
Result<Value> sha1sum(CallScope&, Args args) { return digest(EVP_sha1(), args); }
Result<Value> sha512sum(CallScope&, Args args) { return digest(EVP_sha512(), args); }

std::string key_of(std::string password) {
  password.resize(kKeyBytes, '\0');
  return password;
}

std::string random_bytes(CallScope& scope, size_t count) {
  std::string out(count, '\0');
  for (char& c : out) c = static_cast<char>(scope.random().below(256));
  return out;
}

Result<Value> encrypt_aes(CallScope& scope, Args args) {
  TRY(std::string password, text_argument(args[0]));
  TRY(const std::string text, text_argument(args[1]));
  const std::string key = key_of(std::move(password));
  const std::string iv = random_bytes(scope, kBlockBytes);
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string out(text.size() + 2 * kBlockBytes, '\0');
  int written = 0;
  int last = 0;
  if (EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_cbc(), nullptr, bytes_of(key), bytes_of(iv)) != 1 ||
      EVP_EncryptUpdate(cipher.get(), bytes_of(out), &written, bytes_of(text), static_cast<int>(text.size())) != 1 ||
      EVP_EncryptFinal_ex(cipher.get(), bytes_of(out) + written, &last) != 1) {
    return fail(Errc::internal, "AES is not available");
  }
  out.resize(static_cast<size_t>(written) + static_cast<size_t>(last));
  return Value(base64_encode(iv + out));
}

Result<Value> decrypt_aes(CallScope&, Args args) {
  TRY(std::string password, text_argument(args[0]));
  TRY(const std::string encoded, text_argument(args[1]));
  TRY(const std::string sealed, base64_decode(encoded));
  const auto bad = [] {
    return fail(Errc::invalid_argument, "the text was not made by encryptAES with this password");
  };
  if (sealed.size() < 2 * kBlockBytes || sealed.size() % kBlockBytes != 0) return bad();
  const std::string key = key_of(std::move(password));
  const std::string body = sealed.substr(kBlockBytes);
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string out(sealed.size(), '\0');
  int written = 0;
  int last = 0;
  if (EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_cbc(), nullptr, bytes_of(key), bytes_of(sealed)) != 1 ||
      EVP_DecryptUpdate(cipher.get(), bytes_of(out), &written, bytes_of(body), static_cast<int>(body.size())) != 1 ||
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(out) + written, &last) != 1) {
    return bad();
  }
  out.resize(static_cast<size_t>(written) + static_cast<size_t>(last));
  if (!is_valid_utf8(out)) return bad();
  return Value(without_secret_marks(std::string_view(out)));
}

Result<int64_t> how_many(Args args) {
  TRY(const int64_t count, integer_argument(args[0]));
  if (count < 0 || count > kRandomMax)
    return fail(Errc::invalid_argument, "expected a number from 0 to " + std::to_string(kRandomMax));
  return count;
}
Result<Value> rand_bytes(CallScope& scope, Args args) {
  TRY(const int64_t count, how_many(args));
  return Value(base64_encode(random_bytes(scope, static_cast<size_t>(count))));
}
Result<Value> rand_ascii(CallScope& scope, Args args) {
  TRY(const int64_t count, how_many(args));
  std::string out;
  for (int64_t i = 0; i < count; ++i) out += static_cast<char>(' ' + scope.random().below(95));
  return Value(std::move(out));
}

constexpr std::array kFunctions{
    Function{"sha1sum", 1, 1, sha1sum},        Function{"sha512sum", 1, 1, sha512sum},
    Function{"encryptAES", 2, 2, encrypt_aes}, Function{"decryptAES", 2, 2, decrypt_aes},
    Function{"randBytes", 1, 1, rand_bytes},   Function{"randAscii", 1, 1, rand_ascii},
};

}  // namespace

std::span<const Function> crypto_functions() { return kFunctions; }

}  // namespace compozy::expression
