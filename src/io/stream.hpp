// SPDX-License-Identifier: Apache-2.0
//
// Stream: bytes to and from a peer, whatever carries them: TCP, TLS, a unix socket, a pipe, or a simulator.
//
// Owner: whoever talks on it. Thread: the loop on which it was made, for every call and for its destruction.
// Invariants: at most one read and one write are under way at a time; they may overlap. Every waiting call ends with
// Errc::cancelled when its stop is requested and with Errc::closed when the stream is closed under it. After an error
// or a cancelled write the stream is good only for close().
// Messages of errors name the peer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace compozy::io {

class Stream {
 public:
  virtual ~Stream() = default;

  // Waits for at least one byte and gives how many came; 0 means that the peer sends no more.
  virtual Task<Result<size_t>> read_some(std::span<char> into, std::stop_token stop) = 0;
  Task<Result<size_t>> read_some(std::span<char> into) { return read_some(into, {}); }

  // Writes all of `bytes`, which must stay as they are until then. No deadline: a slow reader slows the writer.
  virtual Task<Result<void>> write_all(std::string_view bytes, std::stop_token stop) = 0;
  Task<Result<void>> write_all(std::string_view bytes) { return write_all(bytes, {}); }

  // Tells the peer that no more comes; reading goes on.
  virtual Task<Result<void>> shutdown() = 0;

  virtual void close() = 0;              // both directions, at once; again is harmless
  virtual std::string peer() const = 0;  // for messages: "127.0.0.1:51234", "unix:/run/x.sock"

  // True when the peer has closed or failed, as far as that can be known without reading. A pooled connection is asked
  // this before it is used again.
  virtual bool is_stale() = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual Task<Result<std::unique_ptr<Stream>>> accept(std::stop_token stop) = 0;
  virtual void close() = 0;
  virtual std::string address() const = 0;  // "127.0.0.1:5001", "unix:/run/x.sock"
  virtual uint16_t port() const = 0;        // 0 for a unix socket
};

// Port 0 lets the system choose. Errc::address_in_use names the address.
Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, const std::string& host, uint16_t port);

// Replaces a socket that nobody listens on; one that answers is Errc::address_in_use. Removed again by close().
Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, const std::string& path, unsigned mode = 0600);

struct ConnectOptions {
  int64_t timeout_ms = 10'000;  // for the name, the connection and the handshake together
};

// Tries each address of the name in turn.
Task<Result<std::unique_ptr<Stream>>> connect_tcp(Loop& loop, std::string host, uint16_t port,
                                                  ConnectOptions options = {}, std::stop_token stop = {});
Task<Result<std::unique_ptr<Stream>>> connect_unix(Loop& loop, std::string path, std::stop_token stop = {});

// A stream over an open descriptor (socket or pipe), which it owns and makes non-blocking.
std::unique_ptr<Stream> adopt_fd(Loop& loop, int fd, std::string peer);

// Reads until the peer ends; Errc::too_large beyond `bytes_max`.
Task<Result<std::string>> read_to_end(Stream& stream, size_t bytes_max, std::stop_token stop = {});

}  // namespace compozy::io
