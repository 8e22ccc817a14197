// SPDX-License-Identifier: Apache-2.0
//
// A database in a folder of its own, gone with the object. For tests.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "sql/sqlite/sqlite_database.hpp"

namespace compozy::sql {

class ScratchDatabase {
 public:
  ScratchDatabase() {
    std::string pattern = (std::filesystem::temp_directory_path() / "compozy-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    open();
  }
  ~ScratchDatabase() {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  Database& operator*() const { return *database_; }
  Database* operator->() const { return database_.get(); }

  void close() { database_.reset(); }
  void open(SqliteOptions options = {.path = {}}) {  // again, as the next process would
    close();
    options.path = (folder_ / "test.db").string();
    database_ = open_sqlite(options).value();
  }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Database> database_;
};

}  // namespace compozy::sql
