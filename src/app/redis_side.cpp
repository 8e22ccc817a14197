// SPDX-License-Identifier: Apache-2.0
#include "app/redis_side.hpp"

#include "base/clock.hpp"
#include "base/random.hpp"
#include "io/file.hpp"
#include "json/print.hpp"
#include "observe/log.hpp"
#include "redis/embedded/embedded_client.hpp"
#include "redis/embedded/maintenance.hpp"
#include "redis/persist/append_log.hpp"

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
    return {};
  }

  redis::Client& client() override { return *client_; }
  std::string address() const override { return "inside this process"; }
  io::Task<void> stop() override { co_return; }

 private:
  static constexpr mode_t kOwnerOnly = 0700;

  redis::Engine engine_;
  std::unique_ptr<redis::AppendLog> log_;
  std::unique_ptr<redis::Maintenance> maintenance_;
  std::unique_ptr<redis::EmbeddedClient> client_;
};

}  // namespace

Result<std::unique_ptr<RedisSide>> RedisSide::open(const config::Config& config, config::Mode mode,
                                                   const std::string& data_dir, io::Loop& loop) {
  if (mode == config::Mode::distributed) {
    return fail(Errc::unavailable, "redis.mode is 'distributed'");
  }
  redis::Settings settings;
  settings.appendonly = config.boolean("redis.standalone.persistence.enabled");
  settings.appendfsync = config.text("redis.standalone.persistence.fsync");
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
