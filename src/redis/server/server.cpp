// SPDX-License-Identifier: Apache-2.0
#include "redis/server/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "observe/log.hpp"
#include "redis/commands/connection/client_info.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kCommandsPerHold = 64;
constexpr int kTurnMs = 100;
constexpr int64_t kHandshakeMs = 10'000;
constexpr uint64_t kNoticeable = 16384;  // replies up to this lie in the reply buffer, which counts anyhow

std::string address_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
  inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6->sin6_port));
}

void resize_reply_buffer(ServerState& state, ClientBuffers& buffers, int64_t now_ms) {
  constexpr size_t kSmallest = 1024;
  constexpr size_t kLargest = 16384;
  if (buffers.reply_peak >= buffers.reply_room && buffers.reply_room < kLargest) {
    buffers.reply_room = std::min(kLargest, buffers.reply_room * 2);
    ++state.stats.reply_buffer_expands;
  } else if (buffers.reply_room > kSmallest && buffers.reply_peak < buffers.reply_room / 2) {
    buffers.reply_room = std::max(kSmallest, buffers.reply_peak + 1);
    ++state.stats.reply_buffer_shrinks;
  }
  if (state.reply_peak_reset_ms < 0 || now_ms - buffers.reply_peak_at_ms <= state.reply_peak_reset_ms) return;
  buffers.reply_peak = 0;
  buffers.reply_peak_at_ms = now_ms;
}

// tcp-keepalive: a peer that is gone without a word is noticed after twice that time. 0: never.
void keep_alive(int fd, int seconds) {
  const int on = 1;
  if (seconds <= 0 || ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) != 0) return;
  const int interval = std::max(1, seconds / 3);
  const int probes = 3;
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

void add_to(const Fd& epoll, int fd, uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Engine& engine, Options options) {
  std::unique_ptr<Server> server(new Server(engine, std::move(options)));
  TRY(server->listen());
  server->thread_ = std::thread([raw = server.get()] { raw->run(); });
  return server;
}

Server::~Server() {
  stopping_ = true;
  {
    const Engine::Hold hold(engine_);
    engine_.state().scripts->kill(false, true);
  }
  if (thread_.joinable()) {
    eventfd_write(wake_.get(), 1);
    thread_.join();
  }
  const Engine::Hold hold(engine_);
  // Who sees its connection end finds nobody there any more.
  tcp_.sockets.clear();
  tls_.sockets.clear();
  for (auto& [fd, connection] : connections_) {
    connection->recount(engine_.state(), true);
    engine_.close(connection->session());
  }
  if (unix_.get() >= 0) ::unlink(options_.unix_socket.c_str());
}

Result<void> Server::listen() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  wake_.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (epoll_.get() < 0 || wake_.get() < 0) return fail(system_error("epoll_create", "redis server", errno));
  add_to(epoll_, wake_.get(), EPOLLIN);
  if (!options_.unix_socket.empty()) {
    TRY(unix_, listen_on_unix(options_.unix_socket, options_.unix_permissions, options_.backlog));
    add_to(epoll_, unix_.get(), EPOLLIN);
  }
  tls_context_ = std::move(options_.tls);
  TRY(rebind(options_.tcp_addresses, options_.tcp_port));
  return rebind_tls(options_.tcp_addresses, options_.tls_port);
}

bool Server::Listening::has(int fd) const { return std::ranges::find(sockets, fd, &Fd::get) != sockets.end(); }

Result<void> Server::rebind(const std::string& addresses, std::optional<uint16_t> port) {
  return rebind(tcp_, addresses, port);
}

Result<void> Server::rebind_tls(const std::string& addresses, std::optional<uint16_t> port) {
  return rebind(tls_, addresses, port);
}

void Server::set_tls(std::shared_ptr<TlsContext> context) {
  const std::lock_guard lock(listeners_mutex_);
  tls_context_ = std::move(context);
}

Result<void> Server::rebind(Listening& listening, const std::string& addresses, std::optional<uint16_t> port) {
  // Addresses that stay are in use by ourselves until the old sockets are gone, unless the port is another one.
  std::vector<Fd> fresh;
  std::vector<Fd> old;
  const bool same_port = port && listening.port == *port && !listening.sockets.empty();
  {
    const std::lock_guard lock(listeners_mutex_);
    if (same_port) old.swap(listening.sockets);
  }
  old.clear();
  if (port) {
    auto sockets = listen_on_addresses(addresses, *port, options_.backlog);
    if (!sockets) {
      if (same_port) {
        if (auto again = listen_on_addresses(listening.addresses, *port, options_.backlog)) {
          const std::lock_guard lock(listeners_mutex_);
          listening.sockets = *std::move(again);
          for (const Fd& listener : listening.sockets) add_to(epoll_, listener.get(), EPOLLIN);
        }
      }
      return std::unexpected(sockets.error());
    }
    fresh = *std::move(sockets);
  }
  const std::lock_guard lock(listeners_mutex_);
  listening.sockets = std::move(fresh);
  for (const Fd& listener : listening.sockets) add_to(epoll_, listener.get(), EPOLLIN);
  listening.port = listening.sockets.empty() ? 0 : bound_port(listening.sockets.front());
  listening.addresses = addresses;
  return {};
}

void Server::run() {
  Engine::set_busy_turn([this] { busy_turn(); });
  while (!stopping_) turn(kTurnMs);
  Engine::set_busy_turn({});
}

void Server::turn(int timeout_ms) {
  poll(queued_.empty() ? timeout_ms : 0);
  execute_queued();
  send_replies();
  watch_clients();
  close_idle();
}

// Reads what is ready into the list of this turn.
void Server::poll(int timeout_ms) {
  std::array<epoll_event, 256> events;
  const int count = epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<size_t>(i)].data.fd;
    const uint32_t what = events[static_cast<size_t>(i)].events;
    if (fd == wake_.get()) {
      eventfd_t ignored = 0;
      eventfd_read(fd, &ignored);
    } else if (const auto at = connections_.find(fd); at == connections_.end()) {
      accept_all(fd);
    } else if (Connection& connection = *at->second; !connection.session().running_script) {
      if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        connection.read_some();
        ++reads_;
      }
      queue(connection);
    }
  }
}

// A script on this thread takes long and has left the gate for a moment, in the middle of execute_queued(): the others
// get what is allowed meanwhile. Nobody is closed here; the turn goes on with its list, which may have grown.
void Server::busy_turn() {
  poll(0);
  const Persistence* persistence = engine_.persistence();
  for (size_t i = 0; i < queued_.size(); ++i) {
    Connection& connection = *queued_[i];
    if (connection.dead && connection.session().replica) {
      const Engine::Hold hold(engine_);
      engine_.forget_replica(connection.session());
    }
    if (connection.session().running_script || connection.dead) continue;
    {
      const Engine::Hold hold(engine_);
      const Engine::Turn turn(engine_);
      connection.prepare(engine_, kCommandsPerHold);
      connection.execute(engine_, turn);
      connection.collect(engine_.state());
    }
    const bool durable =
        persistence == nullptr || !persistence->replies_wait() || connection.lsn() <= persistence->durable_lsn();
    if (durable && !connection.dead) watch_writes(connection, connection.write_some() == Connection::Io::again);
  }
}

void Server::accept_all(int listener) {
  Kind kind = Kind::unix_socket;
  if (listener != unix_.get()) {
    const std::lock_guard lock(listeners_mutex_);
    if (!tcp_.has(listener) && !tls_.has(listener)) return;
    kind = tls_.has(listener) ? Kind::tls : Kind::tcp;
  }
  for (int i = 0; i < 1000; ++i) {
    Fd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() < 0) {
      if (errno == EMFILE || errno == ENFILE) log::warn("a client was refused: no file descriptors are left", {});
      return;
    }
    admit(std::move(fd), kind);
  }
}

// Why a client is turned away; empty: it is welcome.
std::string_view Server::refusal(const std::string& address, Kind kind) const {
  const Settings& settings = engine_.state().settings;
  if (connections_.size() >= static_cast<size_t>(settings.maxclients)) return "-ERR max number of clients reached\r\n";
  if (kind == Kind::unix_socket || !settings.protected_mode || !settings.requirepass.empty() ||
      address.starts_with("127.") || address.starts_with("[::1]"))
    return {};
  return "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
         "default user: only connections from this machine are accepted.\r\n";
}

void Server::admit(Fd fd, Kind kind) {
  std::string address = options_.unix_socket + ":0";
  std::string local = address;
  const Engine::Hold hold(engine_);
  if (kind != Kind::unix_socket) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) return;
    address = address_of(peer);
    size = sizeof peer;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) local = address_of(peer);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    keep_alive(fd.get(), static_cast<int>(engine_.state().settings.tcp_keepalive));
  }
  std::shared_ptr<TlsContext> tls;
  if (kind == Kind::tls) {
    const std::lock_guard lock(listeners_mutex_);
    tls = tls_context_;
    if (tls == nullptr) return;
  }
  if (const std::string_view reason = refusal(address, kind); !reason.empty()) {
    ++engine_.state().stats.rejected_connections;
    if (tls == nullptr) ::send(fd.get(), reason.data(), reason.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  Session& session = engine_.open(this, std::move(address));
  session.unix_socket = kind == Kind::unix_socket;
  session.fd = fd.get();
  session.local_address = std::move(local);
  const int number = fd.get();
  auto connection = std::make_unique<Connection>(std::move(fd), session, tls.get());
  connection->recount(engine_.state());
  by_session_[&session] = connection.get();
  connections_[number] = std::move(connection);
  add_to(epoll_, number, EPOLLIN);
}

void Server::queue(Connection& connection) {
  if (connection.queued) return;
  connection.queued = true;
  queued_.push_back(&connection);
}

void Server::session_has_output(Session& session) {
  if (std::exchange(session.announced, true)) return;
  const std::lock_guard lock(notified_mutex_);
  notified_.push_back(&session);
  if (std::exchange(signalled_, true) || std::this_thread::get_id() == thread_.get_id()) return;
  eventfd_write(wake_.get(), 1);
}

SessionOwner::Debugging Server::next_debugger_command(Session& session, std::vector<std::string>& command) {
  const auto at = by_session_.find(&session);
  if (stopping_ || at == by_session_.end()) return Debugging::gone;
  {
    const Engine::Hold hold(engine_);
    at->second->collect(engine_.state());
  }
  return at->second->next_debugger_command(command);
}

// Under the gate.
void Server::take_notified() {
  std::vector<const Session*> sessions;
  {
    const std::lock_guard lock(notified_mutex_);
    sessions.swap(notified_);
    signalled_ = false;
  }
  for (const Session* session : sessions) {
    const auto at = by_session_.find(session);
    if (at == by_session_.end()) continue;
    at->second->session().announced = false;
    queue(*at->second);
  }
}

// One hold's work: what is ready of the next connections is parsed, and what it needs of memory is fetched, before the
// first of it runs. `next` is left at the connection that has more to do.
void Server::execute_some(size_t& next, const Engine::Turn& turn) {
  size_t last = next;
  for (size_t ready = 0; last < queued_.size() && ready < kCommandsPerHold; ++last) {
    if (!queued_[last]->dead) ready += queued_[last]->prepare(engine_, kCommandsPerHold - ready);
  }
  for (size_t i = next; i < last; ++i) queued_[i]->prefetch(engine_);
  for (; next < last && !turn.over(); ++next) {
    if (!queued_[next]->dead && queued_[next]->execute(engine_, turn)) return;
  }
}

void Server::execute_queued() {
  const int64_t now_ms = engine_.state().keyspace.clock().wall_ms();
  size_t next = 0;
  do {
    const Engine::Hold hold(engine_);
    add_statistics();
    persistence_ = engine_.persistence();
    const Engine::Turn turn(engine_);
    execute_some(next, turn);
    if (next < queued_.size()) continue;
    take_notified();  // what these commands did to other clients of this server
    for (Connection* connection : queued_) {
      Session& session = connection->session();
      connection->collect(engine_.state());
      connection->bound_output(engine_.state());
      connection->recount(engine_.state());
      if (!session.killed && exceeds_output_limit(engine_.state(), session, now_ms)) {
        log::warn("Client closed for overcoming of output buffer limits.",
                  {{"address", session.address}, {"unsent_bytes", session.unsent()}});
        session.killed = true;
      }
    }
    evict_clients();
    for (Connection* connection : queued_) connection->note_session(engine_.state());
    query_limit_ = static_cast<size_t>(engine_.state().settings.client_query_buffer_limit);
  } while (next < queued_.size());
}

// maxmemory-clients: the largest go until the rest fits.
void Server::evict_clients() {
  const Settings& settings = engine_.state().settings;
  int64_t limit = settings.maxmemory_clients;
  if (limit < 0) limit = -limit * settings.maxmemory / 100;
  if (limit <= 0) return;
  std::vector<std::pair<size_t, Connection*>> clients;
  int64_t total = 0;
  for (const auto& [fd, connection] : connections_) {
    const Session& session = connection->session();
    if (session.no_evict || session.killed) continue;
    clients.emplace_back(client_memory(session), connection.get());
    total += static_cast<int64_t>(clients.back().first);
  }
  if (total <= limit) return;
  std::ranges::sort(clients, std::greater<>{}, &std::pair<size_t, Connection*>::first);
  for (const auto& [memory, connection] : clients) {
    if (total <= limit) break;
    total -= static_cast<int64_t>(memory);
    log::info("Evicting client: maxmemory-clients is exceeded",
              {{"address", connection->session().address}, {"bytes", memory}});
    ++engine_.state().stats.evicted_clients;
    connection->session().killed = true;
    queue(*connection);
  }
}

void Server::send_replies() {
  if (queued_.empty()) return;
  std::vector<Connection*> turn;
  turn.swap(queued_);
  if (Persistence* const persistence = persistence_) {
    Lsn lsn = 0;
    for (Connection* connection : turn) {
      if (connection->unsent() > 0) lsn = std::max(lsn, connection->lsn());
    }
    // A failure shows in the next write's MISCONF; these replies tell of what is not on disk, so they are not sent.
    if (lsn > persistence->durable_lsn() && !persistence->end_turn(lsn) && persistence->replies_wait()) {
      for (Connection* connection : turn)
        connection->dead = connection->dead || connection->lsn() > persistence->durable_lsn();
    }
  }
  std::vector<Connection*> emptied;
  for (Connection* connection : turn) {
    connection->queued = false;
    if (!connection->dead && !connection->killed()) {
      const auto written = connection->write_some();
      watch_writes(*connection, written == Connection::Io::again);
      const uint64_t sent = connection->take_sent();
      sent_bytes_ += sent;
      writes_ += sent > 0 ? 1 : 0;
      if (sent > kNoticeable) emptied.push_back(connection);
    }
    if (connection->dead || connection->finished() || connection->killed() || connection->unread() > query_limit_) {
      std::erase(emptied, connection);
      close(*connection);
    } else if ((connection->has_command_waiting() && !connection->waits()) || connection->goes_on()) {
      queue(*connection);
    }
  }
  settle(emptied);
}

// What large replies took is free again at once, not only when the client comes back: others may need the room.
void Server::settle(const std::vector<Connection*>& connections) {
  if (connections.empty()) return;
  const Engine::Hold hold(engine_);
  for (Connection* connection : connections) connection->recount(engine_.state());
}

void Server::add_statistics() {
  Stats& stats = engine_.state().stats;
  stats.reads += std::exchange(reads_, 0);
  stats.writes += std::exchange(writes_, 0);
  stats.net_output_bytes += std::exchange(sent_bytes_, 0);
}

void Server::watch_writes(Connection& connection, bool on) {
  if (connection.listening_for_write == on) return;
  connection.listening_for_write = on;
  epoll_event event{.events = EPOLLIN | (on ? static_cast<uint32_t>(EPOLLOUT) : 0U), .data = {.fd = connection.fd()}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd(), &event);
}

void Server::close(Connection& connection) {
  by_session_.erase(&connection.session());
  {
    const Engine::Hold hold(engine_);
    connection.recount(engine_.state(), true);
    engine_.close(connection.session());
  }
  std::erase(queued_, &connection);
  connections_.erase(connection.fd());
}

// Ten times a second: soft limits run out without traffic, too, and reply buffers grow and shrink as Redis' do.
void Server::watch_clients() {
  constexpr int64_t kEveryUs = 100'000;
  const Clock& clock = engine_.state().keyspace.clock();
  if (clock.monotonic_us() < next_watch_us_) return;
  next_watch_us_ = clock.monotonic_us() + kEveryUs;
  const Engine::Hold hold(engine_);
  ServerState& state = engine_.state();
  if (state.cron_is_paused) return;
  const int64_t now_ms = clock.wall_ms();
  for (const auto& [fd, connection] : connections_) {
    Session& session = connection->session();
    connection->bound_output(state);
    if (exceeds_output_limit(state, session, now_ms)) {
      session.killed = true;
      queue(*connection);
    }
    if (state.reply_buffers_resize) resize_reply_buffer(state, session.buffers, now_ms);
    connection->recount(state);
  }
  evict_clients();
}

// Who does not finish a TLS handshake in time, and who says nothing for longer than `timeout`.
bool Server::is_idle(const Connection& connection, int64_t now_ms) const {
  const Session& session = connection.session();
  if (connection.in_handshake()) return session.connected_at_ms < now_ms - kHandshakeMs;
  const int64_t timeout_s = engine_.state().settings.timeout;
  return timeout_s > 0 && session.last_command_ms < now_ms - timeout_s * 1000 && !session.blocked &&
         !session.subscribed() && !session.replica;
}

void Server::close_idle() {
  const Clock& clock = engine_.state().keyspace.clock();
  if (clock.monotonic_us() < next_idle_check_us_) return;
  next_idle_check_us_ = clock.monotonic_us() + 1'000'000;
  const int64_t now_ms = clock.wall_ms();
  std::vector<Connection*> idle;
  {
    const Engine::Hold hold(engine_);
    for (const auto& [fd, connection] : connections_) {
      if (is_idle(*connection, now_ms)) idle.push_back(connection.get());
    }
  }
  for (Connection* connection : idle) close(*connection);
}

}  // namespace compozy::redis
