// SPDX-License-Identifier: Apache-2.0
#include "workflow/journal/turns.hpp"

#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::workflow {

io::Task<Result<std::vector<Turn>>> JournalTurns::read() {
  CO_TRY(const auto rows, co_await database_.read([run_no = run_no_, op = source_.op](sql::Reader& reader) {
    return store::read_turns(reader, run_no, op);
  }));
  std::vector<Turn> turns;
  for (const store::TurnRow& row : rows) {
    CO_TRY(json::Value body, json::parse(row.body, json::kStoredDepthMax));
    turns.push_back({.kind = row.kind, .body = std::move(body)});
  }
  next_ = static_cast<int64_t>(turns.size());
  co_return turns;
}

io::Task<Result<void>> JournalTurns::append(Turn turn, RunEvent event) {
  auto row = std::make_shared<store::EventRow>(store::EventRow{
      .n = 0, .at_ms = clock_.wall_ms(), .kind = std::move(event.kind), .body = json::print(event.body)});
  store::TurnRow stored{.kind = turn.kind, .body = {}};
  stored.body = store::print_lifting(turn.body, stored.large);
  row->stored = store::lift_printed(row->body, event.body, stored.large);
  const int64_t n = next_++;
  alive_();
  CO_TRY(co_await database_.write(
      [row, n, run_no = run_no_, op = source_.op, stored = std::move(stored)](sql::Transaction& transaction) {
        return store::append_turn(transaction, run_no, op, n, stored, *row);
      }));
  host_.publish(run_id_, *row);
  co_return {};
}

}  // namespace compozy::workflow
