// SPDX-License-Identifier: Apache-2.0
//
// Which fields each kind of object may have in YAML: one table a kind. Type checks, unknown-field and not-supported
// messages derive from the rows. To add a field: one row, and its use where the object is built. Private to project/.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "project/definition.hpp"
#include "project/diagnostics.hpp"

namespace compozy::project {

enum class FieldKind : uint8_t {
  any,
  text,  // a text, or a number or boolean written as one
  boolean,
  integer,  // 0 or more
  number,
  duration,  // "30s", "5 minutes"
  map,
  variables,  // a map of names and texts
  list,
  texts,      // list of texts
  schema,     // a JSON schema, or the id of one
  reference,  // an id, or the object itself
  refused,    // known, and not supported: the note says why and what to do instead
};

struct FieldRow {
  std::string_view name;
  FieldKind kind;
  bool required = false;
  std::string_view note = {};  // of a refused field
};

struct ObjectKind {
  std::string_view name;  // for messages: "agent", "parallel task"
  std::span<const FieldRow> fields;
};

extern const ObjectKind kProjectFields, kWorkflowFields, kWorkflowConfigFields, kOptionsFields, kRetryFields,
    kModelFields, kModelParamsFields, kAgentFields, kActionFields, kToolFields, kMemoryFields, kMemoryRefFields,
    kPersistenceFields, kTransitionFields, kTriggerFields, kScheduleFields, kAuthorFields, kContributorFields,
    kRuntimeFields, kAutoloadFields, kSignalFields, kWorkflowSourceFields, kWebhookFields, kVerifyFields, kDedupeFields,
    kWebhookEventFields, kConcurrencyFields, kRateLimitFields, kModelRateFields, kRetentionFields, kNativeToolsFields,
    kNativeExecFields, kFlushConfigFields, kHealthConfigFields, kClearConfigFields, kStatsConfigFields;

std::span<const FieldRow> common_task_fields();
ObjectKind task_fields(TaskType type);        // those of the type alone
std::span<const FieldRow> server_sections();  // of compozy.yaml, passed through to config

// Checks names and kinds. False when the object cannot be used at all (it is no map).
bool check_fields(const Node& node, const ObjectKind& kind, const std::string& path, Diagnostics& diagnostics);
bool check_task_fields(const Node& node, TaskType type, const std::string& path, Diagnostics& diagnostics);

}  // namespace compozy::project
