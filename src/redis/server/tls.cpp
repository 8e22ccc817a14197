// SPDX-License-Identifier: Apache-2.0
#include "redis/server/tls.hpp"

#include <algorithm>
#include <array>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/text.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kPart = 16384;     // a record
constexpr size_t kSealMax = 65536;  // encrypted ahead of the socket

std::string openssl_reason() {
  std::string reason;
  while (const unsigned long code = ERR_get_error()) {
    if (const char* text = ERR_reason_error_string(code)) reason = text;
  }
  return reason.empty() ? "unknown reason" : reason;
}

Failure unusable(std::string_view setting, const std::string& value) {
  return fail(Errc::invalid_argument, std::string(setting) + " '" + value + "' cannot be used: " + openssl_reason());
}

int password(char* into, int size, int, void* context) {
  const std::string& pass = *static_cast<const std::string*>(context);
  if (static_cast<size_t>(size) < pass.size()) return -1;
  pass.copy(into, pass.size());
  return static_cast<int>(pass.size());
}

Result<void> set_protocols(SSL_CTX* context, const std::string& protocols) {
  struct Version {
    std::string_view name;
    int number;
    uint64_t off;
  };
  static constexpr std::array kVersions{
      Version{"tlsv1", TLS1_VERSION, SSL_OP_NO_TLSv1}, Version{"tlsv1.1", TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
      Version{"tlsv1.2", TLS1_2_VERSION, SSL_OP_NO_TLSv1_2}, Version{"tlsv1.3", TLS1_3_VERSION, SSL_OP_NO_TLSv1_3}};
  uint64_t off = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3;
  bool any = false;
  for (const std::string_view word : split(protocols.empty() ? "TLSv1.2 TLSv1.3" : protocols, ' ')) {
    if (word.empty()) continue;
    const auto found = std::ranges::find(kVersions, to_lower(word), &Version::name);
    if (found == kVersions.end()) {
      return fail(Errc::invalid_argument,
                  "tls-protocols has '" + std::string(word) + "'; expected some of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3");
    }
    off &= ~found->off;
    any = true;
  }
  if (!any) return fail(Errc::invalid_argument, "tls-protocols names no protocol");
  SSL_CTX_set_options(context, off);
  return {};
}

Result<void> set_certificate(SSL_CTX* context, const Settings& settings) {
  if (settings.tls_cert_file.empty()) return fail(Errc::invalid_argument, "tls-cert-file is not set");
  if (settings.tls_key_file.empty()) return fail(Errc::invalid_argument, "tls-key-file is not set");
  if (SSL_CTX_use_certificate_chain_file(context, settings.tls_cert_file.c_str()) != 1)
    return unusable("tls-cert-file", settings.tls_cert_file);
  std::string pass = settings.tls_key_file_pass;
  SSL_CTX_set_default_passwd_cb(context, password);
  SSL_CTX_set_default_passwd_cb_userdata(context, &pass);
  const int used = SSL_CTX_use_PrivateKey_file(context, settings.tls_key_file.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  if (used != 1) return unusable("tls-key-file", settings.tls_key_file);
  if (SSL_CTX_check_private_key(context) != 1) return unusable("tls-key-file", settings.tls_key_file);
  return {};
}

Result<void> set_authorities(SSL_CTX* context, const Settings& settings) {
  const std::string& file = settings.tls_ca_cert_file;
  const std::string& directory = settings.tls_ca_cert_dir;
  const int mode = settings.tls_auth_clients == "no"         ? SSL_VERIFY_NONE
                   : settings.tls_auth_clients == "optional" ? SSL_VERIFY_PEER
                                                             : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context, mode, nullptr);
  if (file.empty() && directory.empty()) {
    if (mode == SSL_VERIFY_NONE) return {};
    return fail(Errc::invalid_argument,
                "either tls-ca-cert-file or tls-ca-cert-dir must be set where tls-auth-clients asks for certificates");
  }
  const auto text = [](const std::string& value) { return value.empty() ? nullptr : value.c_str(); };
  if (SSL_CTX_load_verify_locations(context, text(file), text(directory)) != 1)
    return unusable(file.empty() ? "tls-ca-cert-dir" : "tls-ca-cert-file", file.empty() ? directory : file);
  if (!file.empty()) SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file.c_str()));
  return {};
}

Result<void> set_dh_parameters(SSL_CTX* context, const std::string& path) {
  if (path.empty()) {
    SSL_CTX_set_dh_auto(context, 1);
    return {};
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), BIO_free);
  EVP_PKEY* parameters = file == nullptr ? nullptr : PEM_read_bio_Parameters(file.get(), nullptr);
  if (parameters == nullptr) return unusable("tls-dh-params-file", path);
  if (SSL_CTX_set0_tmp_dh_pkey(context, parameters) != 1) {
    EVP_PKEY_free(parameters);
    return unusable("tls-dh-params-file", path);
  }
  return {};
}

Result<void> set_ciphers(SSL_CTX* context, const Settings& settings) {
  if (!settings.tls_ciphers.empty() && SSL_CTX_set_cipher_list(context, settings.tls_ciphers.c_str()) != 1)
    return unusable("tls-ciphers", settings.tls_ciphers);
  if (!settings.tls_ciphersuites.empty() && SSL_CTX_set_ciphersuites(context, settings.tls_ciphersuites.c_str()) != 1)
    return unusable("tls-ciphersuites", settings.tls_ciphersuites);
  if (settings.tls_prefer_server_ciphers) SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  return {};
}

void set_session_cache(SSL_CTX* context, const Settings& settings) {
  if (!settings.tls_session_caching) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return;
  }
  constexpr std::string_view kName = "redis";
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kName.data()), kName.size());
  SSL_CTX_sess_set_cache_size(context, settings.tls_session_cache_size);
  SSL_CTX_set_timeout(context, settings.tls_session_cache_timeout);
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::make(const Settings& settings) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return fail(Errc::internal, "TLS cannot start: " + openssl_reason());
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  TRY(set_protocols(context.get(), settings.tls_protocols));
  TRY(set_certificate(context.get(), settings));
  TRY(set_authorities(context.get(), settings));
  TRY(set_dh_parameters(context.get(), settings.tls_dh_params_file));
  TRY(set_ciphers(context.get(), settings));
  set_session_cache(context.get(), settings);
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(context)));
}

TlsLink::TlsLink(const TlsContext& context)
    : ssl_(SSL_new(context.get())), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_accept_state(ssl_);
}

TlsLink::~TlsLink() { SSL_free(ssl_); }

// What OpenSSL says is either that it needs more, or that this cannot go on.
bool TlsLink::broken(int outcome) {
  const int reason = SSL_get_error(ssl_, outcome);
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return false;
  problem_ = reason == SSL_ERROR_ZERO_RETURN ? "the peer ended the session" : openssl_reason();
  return true;
}

bool TlsLink::receive(std::string_view bytes, std::string& plain) {
  ERR_clear_error();
  if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  if (!established_) {
    const int outcome = SSL_do_handshake(ssl_);
    if (outcome != 1) return !broken(outcome);
    established_ = true;
  }
  while (true) {
    const size_t before = plain.size();
    int outcome = 0;
    plain.resize_and_overwrite(before + kPart, [&](char* data, size_t) {
      size_t size = 0;
      outcome = SSL_read_ex(ssl_, data + before, kPart, &size);
      return before + (outcome == 1 ? size : 0);
    });
    if (outcome != 1) return !broken(outcome);
  }
}

size_t TlsLink::seal(std::string_view plain) {
  if (!established_ || wire().size() >= kSealMax) return 0;
  ERR_clear_error();
  size_t done = 0;
  while (done < plain.size() && BIO_ctrl_pending(out_) < kSealMax) {
    size_t size = 0;
    if (SSL_write_ex(ssl_, plain.data() + done, std::min(kPart, plain.size() - done), &size) != 1) break;
    done += size;
  }
  return done;
}

std::string& TlsLink::wire() {
  if (const size_t pending = BIO_ctrl_pending(out_); pending > 0) {
    const size_t before = wire_.size();
    wire_.resize(before + pending);
    BIO_read(out_, wire_.data() + before, static_cast<int>(pending));
  }
  return wire_;
}

}  // namespace compozy::redis
