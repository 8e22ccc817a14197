// SPDX-License-Identifier: Apache-2.0
//
// The one table of error codes. Everything that names an error to somebody derives from these rows: the HTTP status and
// problem+json `code`, the exit code of the CLI, the prefix of a Redis error, and docs/errors.md.
//
// To add a code: one enumerator, one row, in the same order. A row tells what happened and what to do about it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace compozy {

enum class Errc : uint8_t {
  internal,
  invalid_argument,
  parse_error,
  validation_failed,
  type_mismatch,
  not_found,
  already_exists,
  conflict,
  precondition_failed,
  unauthenticated,
  permission_denied,
  too_large,
  limit_exceeded,
  timeout,
  cancelled,
  unavailable,
  unsupported,
  storage_full,
  storage_failed,
  corrupt_data,
  newer_format,
  data_dir_locked,
  address_in_use,
  io_error,
  closed,
  provider_error,
  tool_error,
  task_failed,
  outcome_unknown,
  lock_lost,
};

// What the command line exits with. Scripts branch on these, so a number never changes its meaning.
enum class ExitCode : uint8_t {
  ok = 0,
  failure = 1,
  usage = 2,
  invalid = 3,
  not_found = 4,
  conflict = 5,
  denied = 6,
  unavailable = 7,
  run_failed = 8,
  timeout = 9,
  storage = 10,
};

struct ErrcRow {
  Errc code;
  std::string_view name;  // stable; appears in problem+json and in records
  int http_status;
  ExitCode exit_code;
  std::string_view redis;  // prefix of a RESP error
  std::string_view meaning;
  std::string_view remedy;
};

inline constexpr std::array kErrcTable{
    ErrcRow{Errc::internal, "internal", 500, ExitCode::failure, "ERR", "A defect of Compozy itself.",
            "Report it with the message and the log around it; the data is safe."},
    ErrcRow{Errc::invalid_argument, "invalid_argument", 400, ExitCode::usage, "ERR",
            "A value in the request is not acceptable.", "Correct the field that the message names."},
    ErrcRow{Errc::parse_error, "parse_error", 400, ExitCode::invalid, "ERR", "A text does not follow its grammar.",
            "Look at the line and column that the message names."},
    ErrcRow{Errc::validation_failed, "validation_failed", 422, ExitCode::invalid, "ERR",
            "A well-formed value breaks a rule or its schema.", "Correct the field that the message names."},
    ErrcRow{Errc::type_mismatch, "type_mismatch", 400, ExitCode::invalid, "WRONGTYPE",
            "A value has another type than the operation needs.", "Use a value of the expected type."},
    ErrcRow{Errc::not_found, "not_found", 404, ExitCode::not_found, "ERR", "The named thing does not exist.",
            "Check the name; the message offers the nearest one."},
    ErrcRow{Errc::already_exists, "already_exists", 409, ExitCode::conflict, "ERR", "The named thing exists already.",
            "Choose another name, or update the existing one."},
    ErrcRow{Errc::conflict, "conflict", 409, ExitCode::conflict, "ERR",
            "Another writer came first, or the state does not allow it.", "Read the current state and try again."},
    ErrcRow{Errc::precondition_failed, "precondition_failed", 412, ExitCode::conflict, "ERR",
            "An If-Match or expected version did not match.", "Read the current version and try again with it."},
    ErrcRow{Errc::unauthenticated, "unauthenticated", 401, ExitCode::denied, "NOAUTH",
            "No valid credentials were given.",
            "Send `Authorization: Bearer <key>`; the server prints where its key lies."},
    ErrcRow{Errc::permission_denied, "permission_denied", 403, ExitCode::denied, "NOPERM",
            "The credentials do not allow this.", "Use a key with the scope that the message names."},
    ErrcRow{Errc::too_large, "too_large", 413, ExitCode::invalid, "ERR", "A value is larger than its limit.",
            "Send less, or raise the limit that the message names."},
    ErrcRow{Errc::limit_exceeded, "limit_exceeded", 429, ExitCode::unavailable, "ERR",
            "A rate, count or queue limit is reached.",
            "Wait and try again, or raise the limit that the message names."},
    ErrcRow{Errc::timeout, "timeout", 408, ExitCode::timeout, "ERR", "It did not finish in the time allowed.",
            "Look at what is slow, or raise the timeout that the message names."},
    ErrcRow{Errc::cancelled, "cancelled", 409, ExitCode::run_failed, "ERR", "It was cancelled.",
            "Start it again if that was not meant."},
    ErrcRow{Errc::unavailable, "unavailable", 503, ExitCode::unavailable, "ERR",
            "Something this depends on cannot be reached now.",
            "Check that it runs and that its address is right; waiting runs resume by themselves."},
    ErrcRow{Errc::unsupported, "unsupported", 400, ExitCode::usage, "ERR", "Compozy does not offer this.",
            "Remove it, or use what the message names instead."},
    ErrcRow{Errc::storage_full, "storage_full", 507, ExitCode::storage, "MISCONF",
            "The disk is full: writes are refused, reads go on.", "Free space; writes resume by themselves."},
    ErrcRow{Errc::storage_failed, "storage_failed", 500, ExitCode::storage, "MISCONF",
            "The disk or database refused a write.", "Check the device and the data directory's rights."},
    ErrcRow{Errc::corrupt_data, "corrupt_data", 500, ExitCode::storage, "ERR", "Stored bytes fail their check.",
            "Restore the file that the message names from a backup."},
    ErrcRow{Errc::newer_format, "newer_format", 500, ExitCode::storage, "ERR",
            "The data was written by a newer Compozy.", "Run that version or a later one."},
    ErrcRow{Errc::data_dir_locked, "data_dir_locked", 409, ExitCode::conflict, "ERR",
            "Another process uses this data directory.",
            "Stop it, or give this one a directory of its own with --data-dir."},
    ErrcRow{Errc::address_in_use, "address_in_use", 409, ExitCode::conflict, "ERR",
            "Another process listens on this address.", "Stop it, or choose another port."},
    ErrcRow{Errc::io_error, "io_error", 500, ExitCode::failure, "ERR", "The operating system refused an operation.",
            "See the system's own reason in the message."},
    ErrcRow{Errc::closed, "closed", 503, ExitCode::unavailable, "ERR", "The connection or stream has ended.",
            "Connect again."},
    ErrcRow{Errc::provider_error, "provider_error", 502, ExitCode::run_failed, "ERR",
            "The model provider refused or failed.",
            "See its own reason in the message; check the key, the model's name and the quota."},
    ErrcRow{Errc::tool_error, "tool_error", 502, ExitCode::run_failed, "ERR", "A tool failed.",
            "See the tool's own message and its standard error."},
    ErrcRow{Errc::task_failed, "task_failed", 500, ExitCode::run_failed, "ERR", "A task failed and nothing handled it.",
            "Add `on_error`, or correct what the message names."},
    ErrcRow{Errc::outcome_unknown, "outcome_unknown", 500, ExitCode::run_failed, "ERR",
            "An effect may or may not have happened, and is too old to repeat safely.",
            "Check the effect by hand, then start the run again."},
    ErrcRow{Errc::lock_lost, "lock_lost", 409, ExitCode::conflict, "ERR",
            "A lock expired or was taken while it was held.", "Try again; the fencing token kept the late write out."},
};

consteval bool errc_table_is_in_order() {
  for (size_t i = 0; i < kErrcTable.size(); ++i) {
    if (static_cast<size_t>(kErrcTable[i].code) != i) return false;
  }
  return kErrcTable.size() == static_cast<size_t>(Errc::lock_lost) + 1;
}
static_assert(errc_table_is_in_order(), "kErrcTable has one row per Errc, in the enum's order");

constexpr const ErrcRow& errc_row(Errc code) { return kErrcTable[static_cast<size_t>(code)]; }

}  // namespace compozy
