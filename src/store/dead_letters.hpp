// SPDX-License-Identifier: Apache-2.0
//
// DeadLetters: what was sent to us and could not be used, so that it can be looked at and sent again. The newest
// kDeadLettersMax are kept. Owner: app. Thread: any loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"
#include "sql/database.hpp"

namespace compozy::store {

inline constexpr int64_t kDeadLettersMax = 10'000;

struct DeadLetter {
  int64_t n = 0;
  int64_t at_ms = 0;
  std::string source;  // "webhook/SLUG" or "event/NAME"
  std::string reason;
  std::string body;  // as it came
};

class DeadLetters {
 public:
  explicit DeadLetters(sql::Database& database) : database_(database) {}

  io::Task<Result<void>> add(DeadLetter letter);
  io::Task<Result<std::vector<DeadLetter>>> list(int64_t before,
                                                 int64_t limit);  // newest first; before = 0: from there

 private:
  sql::Database& database_;
};

}  // namespace compozy::store
