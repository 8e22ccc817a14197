// SPDX-License-Identifier: Apache-2.0
//
// The steps from an empty database to the present schema, embedded from migrations/NNNN_name.sql at build time.
//
// Invariants: numbered 1, 2, 3 … without a gap; one that has been released never changes. Each is applied in one
// transaction together with its row in schema_version. A database with a higher version than the last one here is
// refused (Errc::newer_format); before an existing database is changed, a backup of it is made beside it.
#pragma once

#include <span>
#include <string_view>

namespace compozy::sql {

struct Migration {
  int version;
  std::string_view name;  // "0001_initial"
  std::string_view sql;
};

std::span<const Migration> migrations();

}  // namespace compozy::sql
