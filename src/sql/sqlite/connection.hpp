// SPDX-License-Identifier: Apache-2.0
//
// Connection: one sqlite3 handle with its prepared statements. Not shared: one thread uses it at a time.
//
// Limits: kStatementsMax cached statements; beyond that a statement is prepared for its one use.
// SQLITE_BUSY is waited out for kBusyMs; it takes another program holding the file's lock that long to see
// Errc::unavailable, which names the file.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "sql/statement.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace compozy::sql {

class Connection final : public Transaction {
 public:
  static constexpr int kBusyMs = 60'000;
  static constexpr size_t kStatementsMax = 512;

  enum class Mode : uint8_t { write, read };
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<Rows> query_with(std::string_view sql, std::span<const Bind> binds) override;
  Result<int64_t> execute_with(std::string_view sql, std::span<const Bind> binds) override;
  int64_t last_insert_id() const override;

  Result<void> run_script(const std::string& sql);  // several statements, no values
  bool in_transaction() const;
  bool is_read_only() const;
  void checkpoint_passively();
  void keep_log();  // closing this connection leaves the write-ahead log as it is

 private:
  class Prepared;
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  Connection(sqlite3* db, std::string path);
  Error error(std::string_view doing, int code) const;
  Result<Prepared*> prepare(std::string_view sql);
  Result<std::unique_ptr<Prepared>> compile(std::string_view sql);
  Result<Prepared*> bound(std::string_view sql, std::span<const Bind> binds);
  void drop(const Prepared* statement);

  sqlite3* db_;
  std::string path_;
  std::unordered_map<std::string, std::unique_ptr<Prepared>, TextHash, std::equal_to<>> cached_;
  std::vector<std::unique_ptr<Prepared>> uncached_;
};

}  // namespace compozy::sql
