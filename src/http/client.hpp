// SPDX-License-Identifier: Apache-2.0
//
// Client: HTTP/1.1 requests, over TLS where the URL says so, on kept connections.
//
//   Client client(loop, {});
//   CO_TRY(auto answer, co_await client.send({.url = "https://api.example/v1/x"}, stop));          // the whole body
//   CO_TRY(auto stream, co_await client.open({.method = "POST", .url = url, .body = json}, stop));  // piece by piece
//   for (;;) {
//     CO_TRY(auto piece, co_await stream->read_body_chunk(stop));
//     if (piece.empty()) break;
//   }
//
// Any status is an answer, not an error. Errors: unavailable (name, connection, TLS), timeout (which one is said),
// closed (in the middle), parse_error, too_large, cancelled. Messages name the host, never the whole URL: its query may
// hold a key.
// Retries: a request is sent again once, on a new connection, when a kept one turned out to be dead and repeating is
// harmless (GET, HEAD, PUT, DELETE, OPTIONS, or an Idempotency-Key). All other retrying is the caller's.
// Thread: the loop. Streams may outlive the client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace compozy::http {

struct ClientOptions {
  std::string ca_file;                // instead of the system's authorities
  std::string unix_socket;            // connect there, whatever the URL's host
  std::string http_proxy;             // "http://proxy:3128"; for https URLs through CONNECT
  std::vector<std::string> no_proxy;  // host names and domains that are reached directly; "*" for all
  size_t idle_connections_max = 16;   // kept per origin
  int64_t idle_ms = 30'000;
  size_t header_bytes_max = 64U << 10U;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  int64_t connect_timeout_ms = 10'000;     // name, connection, TLS
  int64_t first_byte_timeout_ms = 60'000;  // from the connection to the answer's header
  int64_t total_timeout_ms = 0;            // all of it, with the body; 0: none
  uint64_t body_bytes_max = 64U << 20U;    // of the answer that send() collects
  int redirects_max = 0;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

class ResponseStream {
 public:
  virtual ~ResponseStream() = default;  // keeps the connection when the body was read to its end, else closes it
  virtual int status() const = 0;
  virtual const Headers& headers() const = 0;
  virtual io::Task<Result<std::string>> read_body_chunk(std::stop_token stop = {}) = 0;  // empty at the end
  io::Task<Result<std::string>> read_all(uint64_t bytes_max, std::stop_token stop = {});
};

class Client {
 public:
  Client(io::Loop& loop, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  io::Task<Result<std::unique_ptr<ResponseStream>>> open(ClientRequest request, std::stop_token stop = {});
  io::Task<Result<ClientResponse>> send(ClientRequest request, std::stop_token stop = {});

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace compozy::http
