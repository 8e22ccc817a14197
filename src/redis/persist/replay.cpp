// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/replay.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "redis/rdb/rdb_file.hpp"
#include "redis/resp/request_parser.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kPart = 1024UL * 1024;

class Reader {
 public:
  Reader(Engine& engine, Session& session, const std::string& path, ReplayOptions options)
      : engine_(engine), session_(session), path_(path), options_(options) {}
  ~Reader() {
    if (fd_ >= 0) ::close(fd_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Replayed> run() {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) {
      const int reason = errno;
      return fail(Errc::io_error,
                  "Can't open the append-only file " + path_ + " for reading: " + std::strerror(reason));
    }
    struct stat status{};
    if (::fstat(fd_, &status) != 0) return fail(system_error("stat", path_, errno));
    result_.file_bytes = static_cast<uint64_t>(status.st_size);
    if (options_.loading != nullptr) {
      const Engine::Hold hold(engine_);
      options_.loading->expect(result_.file_bytes);
    }
    while (true) {
      const size_t before = buffer_.size();
      buffer_.resize(before + kPart);
      const ssize_t size = ::read(fd_, buffer_.data() + before, kPart);
      if (size < 0) return fail(system_error("read", path_, errno));
      buffer_.resize(before + static_cast<size_t>(size));
      if (size == 0) return result_;
      if (offset_ == 0 && buffer_.starts_with("REDIS")) {
        if (buffer_.size() < result_.file_bytes) continue;  // An RDB base is read as a whole.
        TRY(load_base());
      }
      TRY(run_commands());
    }
  }

 private:
  Failure corrupt(std::string_view what) const {
    return fail(Errc::corrupt_data, "Bad file format reading the append only file " + path_ +
                                        ": it is corrupt at byte " + std::to_string(offset_) + ": " +
                                        shorten(what, 200) +
                                        "; restore it from a backup, or cut it with redis-check-aof --fix");
  }

  Failure refused(const std::string& error) const {
    if (!error.starts_with("ERR unknown command")) return corrupt(error);
    return fail(Errc::corrupt_data, "Unknown command '" + std::string(parser_.args()[0].substr(0, 128)) +
                                        "' reading the append only file " + path_ + " at byte " +
                                        std::to_string(offset_));
  }

  // A log may begin with an RDB file; expired keys are kept, for the log says when they go.
  Result<void> load_base() {
    std::optional<Engine::Hold> hold;
    if (!options_.held) hold.emplace(engine_);
    ServerState& state = engine_.state();
    state.keyspace.begin_unit();
    RdbLoading how{.keep_expired = true};
    if (options_.loading != nullptr)
      how.between_keys = [&](size_t position) { return options_.loading->pause(hold, position); };
    auto loaded_base = load_rdb_and_tell(buffer_, state.keyspace, std::move(how));
    if (!loaded_base) return fail(std::move(loaded_base).error().with_context(path_));
    const RdbLoaded loaded = std::move(*loaded_base);
    if (!loaded.libraries.empty()) {
      TRY(state.scripts->restore_libraries(loaded.libraries, RestorePolicy::replace));
    }
    buffer_.erase(0, loaded.end);
    advance(loaded.end);
    result_.commands += loaded.keys;
    return {};
  }

  Result<void> run_commands() {
    std::optional<Engine::Hold> hold;
    if (!options_.held) hold.emplace(engine_);
    std::string_view left = buffer_;
    while (!left.empty()) {
      if (options_.loading != nullptr && !session_.in_multi) TRY(options_.loading->pause(hold, offset_));
      if (left[0] == '#') {  // an annotation such as "#TS:1700000000"
        const size_t end = left.find("\r\n");
        if (end == std::string_view::npos) break;
        left.remove_prefix(end + 2);
        advance(end + 2);
        continue;
      }
      if (left[0] != '*') return corrupt("expected '*', got '" + std::string(left.substr(0, 1)) + "'");
      const auto status = parser_.parse(left);
      if (status == RequestParser::Status::error) return corrupt(parser_.error());
      if (status == RequestParser::Status::need_more) break;
      if (!parser_.args().empty()) {
        std::string error;
        if (!engine_.replay(session_, parser_.args(), error)) return refused(error);
        ++result_.commands;
      }
      left.remove_prefix(parser_.consumed());
      advance(parser_.consumed());
    }
    buffer_.erase(0, buffer_.size() - left.size());
    return {};
  }

  void advance(size_t bytes) {
    offset_ += bytes;
    if (!session_.in_multi) result_.good_bytes = offset_;
  }

  Engine& engine_;
  Session& session_;
  const std::string& path_;
  ReplayOptions options_;
  int fd_ = -1;
  std::string buffer_;
  uint64_t offset_ = 0;
  RequestParser parser_;
  Replayed result_;
};

}  // namespace

Result<Replayed> replay_file(Engine& engine, Session& session, const std::string& path, ReplayOptions options) {
  Reader reader(engine, session, path, options);
  TRY(Replayed replayed, reader.run());
  if (options.loading != nullptr) options.loading->next_file(replayed.file_bytes);
  std::optional<Engine::Hold> hold;
  if (!options.held) hold.emplace(engine);
  session.discard_transaction(engine.state().keyspace);
  return replayed;
}

}  // namespace compozy::redis
