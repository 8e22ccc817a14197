// SPDX-License-Identifier: Apache-2.0
//
// Connection: one client of a Server, from accept to close. Internal to http.
//
// `idle` tells the server that no request has begun, so that it may close the connection at any time.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "http/codec.hpp"
#include "http/server.hpp"
#include "io/timer.hpp"

namespace compozy::http {

class Connection;

// What the connections of a server share.
struct Server::State {
  State(io::Loop& l, Router r, ServerOptions o);

  io::Loop& loop;
  const Router router;
  const ServerOptions options;
  std::vector<std::unique_ptr<io::Listener>> listeners;
  std::set<Connection*> connections;
  size_t leaving = 0;         // of them, those that gave up their place
  size_t body_bytes = 0;      // of all bodies that are being read
  std::stop_source draining;  // streams end, no further request is read
  std::stop_source cutting;   // everything ends
  io::TaskScope acceptors;
  io::TaskScope serving;

  Response refusal(int status, const Error& error) const;
  const std::string& date();
  void warn_rarely(const Error& error);

 private:
  int64_t date_second_ = -1;
  int64_t warned_ms_ = 0;
  std::string date_;
};

class Connection {
 public:
  Connection(Server::State& server, std::unique_ptr<io::Stream> stream);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  io::Task<void> run();
  void close() { stream_->close(); }
  // Closed to make room; it counts no longer, though its coroutine ends a little later.
  void give_up() {
    awaits_header_ = false;
    given_up_ = true;
    ++server_.leaving;
    close();
  }
  bool is_idle() const { return idle_; }
  bool awaits_header() const { return awaits_header_; }  // nothing that it asked is under way
  int64_t waiting_since_us() const { return waiting_since_us_; }

 private:
  // What is known of a request while its answer is written.
  struct Exchanged {
    Exchange exchange;
    int64_t start_us = 0;
    bool keep_alive = false;
    bool is_head = false;
    bool is_http_1_0 = false;
  };

  io::Task<bool> serve_one();  // false: the connection has ended
  io::Task<Result<bool>> read_header(RequestParser& parser);
  io::Task<Result<void>> read_body(RequestParser& parser);
  io::Task<Result<size_t>> read_more();
  io::Task<bool> answer(Request request, const Route& route, Exchanged about);
  io::Task<bool> send(Response response, Exchanged about);
  io::Task<bool> send_early(Response response, Exchanged about, bool is_whole);
  io::Task<Result<void>> send_stream(Response response, Exchanged about);
  io::Task<void> refuse(int status, Error error, Exchanged about);
  io::Task<void> drain();
  io::Task<void> watch(std::stop_token stop, std::stop_source gone);

  Server::State& server_;
  std::unique_ptr<io::Stream> stream_;
  io::Deadline deadline_;
  std::string in_;  // read, not yet parsed
  bool idle_ = true;
  bool awaits_header_ = true;
  bool given_up_ = false;
  int64_t waiting_since_us_ = system_clock().monotonic_us();
  size_t held_ = 0;  // bytes of the body that is being read
};

}  // namespace compozy::http
