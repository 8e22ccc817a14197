// SPDX-License-Identifier: Apache-2.0
#include "sql/sqlite/log_damage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "io/file.hpp"

namespace compozy::sql {

namespace {

constexpr size_t kHeaderBytes = 32;
constexpr size_t kFrameHeadBytes = 24;
constexpr uint32_t kMagic = 0x377F0682;  // the lowest bit: words are summed as big-endian
constexpr size_t kIndexIsReadyAt = 12;   // isInit of the index
constexpr size_t kTakenAt = 16;          // mxFrame of the index, in the machine's own order
constexpr size_t kIndexSaltsAt = 32;     // the salts of the log that the index describes
constexpr size_t kSaltsAt = 16;          // of the log's header
constexpr size_t kSaltsBytes = 8;
constexpr uint64_t kCrashLeaves = 1;  // commits that were under way

using Header = std::array<unsigned char, kHeaderBytes>;

uint32_t word(const unsigned char* bytes, bool big_endian = true) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8U | bytes[big_endian ? i : 3 - i];
  return value;
}

io::Fd open_file(const std::string& path) { return io::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

template <size_t kSize>
bool read_at(const io::Fd& file, std::array<unsigned char, kSize>& bytes, off_t at) {
  return ::pread(file.get(), bytes.data(), kSize, at) == static_cast<ssize_t>(kSize);
}

bool is_valid(const Header& header) {
  const uint32_t magic = word(header.data());
  if ((magic & ~1U) != kMagic) return false;
  uint32_t sum1 = 0;
  uint32_t sum2 = 0;
  for (size_t i = 0; i < 24; i += 8) {
    sum1 += word(header.data() + i, (magic & 1U) != 0) + sum2;
    sum2 += word(header.data() + i + 4, (magic & 1U) != 0) + sum1;
  }
  return sum1 == word(header.data() + 24) && sum2 == word(header.data() + 28);
}

Failure damaged(const std::string& log, const std::string& what) {
  return fail(Errc::corrupt_data, "'" + log + "' is damaged: " + what +
                                      "; restore it and its database from a backup, or move it away to go on without "
                                      "what it holds");
}

// How many frames SQLite took of the log with this header; nothing where no index says so.
std::optional<uint32_t> frames_taken(const std::string& database_path, const Header& header) {
  const io::Fd index = open_file(database_path + "-shm");
  std::array<unsigned char, kIndexSaltsAt + kSaltsBytes> bytes{};
  if (!index.valid() || !read_at(index, bytes, 0) || bytes[kIndexIsReadyAt] == 0) return std::nullopt;
  if (std::memcmp(bytes.data() + kIndexSaltsAt, header.data() + kSaltsAt, kSaltsBytes) != 0) return std::nullopt;
  uint32_t frames = 0;
  std::memcpy(&frames, bytes.data() + kTakenAt, sizeof(frames));
  return frames;
}

}  // namespace

Result<void> check_log_header(const std::string& database_path) {
  const std::string path = database_path + "-wal";
  const io::Fd log = open_file(path);
  Header header{};
  if (!log.valid() || !read_at(log, header, 0)) return {};
  // Nothing but zeros: a crash before the first frame.
  if (is_valid(header) || std::ranges::all_of(header, [](unsigned char byte) { return byte == 0; })) return {};
  return damaged(path, "its header fails its check");
}

Result<void> check_log_tail(const std::string& database_path) {
  const std::string path = database_path + "-wal";
  const io::Fd log = open_file(path);
  Header header{};
  if (!log.valid() || !read_at(log, header, 0) || !is_valid(header)) return {};
  const off_t frame_bytes = static_cast<off_t>(kFrameHeadBytes + word(header.data() + 8));
  const std::optional<uint32_t> taken = frames_taken(database_path, header);
  if (!taken) return {};
  uint64_t commits = 0;
  std::array<unsigned char, kFrameHeadBytes> frame{};
  for (off_t at = kHeaderBytes + static_cast<off_t>(*taken) * frame_bytes; read_at(log, frame, at); at += frame_bytes) {
    const bool of_this_log = std::memcmp(frame.data() + 8, header.data() + kSaltsAt, kSaltsBytes) == 0;
    if (of_this_log && word(frame.data() + 4) != 0) ++commits;
  }
  if (commits <= kCrashLeaves || frames_taken(database_path, header) != taken) return {};  // or another program writes
  return damaged(path,
                 std::to_string(commits) + " commits behind frame " + std::to_string(*taken) + " cannot be reached");
}

}  // namespace compozy::sql
