// SPDX-License-Identifier: Apache-2.0
//
// ReplicationStream: what replicas get, in command form, kept once for all of them. Each replica has its own place in
// it and takes from there; what all have taken stays as the backlog, so that one whose connection broke can go on where
// it was. Places are offsets as Redis counts them: how many bytes there were before.
//
// The oldest blocks go once the backlog holds `backlog_bytes` without them and no replica needs them.
// Thread: whoever holds the gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace compozy::redis {

class ReplicationStream {
 public:
  void append(std::string_view bytes, size_t backlog_bytes);
  // Appends to `out` what follows `offset`, at most `limit` bytes; how many those are.
  size_t read(uint64_t offset, size_t limit, std::string& out) const;
  // Frees what neither the backlog nor a reader at `needed` or later has use for.
  void trim(uint64_t needed, size_t backlog_bytes);
  void restart(uint64_t offset);  // empty, and what comes next follows `offset`

  uint64_t begin() const { return blocks_.empty() ? end_ : blocks_.front().start; }
  uint64_t end() const { return end_; }
  bool holds(uint64_t offset) const { return offset >= begin() && offset <= end_; }
  size_t memory() const { return memory_; }

 private:
  struct Block {
    uint64_t start;
    std::string bytes;
  };

  std::deque<Block> blocks_;
  uint64_t end_ = 0;
  size_t memory_ = 0;  // of the blocks, as allocated
};

}  // namespace compozy::redis
