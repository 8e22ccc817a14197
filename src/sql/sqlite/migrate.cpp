// SPDX-License-Identifier: Apache-2.0
#include "sql/sqlite/migrate.hpp"

#include <filesystem>

#include "base/clock.hpp"
#include "io/file.hpp"
#include "observe/log.hpp"
#include "sql/migrations.hpp"

namespace compozy::sql {

namespace {

Result<int64_t> version_of(Connection& connection, const std::string& path) {
  TRY(const auto versioned,
      connection.query_integer("SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version' AND type = 'table'"));
  if (versioned.value_or(0) == 0) {
    TRY(const auto tables, connection.query_integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"));
    if (tables.value_or(0) == 0) return int64_t{0};
    return fail(Errc::invalid_argument,
                "'" + path + "' is a database of another program: it has tables but no schema_version");
  }
  TRY(const auto version, connection.query_integer("SELECT max(version) FROM schema_version"));
  return version.value_or(0);
}

Result<void> apply(Connection& connection, const Migration& migration) {
  TRY(
      connection.run_script("CREATE TABLE IF NOT EXISTS schema_version ("
                            "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT"));
  TRY(connection.run_script(std::string(migration.sql)));
  TRY(connection.execute("INSERT INTO schema_version (version, name, applied_ms) VALUES (?1, ?2, ?3)",
                         migration.version, migration.name, system_clock().wall_ms()));
  return {};
}

// A process that ended in the middle leaves a part under another name, which is no obstacle for the next one; the
// backup itself is whole or absent.
Result<void> write_backup(Connection& connection, const std::string& path) {
  const std::string part = path + ".part";
  std::error_code ec;
  std::filesystem::remove(part, ec);
  TRY(io::create_private(part));  // SQLite fills a file that is empty
  TRY(connection.execute("VACUUM INTO ?1", part));
  std::filesystem::rename(part, path, ec);
  if (ec) return fail(system_error("rename into", path, ec.value()));
  return {};
}

}  // namespace

Result<void> migrate(Connection& connection, const std::string& path) {
  TRY(int64_t version, version_of(connection, path));
  const int64_t newest = migrations().back().version;
  if (version > newest) {
    return fail(Errc::newer_format, "database '" + path + "' has schema version " + std::to_string(version) +
                                        "; this Compozy knows up to " + std::to_string(newest));
  }
  if (version != 0 && version < newest) {
    const std::string backup = path + ".v" + std::to_string(version) + ".backup";
    TRY(write_backup(connection, backup));
    log::info("database copied before its upgrade", {{"backup", backup}});
  }
  for (const auto& migration : migrations()) {
    TRY(connection.run_script("BEGIN IMMEDIATE"));
    // Read again under the lock: another process may have applied it meanwhile.
    auto outcome = version_of(connection, path);
    if (outcome && *outcome < migration.version) {
      if (auto applied = apply(connection, migration); !applied) outcome = fail(std::move(applied).error());
    }
    const auto ended = connection.run_script(outcome ? "COMMIT" : "ROLLBACK");
    if (!outcome) return fail(std::move(outcome).error().with_context("schema step " + std::string(migration.name)));
    TRY(ended);
  }
  return {};
}

}  // namespace compozy::sql
