// SPDX-License-Identifier: Apache-2.0
//
// Server: HTTP/1.1 on any listeners, one router, one loop.
//
//   Router router;
//   router.add("GET", "/api/v0/workflows/{id}", [&](Request request) { return show(std::move(request)); });
//   Server server(loop, std::move(router), {});
//   server.listen(*io::listen_tcp(loop, "127.0.0.1", 5001));
//   …
//   co_await server.stop(10'000);
//
// What a client may cost: `connections_max` connections (a further one takes the place of the one that has waited
// longest without a request; where every one has a request under way it gets 503), `header_bytes_max` (431), the
// route's body limit (413), `header_timeout_ms` to send a header, `body_timeout_ms` between two pieces of a body and
// `body_total_ms` for all of it (408), `idle_timeout_ms` between two requests. All bodies that are on their way hold at
// most `body_bytes_max` together (503). A stream has no deadline, and a slow reader slows its own function alone; one
// that takes nothing for `stall_ms` (more for a large piece) is cut off.
// Requests of one connection are answered one after the other, in order, also when they arrive together.
// Thread: the loop, for everything. Handlers run on it and must not block.
// Lifetime: stop() is awaited before the server is destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/message.hpp"
#include "http/router.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace compozy::http {

// One request and its answer, as the log and the metrics see them.
struct Exchange {
  std::string method;
  std::string path;
  std::string pattern;  // of the route; empty where none matched
  std::string peer;
  int status = 0;
  int64_t duration_us = 0;
};

struct ServerOptions {
  size_t connections_max = 4'096;
  size_t header_bytes_max = 64U << 10U;
  int64_t header_timeout_ms = 10'000;
  int64_t body_timeout_ms = 30'000;
  int64_t body_total_ms = 300'000;
  size_t body_bytes_max = 256U << 20U;
  int64_t stall_ms = 120'000;
  int64_t idle_timeout_ms = 75'000;

  // Renders what the server itself refuses (404, 405, 408, 413, 431, 503, 400). Plain text unless set.
  std::function<Response(int status, const Error& error)> render_error;
  std::function<void(const Exchange& exchange)> on_exchange;
};

class Server {
 public:
  Server(io::Loop& loop, Router router, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void listen(std::unique_ptr<io::Listener> listener);  // accepts from now on

  // Closes the listeners and idle connections, asks streams to end, waits up to grace_ms for what is under way, then
  // requests the stop of every handler and cuts the connections.
  io::Task<void> stop(int64_t grace_ms);

  size_t connection_count() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace compozy::http
