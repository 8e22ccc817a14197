// SPDX-License-Identifier: Apache-2.0
//
// TLS 1.2 and 1.3 over any Stream (OpenSSL 3, memory BIOs: OpenSSL never touches the socket).
//
// A client checks the certificate's chain against the system's authorities (or `ca_file` alone) and its name against
// the host it asked for; there is no way to turn that off. Refusals are Errc::unavailable and say what is wrong.
// Thread: contexts any; streams as their lower stream.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

struct ssl_ctx_st;

namespace compozy::io {

class TlsContext {
 public:
  static Result<TlsContext> client(const std::string& ca_file = "");
  // PEM files: the certificate with its chain, and its key.
  static Result<TlsContext> server(const std::string& certificate_file, const std::string& key_file);

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

Task<Result<std::unique_ptr<Stream>>> tls_connect(std::unique_ptr<Stream> lower, TlsContext context, std::string host,
                                                  std::stop_token stop = {});
Task<Result<std::unique_ptr<Stream>>> tls_accept(std::unique_ptr<Stream> lower, TlsContext context,
                                                 std::stop_token stop = {});

// TCP, then TLS, within options.timeout_ms.
Task<Result<std::unique_ptr<Stream>>> connect_tls(Loop& loop, std::string host, uint16_t port, TlsContext context,
                                                  ConnectOptions options = {}, std::stop_token stop = {});

}  // namespace compozy::io
