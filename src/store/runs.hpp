// SPDX-License-Identifier: Apache-2.0
//
// Runs as people look at them: one, a page of many, their tasks, their events. Reads only; run_log.hpp writes.
//
// Pages go by key, newest first: pass the last `run_no` seen as `before`. JSON columns come as text, empty where NULL.
// Limits: kPageMax rows a page, kFiltersMax attributes in one query.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sql/database.hpp"
#include "store/run_log.hpp"

namespace compozy::store {

inline constexpr int64_t kPageMax = 500;
inline constexpr size_t kFiltersMax = 4;

struct Run {
  int64_t run_no = 0;
  std::string run_id, workflow, status, definition, input, output, error, usage;
  int64_t started_ms = 0;
  int64_t updated_ms = 0;
  int64_t ended_ms = 0;  // 0 = open
  int64_t last_event = 0;
  std::vector<Attribute> attributes = {};
};

// An attribute that has this value, or a number within bounds.
struct AttributeFilter {
  std::string name;
  std::string equals;  // as written; empty where a bound is given
  std::optional<double> at_least, at_most;
};

struct RunQuery {
  std::string workflow;  // empty = all
  std::string status;    // empty = all
  int64_t since_ms = 0;  // started then or later; 0 = all
  int64_t until_ms = 0;  // started before; 0 = all
  std::vector<AttributeFilter> attributes = {};
  int64_t before = 0;  // run_no; 0 = from the newest
  int64_t limit = 50;
};

class Runs {
 public:
  explicit Runs(sql::Database& database) : database_(database) {}

  io::Task<Result<Run>> get(std::string run_id);            // not_found
  io::Task<Result<std::vector<Run>>> list(RunQuery query);  // input and output left out
  io::Task<Result<std::vector<TaskRow>>> tasks(std::string run_id);
  // At least one where there is one; no further ones once their bodies hold bytes_max.
  io::Task<Result<std::vector<EventRow>>> events(std::string run_id, int64_t after, int64_t limit,
                                                 size_t bytes_max = SIZE_MAX);

 private:
  sql::Database& database_;
};

}  // namespace compozy::store
