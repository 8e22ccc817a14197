// SPDX-License-Identifier: Apache-2.0
#include "store/dead_letters.hpp"

#include <utility>

namespace compozy::store {

io::Task<Result<void>> DeadLetters::add(DeadLetter letter) {
  co_return co_await database_.write([letter = std::move(letter)](sql::Transaction& transaction) -> Result<void> {
    TRY(transaction.execute("INSERT INTO dead_letters (at, source, reason, body) VALUES (?1, ?2, ?3, ?4)", letter.at_ms,
                            letter.source, letter.reason, letter.body));
    TRY(transaction.execute("DELETE FROM dead_letters WHERE n <= ?1", transaction.last_insert_id() - kDeadLettersMax));
    return {};
  });
}

io::Task<Result<std::vector<DeadLetter>>> DeadLetters::list(int64_t before, int64_t limit) {
  co_return co_await database_.read([before, limit](sql::Reader& reader) -> Result<std::vector<DeadLetter>> {
    TRY(auto rows, reader.query("SELECT n, at, source, reason, body FROM dead_letters WHERE ?1 = 0 OR n < ?1 "
                                "ORDER BY n DESC LIMIT ?2",
                                before, limit));
    return sql::collect(std::move(rows), [](const sql::Rows& row) {
      return DeadLetter{.n = row.integer(0),
                        .at_ms = row.integer(1),
                        .source = row.string(2),
                        .reason = row.string(3),
                        .body = row.string(4)};
    });
  });
}

}  // namespace compozy::store
