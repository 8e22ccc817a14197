// SPDX-License-Identifier: Apache-2.0
#include "io/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <optional>

#include "io/completion.hpp"
#include "io/timer.hpp"

namespace compozy::io {

namespace {

constexpr size_t kRecord = 16384;

std::string openssl_reason() {
  std::string reason;
  while (const unsigned long code = ERR_get_error()) {
    const char* text = ERR_reason_error_string(code);
    if (text != nullptr) reason = text;
  }
  return reason.empty() ? "unknown reason" : reason;
}

bool is_ip_address(const std::string& host) {
  std::array<unsigned char, 16> ignored{};
  return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Stream> lower, const TlsContext& context)
      : lower_(std::move(lower)), ssl_(SSL_new(context.get())), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
    SSL_set_bio(ssl_, in_, out_);
  }
  ~TlsStream() override { SSL_free(ssl_); }

  void become_client(const std::string& host) {
    if (is_ip_address(host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
    } else {
      SSL_set1_host(ssl_, host.c_str());
      SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()));
    }
    SSL_set_connect_state(ssl_);
  }
  void become_server() { SSL_set_accept_state(ssl_); }

  Task<Result<void>> handshake(std::stop_token stop) {
    for (;;) {
      ERR_clear_error();
      const int outcome = SSL_do_handshake(ssl_);
      const int reason = SSL_get_error(ssl_, outcome);
      Failure refused = refusal();  // before the flush, which may disturb OpenSSL's error queue
      CO_TRY(co_await flush(stop));
      if (outcome == 1) co_return {};
      if (reason != SSL_ERROR_WANT_READ) co_return refused;
      CO_TRY(const size_t n, co_await fill(stop));
      if (n == 0) co_return fail(Errc::closed, "'" + peer() + "' closed the connection during the TLS handshake");
    }
  }

  Task<Result<size_t>> read_some(std::span<char> into, std::stop_token stop) override {
    for (;;) {
      ERR_clear_error();
      size_t n = 0;
      if (SSL_read_ex(ssl_, into.data(), into.size(), &n) == 1) co_return n;
      const int reason = SSL_get_error(ssl_, 0);
      if (reason == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
      if (reason != SSL_ERROR_WANT_READ) co_return broken("read from");
      if (!flushing_) CO_TRY(co_await flush(stop));
      CO_TRY(const size_t received, co_await fill(stop));
      if (received == 0) co_return fail(Errc::closed, "'" + peer() + "' ended without closing its TLS session");
    }
  }

  Task<Result<void>> write_all(std::string_view bytes, std::stop_token stop) override {
    while (!bytes.empty()) {
      ERR_clear_error();
      const auto piece = bytes.substr(0, kRecord);
      size_t n = 0;
      if (SSL_write_ex(ssl_, piece.data(), piece.size(), &n) != 1) co_return broken("write to");
      bytes.remove_prefix(n);
      CO_TRY(co_await flush(stop));
    }
    co_return {};
  }

  Task<Result<void>> shutdown() override {
    SSL_shutdown(ssl_);
    CO_TRY(co_await flush({}));
    co_return co_await lower_->shutdown();
  }

  void close() override { lower_->close(); }
  std::string peer() const override { return lower_->peer(); }
  bool is_stale() override { return SSL_pending(ssl_) > 0 || lower_->is_stale(); }

 private:
  Failure broken(std::string_view doing) const {
    return fail(Errc::io_error, "TLS: " + std::string(doing) + " '" + peer() + "': " + openssl_reason());
  }

  Failure refusal() const {
    const long verdict = SSL_get_verify_result(ssl_);
    const std::string reason = verdict == X509_V_OK ? openssl_reason() : X509_verify_cert_error_string(verdict);
    return fail(Errc::unavailable, "TLS with '" + peer() + "' failed: " + reason);
  }

  // Sends what OpenSSL has produced. One flush at a time; a second one waits for its turn, then finds nothing left.
  Task<Result<void>> flush(std::stop_token stop) {
    while (flushing_) {
      const Event ended = *flushing_;
      CO_TRY(co_await ended.wait(stop));
    }
    if (BIO_ctrl_pending(out_) == 0) co_return {};
    flushing_.emplace();
    Result<void> outcome;
    while (outcome && BIO_ctrl_pending(out_) > 0) {
      std::string bytes(BIO_ctrl_pending(out_), '\0');
      BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
      outcome = co_await lower_->write_all(bytes, stop);
    }
    const Event ended = *std::exchange(flushing_, std::nullopt);
    ended.set({});
    co_return outcome;
  }

  Task<Result<size_t>> fill(std::stop_token stop) {
    std::array<char, kRecord> chunk;
    CO_TRY(const size_t n, co_await lower_->read_some(chunk, stop));
    if (n > 0) BIO_write(in_, chunk.data(), static_cast<int>(n));
    co_return n;
  }

  std::unique_ptr<Stream> lower_;
  SSL* ssl_;
  BIO* in_;   // from the peer; both belong to ssl_
  BIO* out_;  // to the peer
  std::optional<Event> flushing_;
};

Result<std::shared_ptr<SSL_CTX>> new_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return fail(Errc::internal, "TLS cannot start: " + openssl_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A peer that ends without close_notify is reported by TlsStream, not by OpenSSL.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  return context;
}

}  // namespace

Result<TlsContext> TlsContext::client(const std::string& ca_file) {
  TRY(auto context, new_context(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                     : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr);
  if (loaded != 1) {
    return fail(Errc::invalid_argument,
                "cannot read the certificate authorities '" + ca_file + "': " + openssl_reason());
  }
  return TlsContext(std::move(context));
}

Result<TlsContext> TlsContext::server(const std::string& certificate_file, const std::string& key_file) {
  TRY(auto context, new_context(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return fail(Errc::invalid_argument, "cannot use the certificate '" + certificate_file + "': " + openssl_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(Errc::invalid_argument, "cannot use the private key '" + key_file + "': " + openssl_reason());
  }
  return TlsContext(std::move(context));
}

Task<Result<std::unique_ptr<Stream>>> tls_connect(std::unique_ptr<Stream> lower, TlsContext context, std::string host,
                                                  std::stop_token stop) {
  auto stream = std::make_unique<TlsStream>(std::move(lower), context);
  stream->become_client(host);
  CO_TRY(co_await stream->handshake(stop));
  co_return stream;
}

Task<Result<std::unique_ptr<Stream>>> tls_accept(std::unique_ptr<Stream> lower, TlsContext context,
                                                 std::stop_token stop) {
  auto stream = std::make_unique<TlsStream>(std::move(lower), context);
  stream->become_server();
  CO_TRY(co_await stream->handshake(stop));
  co_return stream;
}

Task<Result<std::unique_ptr<Stream>>> connect_tls(Loop& loop, std::string host, uint16_t port, TlsContext context,
                                                  ConnectOptions options, std::stop_token stop) {
  const Deadline deadline(loop, options.timeout_ms, stop);
  CO_TRY(auto lower, co_await connect_tcp(loop, host, port, options, stop));
  auto stream = co_await tls_connect(std::move(lower), context, host, deadline.token());
  if (!stream && stream.error().code == Errc::cancelled && deadline.expired()) {
    co_return fail(Errc::timeout,
                   "TLS with '" + host + "' did not start within " + format_duration_ms(options.timeout_ms));
  }
  co_return stream;
}

}  // namespace compozy::io
