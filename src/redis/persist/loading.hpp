// SPDX-License-Identifier: Apache-2.0
//
// Loading: reading data while clients are served already: they get -LOADING, but for the commands that may run
// meanwhile; or they go on with the data that there is, when what is read will replace it at one moment. Whoever reads
// calls pause() between keys and between parts of a log; it gives the gate away for a moment every
// `loading-process-events-interval-bytes`, notes how far it is for INFO, and says when the process shall end.
//
//   Loading loading(engine, [] { return stop_requested(); });   // state.loading is true from here on
//   TRY(dump.load(&loading));
//
// Owner: app. Thread: the one that loads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.hpp"
#include "redis/engine/engine.hpp"
#include "redis/rdb/rdb_file.hpp"

namespace compozy::redis {

class Loading {
 public:
  enum class Clients : uint8_t { wait, go_on };
  Loading(Engine& engine, std::function<bool()> should_stop, Clients clients = Clients::wait);
  ~Loading();
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;

  // So many bytes will be read altogether. Under the gate.
  void expect(uint64_t bytes) { engine_.state().loading_progress.total_bytes += bytes; }
  // `hold` is the caller's; at `position` of the file that is being read. Errc::cancelled: the process shall end.
  Result<void> pause(std::optional<Engine::Hold>& hold, uint64_t position);
  // What was read counts from here on: another file follows.
  void next_file(uint64_t bytes) { before_ += bytes; }
  double seconds() const;  // since the beginning

 private:
  Engine& engine_;
  std::function<bool()> should_stop_;
  int64_t started_us_;
  uint64_t before_ = 0;  // bytes of the files that are through
  uint64_t paused_at_ = 0;
  int64_t owed_us_ = 0;  // of key-load-delay, which makes tests possible
};

// load_rdb(), and what Redis' log says of it.
Result<RdbLoaded> load_rdb_and_tell(std::string_view bytes, Keyspace& space, RdbLoading how);

}  // namespace compozy::redis
