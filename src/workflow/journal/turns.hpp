// SPDX-License-Identifier: Apache-2.0
//
// JournalTurns: the turns of one activity, as rows. Each append is one grouped commit, with the event that shows it.
// Owner: the attempt. Thread: the loop.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "sql/database.hpp"
#include "workflow/journal/attempts.hpp"
#include "workflow/run/activities.hpp"

namespace compozy::workflow {

class JournalTurns final : public TurnLog {
 public:
  JournalTurns(sql::Database& database, AttemptHost& host, int64_t run_no, std::string run_id, TextSource source,
               const Clock& clock, std::function<void()> alive, std::stop_token cancelled)
      : database_(database),
        host_(host),
        run_no_(run_no),
        run_id_(std::move(run_id)),
        source_(std::move(source)),
        clock_(clock),
        alive_(std::move(alive)),
        cancelled_(std::move(cancelled)) {}

  io::Task<Result<std::vector<Turn>>> read() override;
  io::Task<Result<void>> append(Turn turn, RunEvent event) override;
  void delta(std::string text) override {
    if (cancelled_.stop_requested()) return;  // its text has ended
    alive_();
    host_.publish_delta(run_id_, source_, text);
  }

 private:
  sql::Database& database_;
  AttemptHost& host_;
  int64_t run_no_;
  std::string run_id_;
  TextSource source_;
  const Clock& clock_;
  std::function<void()> alive_;  // never empty
  std::stop_token cancelled_;
  int64_t next_ = 0;  // known once read() has been called
};

}  // namespace compozy::workflow
