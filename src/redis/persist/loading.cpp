// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/loading.hpp"

#include <poll.h>

#include "observe/log.hpp"

namespace compozy::redis {

Loading::Loading(Engine& engine, std::function<bool()> should_stop, Clients clients)
    : engine_(engine),
      should_stop_(std::move(should_stop)),
      started_us_(engine.state().keyspace.clock().monotonic_us()) {
  const Engine::Hold hold(engine_);
  (clients == Clients::wait ? engine_.state().loading : engine_.state().loading_aside) = true;
  engine_.state().loading_progress = {.started_s = engine_.state().keyspace.clock().wall_ms() / 1000};
}

Loading::~Loading() {
  const Engine::Hold hold(engine_);
  engine_.state().loading = false;
  engine_.state().loading_aside = false;
}

double Loading::seconds() const {
  return static_cast<double>(engine_.state().keyspace.clock().monotonic_us() - started_us_) / 1e6;
}

Result<void> Loading::pause(std::optional<Engine::Hold>& hold, uint64_t position) {
  ServerState& state = engine_.state();
  const uint64_t loaded = before_ + position;
  owed_us_ += state.settings.key_load_delay;
  const auto interval = static_cast<uint64_t>(state.settings.loading_process_events_interval_bytes);
  if (loaded - paused_at_ < interval && owed_us_ < 1000) return {};
  paused_at_ = loaded;
  state.loading_progress.loaded_bytes = loaded;
  const auto wait_ms = static_cast<int>(std::exchange(owed_us_, 0) / 1000);
  hold.reset();
  if (wait_ms > 0) ::poll(nullptr, 0, wait_ms);
  const bool stop = should_stop_();
  hold.emplace(engine_);
  state.keyspace.begin_unit();
  if (stop) return fail(Errc::cancelled, "the server was told to end while it was loading its data");
  return {};
}

Result<RdbLoaded> load_rdb_and_tell(std::string_view bytes, Keyspace& space, RdbLoading how) {
  constexpr int kTold = 10;
  how.empty = [told = 0](std::string_view key) mutable {
    if (told++ < kTold) log::warn("rdbLoadObject skipping empty key: " + std::string(key), {});
  };
  TRY(RdbLoaded loaded, load_rdb(bytes, space, std::move(how)));
  const std::string text = "Done loading RDB, keys loaded: " + std::to_string(loaded.keys) +
                           ", keys expired: " + std::to_string(loaded.expired);
  if (loaded.empty > 0) {
    log::warn(text + ", empty keys skipped: " + std::to_string(loaded.empty) + ".", {});
  } else {
    log::info(text + ".", {});
  }
  return loaded;
}

}  // namespace compozy::redis
