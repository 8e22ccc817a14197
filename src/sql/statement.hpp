// SPDX-License-Identifier: Apache-2.0
//
// Statements: SQL with values bound by position (?1, ?2, …), prepared once per connection and text.
//
//   TRY(auto rows, reader.query("SELECT run_id, status FROM runs WHERE run_no < ?1 LIMIT ?2", before, limit));
//   while (true) {
//     TRY(const bool more, rows.next());
//     if (!more) break;
//     use(rows.text(0), rows.text(1));
//   }
//   TRY(const int64_t changed, transaction.execute("DELETE FROM timers WHERE run_no = ?1", run_no));
//
// SQL text is a constant of ours; what a user gave is always bound, never pasted in.
// Thread: the one that runs the work which was given the Reader. Nothing here outlives that work.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace compozy::sql {

// Bytes that are to be stored as BLOB rather than TEXT.
struct Blob {
  BytesView bytes;
};

// A value to bind; text and blobs are borrowed until the statement is done.
class Bind {
 public:
  using Value = std::variant<std::nullptr_t, int64_t, double, std::string_view, Blob>;

  Bind(std::nullptr_t) {}
  Bind(std::nullopt_t) {}
  template <std::integral T>
  Bind(T value) : value_(static_cast<int64_t>(value)) {}
  Bind(double value) : value_(value) {}
  Bind(std::string_view value) : value_(value) {}
  Bind(const char* value) : value_(std::string_view(value)) {}
  Bind(const std::string& value) : value_(std::string_view(value)) {}
  Bind(Blob value) : value_(value) {}
  template <class T>
  Bind(const std::optional<T>& value) {
    if (value) value_ = Bind(*value).value();
  }
  const Value& value() const { return value_; }

 private:
  Value value_ = nullptr;
};

// What a backend implements: one prepared statement that is running.
class Statement {
 public:
  virtual Result<bool> step() = 0;  // true while there is a row
  virtual bool is_null(int column) const = 0;
  virtual int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
  virtual void release() = 0;  // back to the cache

 protected:
  ~Statement() = default;
};

// The rows of a query. Columns count from 0; views live until the next next().
class Rows {
 public:
  explicit Rows(Statement* statement) : statement_(statement) {}
  Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Rows& operator=(Rows&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }
  ~Rows() {
    if (statement_ != nullptr) statement_->release();
  }

  Result<bool> next() { return statement_->step(); }
  bool is_null(int column) const { return statement_->is_null(column); }
  int64_t integer(int column) const { return statement_->integer(column); }
  double real(int column) const { return statement_->real(column); }
  std::string_view text(int column) const { return statement_->text(column); }
  BytesView blob(int column) const { return statement_->text(column); }
  std::string string(int column) const { return std::string(text(column)); }
  std::optional<int64_t> optional_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }
  std::optional<std::string> optional_string(int column) const {
    return is_null(column) ? std::nullopt : std::optional(string(column));
  }

 private:
  Statement* statement_;
};

// What `read` makes of each row, in their order:
//   return collect(std::move(rows), [](const Rows& row) { return DueTimer{.run_no = row.integer(0), …}; });
template <class Read>
auto collect(Rows rows, Read read) -> Result<std::vector<std::invoke_result_t<Read&, const Rows&>>> {
  std::vector<std::invoke_result_t<Read&, const Rows&>> found;
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return found;
    found.push_back(read(std::as_const(rows)));
  }
}

// One consistent view of the database.
class Reader {
 public:
  virtual Result<Rows> query_with(std::string_view sql, std::span<const Bind> binds) = 0;

  template <class... Values>
  Result<Rows> query(std::string_view sql, const Values&... values) {
    const std::array<Bind, sizeof...(Values)> binds{Bind(values)...};
    return query_with(sql, binds);
  }

  // The single integer of a query that has one row and one column; nothing where there is no row or it is null.
  template <class... Values>
  Result<std::optional<int64_t>> query_integer(std::string_view sql, const Values&... values) {
    TRY(auto rows, query(sql, values...));
    TRY(const bool found, rows.next());
    if (!found) return std::optional<int64_t>();
    return rows.optional_integer(0);
  }

 protected:
  ~Reader() = default;
};

// The same, and writes. A failed statement changed nothing; the work then returns its error and is rolled back whole.
class Transaction : public Reader {
 public:
  virtual Result<int64_t> execute_with(std::string_view sql, std::span<const Bind> binds) = 0;  // rows changed
  virtual int64_t last_insert_id() const = 0;

  template <class... Values>
  Result<int64_t> execute(std::string_view sql, const Values&... values) {
    const std::array<Bind, sizeof...(Values)> binds{Bind(values)...};
    return execute_with(sql, binds);
  }

 protected:
  ~Transaction() = default;
};

}  // namespace compozy::sql
