// SPDX-License-Identifier: Apache-2.0
//
// Large values: a JSON value of more than kInlineMax bytes is stored once, by its content, in the table `blobs`; the
// columns that hold it have null in its place and begin with a line that says what stands where:
//
//   @[[["items",0,"outcome","output"],"<sha-256>"]]
//   {"at":1763…,"items":[{"kind":4,"outcome":{"output":null, …
//
// A column that begins otherwise is plain JSON. So an answer of 5 MB that a record, a task, an event and three runs
// hold is stored once, and a page of events does not drag it along before it is asked for. Which run uses which blob is
// in `blob_uses`; the last one that goes takes the blob with it (retention.hpp).
//
// Pure but for the two functions that are given a transaction or a reader. Thread: that of the database's work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"
#include "sql/statement.hpp"

namespace compozy::store {

inline constexpr size_t kInlineMax = 65'536;

struct LargeValue {
  std::string hash;
  std::string text;  // JSON
};

// The value as a column holds it; what was taken out is added to `large`.
std::string print_lifting(const json::Value& value, std::vector<LargeValue>& large);

// The same for a value that has been printed as `text` already; empty where a column holds that text.
std::string lift_printed(const std::string& text, const json::Value& value, std::vector<LargeValue>& large);

Result<void> write_large(sql::Transaction& transaction, int64_t run_no, std::span<const LargeValue> large,
                         int64_t at_ms);

// Puts back what was taken out of columns that have been read. Errc::corrupt_data when a blob is missing.
Result<void> make_whole(sql::Reader& reader, std::initializer_list<std::string*> columns);

}  // namespace compozy::store
