// SPDX-License-Identifier: Apache-2.0
#include "sql/sqlite/connection.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/assert.hpp"

namespace compozy::sql {

class Connection::Prepared final : public Statement {
 public:
  Prepared(Connection& connection, sqlite3_stmt* statement) : connection_(connection), statement_(statement) {}
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  virtual ~Prepared() { sqlite3_finalize(statement_); }

  Result<bool> step() override {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return fail(connection_.error(sqlite3_sql(statement_), code));
  }

  bool is_null(int column) const override { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
  double real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view text(int column) const override {
    const void* data = sqlite3_column_type(statement_, column) == SQLITE_BLOB
                           ? sqlite3_column_blob(statement_, column)
                           : static_cast<const void*>(sqlite3_column_text(statement_, column));
    if (data == nullptr) return {};
    return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }

  void release() override {
    sqlite3_reset(statement_);
    in_use = false;
    if (!is_cached) connection_.drop(this);
  }

  Result<void> bind(std::span<const Bind> binds) {
    const auto expected = static_cast<size_t>(sqlite3_bind_parameter_count(statement_));
    if (binds.size() != expected) {
      return fail(Errc::internal, std::to_string(binds.size()) + " values for " + std::to_string(expected) +
                                      " parameters of: " + sqlite3_sql(statement_));
    }
    for (size_t i = 0; i < binds.size(); ++i) {
      const int code = bind_one(static_cast<int>(i) + 1, binds[i].value());
      if (code != SQLITE_OK) return fail(connection_.error(sqlite3_sql(statement_), code));
    }
    return {};
  }

  bool in_use = false;
  bool is_cached = true;

 private:
  int bind_one(int position, const Bind::Value& value) {
    if (const auto* integer = std::get_if<int64_t>(&value)) return sqlite3_bind_int64(statement_, position, *integer);
    if (const auto* real = std::get_if<double>(&value)) return sqlite3_bind_double(statement_, position, *real);
    // TRANSIENT: the value is the caller's, and rows may be read after it is gone.
    if (const auto* text = std::get_if<std::string_view>(&value)) {
      const char* data = text->data() == nullptr ? "" : text->data();
      return sqlite3_bind_text64(statement_, position, data, text->size(), copied(), SQLITE_UTF8);
    }
    if (const auto* blob = std::get_if<Blob>(&value)) {
      if (blob->bytes.empty()) return sqlite3_bind_zeroblob(statement_, position, 0);
      return sqlite3_bind_blob64(statement_, position, blob->bytes.data(), blob->bytes.size(), copied());
    }
    return sqlite3_bind_null(statement_, position);
  }

  // SQLITE_TRANSIENT itself is a C cast of -1, which SQLite takes as "make a copy".
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the value is SQLite's, and is never called
  static sqlite3_destructor_type copied() { return reinterpret_cast<sqlite3_destructor_type>(intptr_t{-1}); }

  Connection& connection_;
  sqlite3_stmt* statement_;
};

namespace {

Errc code_of(int extended, int system_errno) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return Errc::conflict;
    case SQLITE_IOERR_SHMSIZE: return Errc::storage_full;
    default: break;
  }
  switch (extended & 0xff) {
    case SQLITE_FULL: return Errc::storage_full;
    case SQLITE_IOERR:
      return system_errno == ENOSPC || system_errno == EDQUOT ? Errc::storage_full : Errc::storage_failed;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Errc::corrupt_data;
    case SQLITE_READONLY:
    case SQLITE_PERM: return Errc::permission_denied;
    case SQLITE_CANTOPEN:
      return system_errno == EMFILE || system_errno == ENFILE ? Errc::limit_exceeded : Errc::not_found;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Errc::unavailable;
    case SQLITE_TOOBIG: return Errc::too_large;
    case SQLITE_INTERRUPT: return Errc::cancelled;
    default: return Errc::internal;
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode) {
  sqlite3* db = nullptr;
  const int flags =
      SQLITE_OPEN_NOMUTEX | (mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(db, path));
  if (code != SQLITE_OK) return fail(connection->error("open", code));
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, kBusyMs);
  // Only the writer checkpoints: another connection's checkpoint during a commit can corrupt before SQLite 3.51.3.
  if (mode == Mode::read) connection->keep_log();
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  return connection;
}

void Connection::keep_log() { sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

Connection::Connection(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}

Connection::~Connection() {
  cached_.clear();
  uncached_.clear();
  sqlite3_close_v2(db_);
}

Error Connection::error(std::string_view doing, int code) const {
  const int extended = db_ != nullptr ? sqlite3_extended_errcode(db_) : code;
  const int system_errno = db_ != nullptr ? sqlite3_system_errno(db_) : 0;
  Errc errc = code_of((extended & 0xff) == (code & 0xff) ? extended : code, system_errno);
  // SQLite reports the last of its attempts to open; whether the directory is there says more.
  std::error_code ignored;
  const auto directory = std::filesystem::absolute(path_, ignored).parent_path();
  if (errc == Errc::not_found && std::filesystem::is_directory(directory, ignored)) errc = Errc::permission_denied;
  std::string message = "database '" + path_ + "': ";
  switch (errc) {
    case Errc::unavailable: message += "another program keeps it locked"; break;
    case Errc::storage_full: message += "the disk is full"; break;
    case Errc::permission_denied: message += "its directory or file cannot be written"; break;
    case Errc::not_found: message += "its directory does not exist"; break;
    case Errc::limit_exceeded: message += std::strerror(system_errno) + std::string("; raise `ulimit -n`"); break;
    case Errc::corrupt_data:
      message += std::string(db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code)) +
                 "; restore it from a backup, or save what can be read: sqlite3 FILE .recover";
      break;
    default: message += db_ != nullptr ? sqlite3_errmsg(db_) : sqlite3_errstr(code); break;
  }
  if (errc == Errc::internal) message += " in: " + std::string(doing);
  return Error{.code = errc, .message = std::move(message)};
}

Result<std::unique_ptr<Connection::Prepared>> Connection::compile(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code =
      sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement, &rest);
  if (code != SQLITE_OK) return fail(error(sql, code));
  auto prepared = std::make_unique<Prepared>(*this, statement);
  if (statement == nullptr) return fail(Errc::internal, "no statement in: " + std::string(sql));
  return prepared;
}

Result<Connection::Prepared*> Connection::prepare(std::string_view sql) {
  const auto found = cached_.find(sql);
  if (found != cached_.end() && !found->second->in_use) return found->second.get();
  TRY(auto prepared, compile(sql));
  Prepared* const result = prepared.get();
  if (found == cached_.end() && cached_.size() < kStatementsMax) {
    cached_.emplace(std::string(sql), std::move(prepared));
  } else {
    prepared->is_cached = false;
    uncached_.push_back(std::move(prepared));
  }
  return result;
}

Result<Connection::Prepared*> Connection::bound(std::string_view sql, std::span<const Bind> binds) {
  TRY(Prepared* const statement, prepare(sql));
  statement->in_use = true;
  auto outcome = statement->bind(binds);
  if (outcome) return statement;
  statement->release();
  return fail(std::move(outcome).error());
}

void Connection::drop(const Prepared* statement) {
  std::erase_if(uncached_, [statement](const auto& each) { return each.get() == statement; });
}

Result<Rows> Connection::query_with(std::string_view sql, std::span<const Bind> binds) {
  TRY(Prepared* const statement, bound(sql, binds));
  return Rows(statement);
}

Result<int64_t> Connection::execute_with(std::string_view sql, std::span<const Bind> binds) {
  TRY(auto rows, query_with(sql, binds));
  // sqlite3_changes() keeps its value over statements that change nothing, so the difference counts.
  const int64_t before = sqlite3_total_changes64(db_);
  for (;;) {
    TRY(const bool more, rows.next());
    if (!more) return sqlite3_total_changes64(db_) - before;
  }
}

int64_t Connection::last_insert_id() const { return sqlite3_last_insert_rowid(db_); }

Result<void> Connection::run_script(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(sql, code));
  return {};
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

bool Connection::is_read_only() const { return sqlite3_db_readonly(db_, "main") == 1; }

void Connection::checkpoint_passively() {
  // A checkpoint that fails leaves the log as it is; the next one tries again.
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

}  // namespace compozy::sql
