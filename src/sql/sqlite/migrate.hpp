// SPDX-License-Identifier: Apache-2.0
//
// Brings a SQLite file to the present schema (sql/migrations.hpp).
#pragma once

#include <string>

#include "base/result.hpp"
#include "sql/sqlite/connection.hpp"

namespace compozy::sql {

// An existing database that needs a step is first copied to `<path>.v<version>.backup`.
Result<void> migrate(Connection& connection, const std::string& path);

}  // namespace compozy::sql
