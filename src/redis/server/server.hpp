// SPDX-License-Identifier: Apache-2.0
//
// Server: RESP sockets to an Engine. One thread with its own epoll: a turn reads all ready sockets, enters the gate (at
// most 64 commands at a time), leaves, waits for the log where `appendfsync always` says so, and writes the replies.
//
//   TRY(auto server, Server::start(engine, {.unix_socket = data_dir + "/redis.sock"}));
//
// TCP is off unless a port is given. A client that does not read its messages is closed at the output buffer limit, one
// whose unparsed input exceeds the query buffer limit likewise.
// Owner: app; it ends before the log and the engine. Thread: start() and the destructor from the owner's.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "redis/engine/engine.hpp"
#include "redis/server/connection.hpp"
#include "redis/server/listen.hpp"
#include "redis/server/tls.hpp"

namespace compozy::redis {

class Server final : public SessionOwner {
 public:
  struct Options {
    std::string unix_socket;  // empty: none
    uint32_t unix_permissions = 0600;
    std::optional<uint16_t> tcp_port;         // 0: the system chooses
    std::string tcp_addresses = "127.0.0.1";  // as in `bind`
    int backlog = 511;
    std::optional<uint16_t> tls_port = std::nullopt;  // needs `tls`
    std::shared_ptr<TlsContext> tls = nullptr;
  };

  static Result<std::unique_ptr<Server>> start(Engine& engine, Options options);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const { return tcp_.port; }
  uint16_t tls_port() const { return tls_.port; }
  // Listens there instead; when it cannot, all stays as it was. Under the gate. No port: no TCP.
  Result<void> rebind(const std::string& addresses, std::optional<uint16_t> port);
  Result<void> rebind_tls(const std::string& addresses, std::optional<uint16_t> port);
  // For the connections that come from now on. Under the gate.
  void set_tls(std::shared_ptr<TlsContext> context);

  void session_has_output(Session& session) override;  // any thread, under the gate
  Debugging next_debugger_command(Session& session, std::vector<std::string>& command) override;  // the poller's thread

 private:
  Server(Engine& engine, Options options) : engine_(engine), options_(std::move(options)) {}
  enum class Kind : uint8_t { tcp, tls, unix_socket };
  // The sockets of one kind, all on one port.
  struct Listening {
    std::vector<Fd> sockets;
    uint16_t port = 0;
    std::string addresses;
    bool has(int fd) const;
  };

  Result<void> listen();
  Result<void> rebind(Listening& listening, const std::string& addresses, std::optional<uint16_t> port);
  void run();
  void turn(int timeout_ms);
  void poll(int timeout_ms);
  void busy_turn();
  void accept_all(int listener);
  void admit(Fd fd, Kind kind);
  std::string_view refusal(const std::string& address, Kind kind) const;
  void queue(Connection& connection);
  void take_notified();
  void execute_queued();
  void execute_some(size_t& next, const Engine::Turn& turn);
  void watch_clients();
  void evict_clients();
  void send_replies();
  void watch_writes(Connection& connection, bool on);
  void close(Connection& connection);
  void close_idle();
  bool is_idle(const Connection& connection, int64_t now_ms) const;
  void add_statistics();
  void settle(const std::vector<Connection*>& connections);

  Engine& engine_;
  Options options_;
  Fd epoll_;
  Fd wake_;
  Fd unix_;
  std::mutex listeners_mutex_;
  Listening tcp_;
  Listening tls_;
  std::shared_ptr<TlsContext> tls_context_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::unordered_map<const Session*, Connection*> by_session_;
  std::vector<Connection*> queued_;
  size_t query_limit_ = std::numeric_limits<size_t>::max();  // client-query-buffer-limit, as of the last hold
  std::mutex notified_mutex_;
  std::vector<const Session*> notified_;
  bool signalled_ = false;
  Persistence* persistence_ = nullptr;  // as it was in the last hold
  std::atomic<bool> stopping_{false};
  uint64_t reads_ = 0;  // these three go to the statistics with the next hold
  uint64_t writes_ = 0;
  uint64_t sent_bytes_ = 0;
  int64_t next_idle_check_us_ = 0;
  int64_t next_watch_us_ = 0;
  std::thread thread_;
};

}  // namespace compozy::redis
