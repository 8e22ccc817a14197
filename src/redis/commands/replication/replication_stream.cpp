// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/replication/replication_stream.hpp"

#include <algorithm>
#include <utility>

namespace compozy::redis {

namespace {

constexpr size_t kBlockBytes = 16384;

}  // namespace

void ReplicationStream::append(std::string_view bytes, size_t backlog_bytes) {
  // A block is small beside the backlog, so that what is trimmed is, too.
  const size_t largest = std::max(backlog_bytes / 16, kBlockBytes);
  while (!bytes.empty()) {
    if (blocks_.empty() || blocks_.back().bytes.size() == blocks_.back().bytes.capacity()) {
      blocks_.push_back({.start = end_, .bytes = {}});
      blocks_.back().bytes.reserve(std::clamp(bytes.size(), kBlockBytes, largest));
      memory_ += blocks_.back().bytes.capacity();
    }
    std::string& last = blocks_.back().bytes;
    const size_t part = std::min(bytes.size(), last.capacity() - last.size());
    last.append(bytes.substr(0, part));
    bytes.remove_prefix(part);
    end_ += part;
  }
}

size_t ReplicationStream::read(uint64_t offset, size_t limit, std::string& out) const {
  auto at = std::ranges::upper_bound(blocks_, offset, {}, &Block::start);
  if (at == blocks_.begin()) return 0;
  size_t done = 0;
  for (--at; at != blocks_.end() && done < limit; ++at) {
    const size_t skipped = offset + done - at->start;
    const std::string_view part = std::string_view(at->bytes).substr(std::min(skipped, at->bytes.size()));
    const size_t size = std::min(part.size(), limit - done);
    out.append(part.substr(0, size));
    done += size;
  }
  return done;
}

void ReplicationStream::trim(uint64_t needed, size_t backlog_bytes) {
  while (blocks_.size() > 1) {
    const Block& next = blocks_[1];
    if (next.start > needed || end_ - next.start < backlog_bytes) return;
    memory_ -= blocks_.front().bytes.capacity();
    blocks_.pop_front();
  }
}

void ReplicationStream::restart(uint64_t offset) {
  blocks_.clear();
  memory_ = 0;
  end_ = offset;
}

}  // namespace compozy::redis
