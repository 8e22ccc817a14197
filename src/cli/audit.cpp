// SPDX-License-Identifier: Apache-2.0
//
// audit: who started and steered what.
#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/output.hpp"
#include "json/print.hpp"

namespace compozy::cli {

Result<void> run_audit_list(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value data, client.call("GET", "/api/v0/audit" + list_query(invocation, {"since", "subject"})));
  if (invocation.json()) {
    print_json(data["entries"]);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"N", "AT", "ACTOR", "ACTION", "SUBJECT", "DETAIL"}};
  for (const json::Value& entry : data["entries"].as_array()) {
    const json::Value& detail = entry["detail"];
    rows.push_back({std::to_string(entry["n"].integer_or(0)), entry["at"].string_or(""), entry["actor"].string_or(""),
                    entry["action"].string_or(""), entry["subject"].string_or(""),
                    detail.is_null() ? "" : json::print(detail)});
  }
  print_table(rows);
  return {};
}

Result<void> run_audit_verify(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value data, client.call("GET", "/api/v0/audit/check"));
  if (invocation.json()) print_json(data);
  if (!data["whole"].bool_or(false)) {
    return fail(Errc::corrupt_data, "the chain of the audit trail is broken: entry " +
                                        std::to_string(data["first_broken"].integer_or(0)) +
                                        " is not as it was written");
  }
  if (!invocation.json()) {
    line("whole: " + std::to_string(data["rows"].integer_or(0)) + " entries, the newest has the hash " +
         data["newest_hash"].string_or("-"));
  }
  return {};
}

}  // namespace compozy::cli
