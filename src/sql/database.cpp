// SPDX-License-Identifier: Apache-2.0
#include "sql/database.hpp"

#include <future>

#include "io/completion.hpp"

namespace compozy::sql {

io::Task<Result<void>> Database::write(Work work) {
  const io::Completion<Result<void>> stored;
  write(std::move(work), [stored](Result<void> outcome) { stored.set(std::move(outcome)); });
  // A commit cannot be taken back, so this wait has no stop.
  co_return co_await stored.wait();
}

Result<void> Database::write_blocking(Work work) {
  std::promise<Result<void>> stored;
  auto outcome = stored.get_future();
  write(std::move(work),
        [stored = std::move(stored)](Result<void> result) mutable { stored.set_value(std::move(result)); });
  return outcome.get();
}

}  // namespace compozy::sql
