// SPDX-License-Identifier: Apache-2.0
#include "app/redis_side.hpp"

#include <fcntl.h>

#include <cerrno>

#include "app/redis_url.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "io/file.hpp"
#include "json/print.hpp"
#include "observe/log.hpp"
#include "redis/embedded/embedded_client.hpp"
#include "redis/embedded/maintenance.hpp"
#include "redis/persist/append_log.hpp"
#include "redis/remote/remote_client.hpp"
#include "redis/server/server.hpp"

namespace compozy::app {

namespace {

// The engine inside this process. Members end in reverse: clients, then sockets, then the log, then the engine.
class Embedded final : public RedisSide {
 public:
  explicit Embedded(io::Loop& loop, redis::Settings settings)
      : RedisSide(loop),
        engine_({.clock = system_clock(), .random = system_random(), .settings = std::move(settings)}) {}

  Result<void> open(const config::Config& config, const std::string& data_dir) {
    if (config.boolean("redis.standalone.persistence.enabled")) {
      const std::string& set = config.text("redis.standalone.persistence.data_dir");
      const std::string directory = set.empty() ? data_dir + "/redis" : set;
      TRY(io::make_directories(directory, kOwnerOnly));
      TRY(log_, redis::AppendLog::open(engine_, {.directory = directory}));
    }
    maintenance_ = std::make_unique<redis::Maintenance>(engine_);
    client_ = std::make_unique<redis::EmbeddedClient>(engine_);
    socket_ = data_dir + "/redis.sock";
    TRY(const std::string place, socket_place(data_dir));
    redis::Server::Options options{.unix_socket = place};
    if (const int64_t port = config.integer("redis.standalone.port"); port != 0)
      options.tcp_port = static_cast<uint16_t>(port);
    TRY(server_, redis::Server::start(engine_, std::move(options)));
    return {};
  }

  redis::Client& client() override { return *client_; }
  std::string address() const override {
    return directory_.valid() ? "redis-cli -s redis.sock, in the data directory" : "redis-cli -s " + socket_;
  }
  io::Task<void> stop() override {
    server_.reset();
    co_return;
  }

 private:
  static constexpr mode_t kOwnerOnly = 0700;

  // The path of a unix socket has at most 107 bytes (unix(7)); a longer one is reached through the open directory.
  Result<std::string> socket_place(const std::string& data_dir) {
    constexpr size_t kPathMax = 107;
    if (socket_.size() <= kPathMax) return socket_;
    directory_ = io::Fd(::open(data_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory_.valid()) return fail(system_error("open directory", data_dir, errno));
    return "/proc/self/fd/" + std::to_string(directory_.get()) + "/redis.sock";
  }

  io::Fd directory_;  // of the socket, where its path is too long
  redis::Engine engine_;
  std::unique_ptr<redis::AppendLog> log_;
  std::unique_ptr<redis::Maintenance> maintenance_;
  std::unique_ptr<redis::EmbeddedClient> client_;
  std::unique_ptr<redis::Server> server_;
  std::string socket_;
};

// A server elsewhere.
class Remote final : public RedisSide {
 public:
  explicit Remote(io::Loop& loop) : RedisSide(loop) {}

  Result<void> open(const config::Config& config) {
    redis::RemoteOptions options;
    if (config.is_set("redis.url")) {
      TRY(options, parse_redis_url(config.text("redis.url")));
    } else {
      options.host = config.text("redis.host");
      options.port = static_cast<uint16_t>(config.integer("redis.port"));
      options.password = config.text("redis.password");
      options.database = static_cast<size_t>(config.integer("redis.db"));
      if (config.is_set("redis.username")) options.user = config.text("redis.username");
    }
    address_ = options.address();
    client_ = std::make_unique<redis::RemoteClient>(loop_, std::move(options));
    const auto reply = io::run_until(loop_, client_->command({"PING"}, redis::Durability::applied));
    if (reply && !reply->is_error()) return {};
    const std::string reason = reply ? reply->text : reply.error().to_string();
    return fail(Errc::unavailable, "redis.mode is 'distributed', and Redis at " + address_ + " does not serve: " +
                                       reason + "; start it, correct redis.url, or set `redis: {mode: standalone}`");
  }

  redis::Client& client() override { return *client_; }
  std::string address() const override { return address_; }
  io::Task<void> stop() override {
    client_.reset();
    co_return;
  }

 private:
  std::unique_ptr<redis::RemoteClient> client_;
  std::string address_;
};

}  // namespace

Result<std::unique_ptr<RedisSide>> RedisSide::open(const config::Config& config, config::Mode mode,
                                                   const std::string& data_dir, io::Loop& loop) {
  if (mode == config::Mode::distributed) {
    auto remote = std::make_unique<Remote>(loop);
    TRY(remote->open(config));
    return remote;
  }
  redis::Settings settings;
  settings.appendonly = config.boolean("redis.standalone.persistence.enabled");
  settings.appendfsync = config.text("redis.standalone.persistence.fsync");
  settings.maxmemory = config.integer("redis.standalone.max_memory");
  settings.maxmemory_policy = config.text("redis.standalone.max_memory_policy");
  auto embedded = std::make_unique<Embedded>(loop, std::move(settings));
  TRY(embedded->open(config, data_dir));
  return embedded;
}

void RedisSide::publish(const std::string& channel, const std::string& kind, const std::string& body) {
  std::string message = "{\"event\":" + json::quote(kind) + ",\"data\":" + body + "}";
  io::spawn(loop_, [](redis::Client& to, std::string where, std::string what) -> io::Task<void> {
    (void)co_await to.command({"PUBLISH", std::move(where), std::move(what)}, redis::Durability::applied);
  }(client(), channel, std::move(message)));
}

}  // namespace compozy::app
