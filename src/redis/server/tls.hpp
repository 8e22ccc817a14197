// SPDX-License-Identifier: Apache-2.0
//
// TLS of the RESP server: one context made from the tls-* settings, and one link for each connection. OpenSSL works on
// memory: sockets stay with the Connection, so nothing here waits, and a peer that stops in the middle of the handshake
// holds only its own memory until its time is up.
//
//   TRY(auto context, TlsContext::make(settings));  TlsLink link(*context);
//   if (!link.receive(bytes_from_socket, input)) …broken…;   send(link.wire());
//
// Thread: contexts any; a link its connection's. Source: redis.io/docs/management/security/encryption.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "redis/commands/config/settings.hpp"

struct ssl_ctx_st;
struct ssl_st;
struct bio_st;

namespace compozy::redis {

class TlsContext {
 public:
  // The error says which setting is missing or what OpenSSL finds wrong with its file.
  static Result<std::shared_ptr<TlsContext>> make(const Settings& settings);

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

class TlsLink {
 public:
  explicit TlsLink(const TlsContext& context);
  ~TlsLink();
  TlsLink(const TlsLink&) = delete;
  TlsLink& operator=(const TlsLink&) = delete;

  // Takes what came from the socket, goes on with the handshake, and appends what could be decrypted to `plain`.
  // False: the peer broke the protocol, has no valid certificate, or ended the session.
  bool receive(std::string_view bytes, std::string& plain);
  // Encrypts a part of what has to go out, and says how much of it; 0 before the handshake is through.
  size_t seal(std::string_view plain);
  // What the socket has to send: records, and what the handshake asks for.
  std::string& wire();

  bool established() const { return established_; }
  const std::string& problem() const { return problem_; }  // why receive() said no

 private:
  bool broken(int outcome);

  ssl_st* ssl_;
  bio_st* in_;   // from the peer; both belong to ssl_
  bio_st* out_;  // to the peer
  std::string wire_;
  bool established_ = false;
  std::string problem_;
};

}  // namespace compozy::redis
