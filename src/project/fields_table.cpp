// SPDX-License-Identifier: Apache-2.0
#include "project/fields_table.hpp"

#include <algorithm>
#include <array>

#include "base/article.hpp"
#include "base/duration.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace compozy::project {
namespace {

using enum FieldKind;

constexpr std::string_view kNoAttachments = "attachments are not supported; read files with a tool and pass their text";
constexpr std::string_view kNoKnowledge = "knowledge bases are not supported yet; read documents with a tool instead";
constexpr std::string_view kNoCompaction = "conversations are not compacted yet, so nothing would heed it";
constexpr std::string_view kNoMcp = "MCP servers are not supported yet; wrap what you need in a tool with 'execute'";

constexpr std::string_view kNoRoots = "the built-in file tools work below the project's folder and nowhere else";
constexpr std::string_view kNoFetch = "there is no cp__fetch yet; write a tool that fetches";
constexpr std::string_view kNoCalls =
    "there are no cp__call_ tools yet; let a task of type 'workflow' run what an agent would have called";
constexpr std::string_view kFixedExec =
    "cp__exec has a fixed limit of 30 s and 2 MiB; write a tool with 'execute' instead";
constexpr std::string_view kOldestFirst =
    "the oldest messages are flushed first; other strategies are not supported yet";
constexpr std::string_view kNoLocks = "memory needs no locks here: each change is one atomic script";

constexpr std::array kProject{FieldRow{"name", text, true},
                              FieldRow{"version", text},
                              FieldRow{"description", text},
                              FieldRow{"author", map},
                              FieldRow{"workflows", list},
                              FieldRow{"models", list},
                              FieldRow{"schemas", list},
                              FieldRow{"config", map},
                              FieldRow{"runtime", map},
                              FieldRow{"autoload", map},
                              FieldRow{"tools", list},
                              FieldRow{"memories", list},
                              FieldRow{"agents", list},
                              FieldRow{"env", variables},
                              FieldRow{"mcps", refused, false, kNoMcp},
                              FieldRow{"embedders", refused, false, kNoKnowledge},
                              FieldRow{"vector_dbs", refused, false, kNoKnowledge},
                              FieldRow{"knowledge_bases", refused, false, kNoKnowledge},
                              FieldRow{"knowledge", refused, false, kNoKnowledge}};

constexpr std::array kServer{FieldRow{"data_dir", any}, FieldRow{"mode", any},       FieldRow{"server", any},
                             FieldRow{"database", any}, FieldRow{"temporal", any},   FieldRow{"redis", any},
                             FieldRow{"cache", any},    FieldRow{"limits", any},     FieldRow{"ratelimit", any},
                             FieldRow{"memory", any},   FieldRow{"llm", any},        FieldRow{"mcp_proxy", any},
                             FieldRow{"mcpproxy", any}, FieldRow{"webhooks", any},   FieldRow{"worker", any},
                             FieldRow{"stream", any},   FieldRow{"monitoring", any}, FieldRow{"cli", any},
                             FieldRow{"auth", any},     FieldRow{"log", any},        FieldRow{"retention", any}};

constexpr std::array kWorkflow{FieldRow{"resource", text},
                               FieldRow{"id", text, true},
                               FieldRow{"version", text},
                               FieldRow{"description", text},
                               FieldRow{"author", map},
                               FieldRow{"schemas", list},
                               FieldRow{"config", map},
                               FieldRow{"triggers", list},
                               FieldRow{"schedule", map},
                               FieldRow{"agents", list},
                               FieldRow{"tools", list},
                               FieldRow{"tasks", list, true},
                               FieldRow{"outputs", map},
                               FieldRow{"on_cancel", text},
                               FieldRow{"attributes", map},
                               FieldRow{"retention", map},
                               FieldRow{"mcps", refused, false, kNoMcp},
                               FieldRow{"knowledge_bases", refused, false, kNoKnowledge},
                               FieldRow{"knowledge", refused, false, kNoKnowledge}};

constexpr std::array kOptions{FieldRow{"schedule_to_start_timeout", duration},
                              FieldRow{"start_to_close_timeout", duration},
                              FieldRow{"schedule_to_close_timeout", duration},
                              FieldRow{"heartbeat_timeout", duration},
                              FieldRow{"retry_policy", map},
                              FieldRow{"on_error", map},
                              FieldRow{"source_of_truth", text}};
constexpr std::array kWorkflowConfig{FieldRow{"input", schema},
                                     FieldRow{"env", variables},
                                     FieldRow{"schedule_to_start_timeout", duration},
                                     FieldRow{"start_to_close_timeout", duration},
                                     FieldRow{"schedule_to_close_timeout", duration},
                                     FieldRow{"heartbeat_timeout", duration},
                                     FieldRow{"retry_policy", map},
                                     FieldRow{"on_error", map}};
constexpr std::array kRetry{FieldRow{"initial_interval", duration}, FieldRow{"backoff_coefficient", number},
                            FieldRow{"maximum_interval", duration}, FieldRow{"maximum_attempts", integer},
                            FieldRow{"non_retryable_error_types", texts}};

constexpr std::array kRetention{FieldRow{"succeeded", duration}, FieldRow{"failed", duration}};
constexpr std::array kConcurrency{FieldRow{"key", text}, FieldRow{"limit", integer, true}, FieldRow{"scope", text}};
constexpr std::array kRateLimit{FieldRow{"key", text}, FieldRow{"limit", integer, true}, FieldRow{"period", duration},
                                FieldRow{"burst", integer}, FieldRow{"scope", text}};
constexpr std::array kModelRate{FieldRow{"concurrency", integer},         FieldRow{"queue_size", integer},
                                FieldRow{"requests_per_minute", integer}, FieldRow{"request_burst", integer},
                                FieldRow{"tokens_per_minute", integer},   FieldRow{"token_burst", integer}};

constexpr std::array kModel{FieldRow{"resource", text},
                            FieldRow{"id", text},
                            FieldRow{"provider", text, true},
                            FieldRow{"model", text, true},
                            FieldRow{"api_key", text},
                            FieldRow{"api_url", text},
                            FieldRow{"organization", text},
                            FieldRow{"default", boolean},
                            FieldRow{"max_tool_iterations", integer},
                            FieldRow{"context_window", refused, false, kNoCompaction},
                            FieldRow{"rate_limit", map},
                            FieldRow{"params", map}};

constexpr std::array kModelParamRows{FieldRow{"max_tokens", integer},
                                     FieldRow{"temperature", number},
                                     FieldRow{"stop_words", texts},
                                     FieldRow{"top_k", number},
                                     FieldRow{"top_p", number},
                                     FieldRow{"seed", number},
                                     FieldRow{"min_length", integer},
                                     FieldRow{"max_length", integer},
                                     FieldRow{"repetition_penalty", number},
                                     FieldRow{"frequency_penalty", number},
                                     FieldRow{"presence_penalty", number},
                                     FieldRow{"n", integer},
                                     FieldRow{"candidate_count", integer},
                                     FieldRow{"metadata", map}};

constexpr std::array kAgent{FieldRow{"resource", text},
                            FieldRow{"id", text, true},
                            FieldRow{"version", text},
                            FieldRow{"description", text},
                            FieldRow{"model", reference},
                            FieldRow{"config", reference},
                            FieldRow{"instructions", text},
                            FieldRow{"actions", list},
                            FieldRow{"with", map},
                            FieldRow{"env", variables},
                            FieldRow{"tools", list},
                            FieldRow{"memory", any},
                            FieldRow{"max_iterations", integer},
                            FieldRow{"json_mode", boolean},
                            FieldRow{"mcps", refused, false, kNoMcp},
                            FieldRow{"knowledge", refused, false, kNoKnowledge},
                            FieldRow{"attachments", refused, false, kNoAttachments}};
constexpr std::array kAction{FieldRow{"id", text, true},
                             FieldRow{"prompt", text, true},
                             FieldRow{"input", schema},
                             FieldRow{"output", schema},
                             FieldRow{"with", map},
                             FieldRow{"json_mode", boolean},
                             FieldRow{"attachments", refused, false, kNoAttachments}};

constexpr std::array kTool{FieldRow{"resource", text},    FieldRow{"id", text, true}, FieldRow{"version", text},
                           FieldRow{"description", text}, FieldRow{"execute", text},  FieldRow{"args", texts},
                           FieldRow{"input", schema},     FieldRow{"output", schema}, FieldRow{"with", map},
                           FieldRow{"config", map},       FieldRow{"env", map},       FieldRow{"timeout", duration}};

constexpr std::array kMemory{
    FieldRow{"resource", text},
    FieldRow{"id", text, true},
    FieldRow{"description", text},
    FieldRow{"version", text},
    FieldRow{"type", text, true},
    FieldRow{"max_tokens", integer},
    FieldRow{"max_messages", integer},
    FieldRow{"default_key_template", text},
    FieldRow{"persistence", map},
    FieldRow{"max_context_ratio", refused, false, "write max_tokens instead"},
    FieldRow{"eviction_policy", refused, false,
             "the oldest messages are evicted first; other policies are not supported yet"},
    FieldRow{"flushing", refused, false, kOldestFirst},
    FieldRow{"flushing_strategy", refused, false, kOldestFirst},
    FieldRow{"token_allocation", refused, false, "token allocation is not supported"},
    FieldRow{"privacy_policy", refused, false, "redaction is not supported yet; do not store what must not be kept"},
    FieldRow{"token_provider", refused, false, "tokens are estimated; exact counting is not supported yet"},
    FieldRow{"model", refused, false, "tokens are estimated, whatever the model"},
    FieldRow{"model_context_size", refused, false, "write max_tokens instead"},
    FieldRow{"token_counter", refused, false, "tokens are estimated; exact counting is not supported yet"},
    FieldRow{"disable_flush", refused, false, "leave max_messages and max_tokens out, and nothing is evicted"},
    FieldRow{"metadata", map},
    FieldRow{"append_ttl", refused, false, kNoLocks},
    FieldRow{"clear_ttl", refused, false, kNoLocks},
    FieldRow{"flush_ttl", refused, false, kNoLocks},
    FieldRow{"locking", refused, false, kNoLocks}};
constexpr std::array kFlushConfig{FieldRow{"force", boolean}, FieldRow{"dry_run", boolean},
                                  FieldRow{"threshold", number}, FieldRow{"strategy", text},
                                  FieldRow{"max_keys", refused, false, "a memory task works on one key"}};
constexpr std::array kHealthConfig{FieldRow{"include_stats", boolean},
                                   FieldRow{"check_connectivity", boolean}};  // the answer itself shows both
constexpr std::array kClearConfig{
    FieldRow{"confirm", boolean},
    FieldRow{"backup", refused, false, "no backup is made; read the conversation first and keep it with a tool"}};
constexpr std::array kStatsConfig{
    FieldRow{"include_content", boolean},
    FieldRow{"group_by", refused, false, "group the messages of a 'read' with a template"}};
constexpr std::array kMemoryRef{FieldRow{"id", text, true}, FieldRow{"key", text}, FieldRow{"mode", text}};
constexpr std::array kPersistence{
    FieldRow{"type", text, true}, FieldRow{"ttl", duration},
    FieldRow{"circuit_breaker", refused, false, "a store that is away pauses the run by itself"}};

constexpr std::array kTransition{FieldRow{"next", text, true}, FieldRow{"with", map}};
constexpr std::array kTrigger{FieldRow{"type", text, true}, FieldRow{"name", text}, FieldRow{"schema", schema},
                              FieldRow{"webhook", map}};
constexpr std::array kWebhook{FieldRow{"slug", text, true}, FieldRow{"method", text}, FieldRow{"verify", map},
                              FieldRow{"dedupe", map}, FieldRow{"events", list, true}};
constexpr std::array kVerify{FieldRow{"strategy", text, true}, FieldRow{"secret", text}, FieldRow{"header", text},
                             FieldRow{"skew", duration}};
constexpr std::array kDedupe{FieldRow{"enabled", boolean}, FieldRow{"ttl", duration}, FieldRow{"key", text}};
constexpr std::array kWebhookEvent{FieldRow{"name", text, true}, FieldRow{"filter", text}, FieldRow{"input", map},
                                   FieldRow{"schema", schema}};
constexpr std::array kSchedule{
    FieldRow{"cron", text, true}, FieldRow{"timezone", text},       FieldRow{"enabled", boolean},
    FieldRow{"jitter", duration}, FieldRow{"overlap_policy", text}, FieldRow{"start_at", text},
    FieldRow{"end_at", text},     FieldRow{"input", map},           FieldRow{"catch_up_window", duration}};
constexpr std::array kRuntime{FieldRow{"type", text},
                              FieldRow{"entrypoint", text},
                              FieldRow{"permissions", texts},
                              FieldRow{"tool_execution_timeout", duration},
                              FieldRow{"max_memory_mb", integer},
                              FieldRow{"log_level", text},
                              FieldRow{"log_format", text},
                              FieldRow{"native_tools", map},
                              FieldRow{"task_execution_timeout_default", duration},
                              FieldRow{"task_execution_timeout_max", duration}};
constexpr std::array kNativeTools{FieldRow{"enabled", boolean},
                                  FieldRow{"exec", map},
                                  FieldRow{"root_dir", refused, false, kNoRoots},
                                  FieldRow{"additional_roots", refused, false, kNoRoots},
                                  FieldRow{"fetch", refused, false, kNoFetch},
                                  FieldRow{"call_agent", refused, false, kNoCalls},
                                  FieldRow{"call_agents", refused, false, kNoCalls},
                                  FieldRow{"call_task", refused, false, kNoCalls},
                                  FieldRow{"call_tasks", refused, false, kNoCalls},
                                  FieldRow{"call_workflow", refused, false, kNoCalls},
                                  FieldRow{"call_workflows", refused, false, kNoCalls}};
constexpr std::array kNativeExec{FieldRow{"allowlist", list}, FieldRow{"timeout", refused, false, kFixedExec},
                                 FieldRow{"max_stdout_bytes", refused, false, kFixedExec},
                                 FieldRow{"max_stderr_bytes", refused, false, kFixedExec}};
constexpr std::array kAutoload{FieldRow{"enabled", boolean}, FieldRow{"strict", boolean}, FieldRow{"include", texts},
                               FieldRow{"exclude", texts}, FieldRow{"watch_enabled", boolean}};
constexpr std::array kAuthor{FieldRow{"name", text}, FieldRow{"email", text}, FieldRow{"organization", text},
                             FieldRow{"url", text}, FieldRow{"contributors", list}};
constexpr std::array kContributor{FieldRow{"name", text}, FieldRow{"email", text}, FieldRow{"organization", text},
                                  FieldRow{"url", text}};
constexpr std::array kSignal{FieldRow{"id", text, true}, FieldRow{"payload", map}};
constexpr std::array kSource{FieldRow{"source", text, true}};

constexpr std::array kCommonTask{FieldRow{"id", text, true},
                                 FieldRow{"type", text},
                                 FieldRow{"resource", text},
                                 FieldRow{"description", text},
                                 FieldRow{"with", map},
                                 FieldRow{"input", schema},
                                 FieldRow{"output", schema},
                                 FieldRow{"outputs", map},
                                 FieldRow{"env", variables},
                                 FieldRow{"on_success", map},
                                 FieldRow{"on_error", map},
                                 FieldRow{"final", boolean},
                                 FieldRow{"sleep", duration},
                                 FieldRow{"timeout", duration},
                                 FieldRow{"retries", integer},
                                 FieldRow{"condition", text},
                                 FieldRow{"config", map},
                                 FieldRow{"concurrency", list},
                                 FieldRow{"rate_limit", map},
                                 FieldRow{"priority", number},
                                 FieldRow{"attachments", refused, false, kNoAttachments},
                                 FieldRow{"mcps", refused, false, kNoMcp},
                                 FieldRow{"knowledge", refused, false, kNoKnowledge}};
constexpr std::array kBasic{FieldRow{"agent", reference},
                            FieldRow{"action", text},
                            FieldRow{"prompt", text},
                            FieldRow{"tool", reference},
                            FieldRow{"model_config", reference},
                            FieldRow{"tools", list},
                            FieldRow{"max_iterations", integer},
                            FieldRow{"memory", any}};
constexpr std::array kRouter{FieldRow{"condition", text, true}, FieldRow{"routes", map, true},
                             FieldRow{"default_route", text}};
constexpr std::array kParallel{FieldRow{"tasks", list, true}, FieldRow{"strategy", text},
                               FieldRow{"max_workers", integer}};
constexpr std::array kCollection{
    FieldRow{"items", any, true},
    FieldRow{"filter", text},
    FieldRow{"item_var", text},
    FieldRow{"index_var", text},
    FieldRow{"mode", text},
    FieldRow{"batch", integer},
    FieldRow{"max_workers", integer},
    FieldRow{"strategy", text},
    FieldRow{"task", map, true},
    FieldRow{"tasks", refused, false, "a collection has one 'task', the template of each child"}};
constexpr std::array kComposite{FieldRow{"tasks", list, true}};
constexpr std::array<FieldRow, 0> kAggregate{};
constexpr std::array kWait{FieldRow{"wait_for", text, true}, FieldRow{"condition", text}, FieldRow{"on_timeout", text},
                           FieldRow{"processor", map}};
constexpr std::array kSignalTask{FieldRow{"signal", map, true}};
constexpr std::array kMemoryTask{FieldRow{"operation", text, true},
                                 FieldRow{"memory_ref", text, true},
                                 FieldRow{"key_template", text},
                                 FieldRow{"payload", any},
                                 FieldRow{"flush_config", map},
                                 FieldRow{"health_config", map},
                                 FieldRow{"clear_config", map},
                                 FieldRow{"stats_config", map},
                                 FieldRow{"batch_size", refused, false, "reads and writes are one atomic script here"},
                                 FieldRow{"max_keys", refused, false, "a memory task works on one key"}};

constexpr std::array kChildRun{FieldRow{"workflow", text, true}, FieldRow{"detached", boolean}};
constexpr std::array kLoop{FieldRow{"max_iterations", integer, true}, FieldRow{"while", text}, FieldRow{"until", text},
                           FieldRow{"task", map}, FieldRow{"tasks", list}};
constexpr std::array kApproval{FieldRow{"message", text}, FieldRow{"form", schema},
                               FieldRow{"approvals_required", integer}, FieldRow{"approvers", texts},
                               FieldRow{"on_timeout", text}};

const FieldRow* find_row(std::span<const FieldRow> rows, std::string_view name) {
  auto found = std::ranges::find(rows, name, &FieldRow::name);
  return found == rows.end() ? nullptr : &*found;
}

std::string_view expected(FieldKind kind) {
  switch (kind) {
    case any:
    case refused: return "";
    case text: return "a text";
    case boolean: return "true or false";
    case integer: return "a whole number from 0";
    case number: return "a number";
    case duration: return "a duration such as \"30s\" or \"5 minutes\"";
    case map: return "a map";
    case variables: return "a map of names and texts";
    case list: return "a list";
    case texts: return "a list of texts";
    case schema: return "a JSON schema or the id of one";
    case reference: return "an id or an object";
  }
  return "";
}

bool matches(const Node& node, FieldKind kind) {
  const bool is_scalar = node.shape == Node::Shape::scalar && !node.is_null();
  switch (kind) {
    case any:
    case refused: return true;
    case text: return is_scalar;
    case boolean: return is_scalar && node.scalar.is_bool();
    case integer: return is_scalar && node.scalar.is_integer() && node.scalar.as_integer() >= 0;
    case number: return is_scalar && node.scalar.is_number();
    case duration: return node.is_text();
    case map:
    case variables: return node.is_map();
    case list: return node.is_list();
    case texts:
      return node.is_list() &&
             std::ranges::all_of(node.items, [](const Node& item) { return item.shape == Node::Shape::scalar; });
    case schema: return node.is_map() || node.is_text() || (is_scalar && node.scalar.is_bool());
    case reference: return node.is_map() || node.is_text();
  }
  return false;
}

void check_member(const Node::Member& member, const FieldRow& row, const std::string& path, Diagnostics& diagnostics) {
  const std::string field = path.empty() ? member.name : path + '.' + member.name;
  Node at_name;
  at_name.mark = member.mark;
  if (row.kind == refused) return diagnostics.add(at_name, field, std::string(row.note), Errc::unsupported);
  if (member.value.is_null() && row.kind != any)
    return diagnostics.add(at_name, field, "is empty; expected " + std::string(expected(row.kind)));
  if (!matches(member.value, row.kind)) {
    const bool is_number = row.kind == integer && member.value.scalar.is_number();
    const std::string found = is_number ? scalar_text(member.value) : with_article(member.value.kind_name());
    return diagnostics.add(member.value, field, "expected " + std::string(expected(row.kind)) + ", not " + found);
  }
  if (row.kind == variables) {
    for (const Node::Member& variable : member.value.members) {
      if (variable.value.shape == Node::Shape::scalar) continue;
      diagnostics.add(variable.value, field + '.' + variable.name,
                      "expected a text, not " + with_article(variable.value.kind_name()));
    }
  }
  if (row.kind == duration) {
    auto parsed = parse_duration_ms(member.value.scalar.as_string());
    if (!parsed) diagnostics.add(member.value, field, parsed.error().message);
  }
}

void check_required(const Node& node, std::span<const FieldRow> rows, std::string_view kind, const std::string& path,
                    Diagnostics& diagnostics) {
  for (const FieldRow& row : rows) {
    if (!row.required || node.find(row.name) != nullptr) continue;
    diagnostics.add(node, path, with_article(kind) + " needs '" + std::string(row.name) + "'");
  }
}

bool check_is_map(const Node& node, std::string_view kind, const std::string& path, Diagnostics& diagnostics) {
  if (node.is_map()) return true;
  diagnostics.add(node, path, "expected " + with_article(kind) + " (a map), not " + with_article(node.kind_name()));
  return false;
}

template <class... Spans>
std::vector<std::string_view> names_of(Spans... spans) {
  std::vector<std::string_view> names;
  const auto add = [&](std::span<const FieldRow> rows) {
    for (const FieldRow& row : rows) {
      if (row.kind != refused) names.push_back(row.name);
    }
  };
  (add(spans), ...);
  return names;
}

}  // namespace

const ObjectKind kProjectFields{"project", kProject};
const ObjectKind kWorkflowFields{"workflow", kWorkflow};
const ObjectKind kWorkflowConfigFields{"workflow's config", kWorkflowConfig};
const ObjectKind kOptionsFields{"config", kOptions};
const ObjectKind kRetryFields{"retry policy", kRetry};
const ObjectKind kRetentionFields{"retention", kRetention};
const ObjectKind kConcurrencyFields{"concurrency limit", kConcurrency};
const ObjectKind kRateLimitFields{"rate limit", kRateLimit};
const ObjectKind kModelRateFields{"model's rate_limit", kModelRate};
const ObjectKind kModelFields{"model", kModel};
const ObjectKind kModelParamsFields{"model's params", kModelParamRows};
const ObjectKind kAgentFields{"agent", kAgent};
const ObjectKind kActionFields{"action", kAction};
const ObjectKind kToolFields{"tool", kTool};
const ObjectKind kMemoryFields{"memory", kMemory};
const ObjectKind kMemoryRefFields{"memory reference", kMemoryRef};
const ObjectKind kPersistenceFields{"persistence", kPersistence};
const ObjectKind kTransitionFields{"transition", kTransition};
const ObjectKind kTriggerFields{"trigger", kTrigger};
const ObjectKind kWebhookFields{"webhook", kWebhook};
const ObjectKind kVerifyFields{"webhook's verify", kVerify};
const ObjectKind kDedupeFields{"webhook's dedupe", kDedupe};
const ObjectKind kWebhookEventFields{"webhook event", kWebhookEvent};
const ObjectKind kScheduleFields{"schedule", kSchedule};
const ObjectKind kAuthorFields{"author", kAuthor};
const ObjectKind kContributorFields{"contributor", kContributor};
const ObjectKind kRuntimeFields{"runtime", kRuntime};
const ObjectKind kNativeToolsFields{"native_tools", kNativeTools};
const ObjectKind kNativeExecFields{"native_tools.exec", kNativeExec};
const ObjectKind kFlushConfigFields{"flush_config", kFlushConfig};
const ObjectKind kHealthConfigFields{"health_config", kHealthConfig};
const ObjectKind kClearConfigFields{"clear_config", kClearConfig};
const ObjectKind kStatsConfigFields{"stats_config", kStatsConfig};
const ObjectKind kAutoloadFields{"autoload", kAutoload};
const ObjectKind kSignalFields{"signal", kSignal};
const ObjectKind kWorkflowSourceFields{"workflow entry", kSource};

std::span<const FieldRow> common_task_fields() { return kCommonTask; }
std::span<const FieldRow> server_sections() { return kServer; }

ObjectKind task_fields(TaskType type) {
  switch (type) {
    case TaskType::basic: return {"basic task", kBasic};
    case TaskType::router: return {"router task", kRouter};
    case TaskType::parallel: return {"parallel task", kParallel};
    case TaskType::collection: return {"collection task", kCollection};
    case TaskType::aggregate: return {"aggregate task", kAggregate};
    case TaskType::composite: return {"composite task", kComposite};
    case TaskType::wait: return {"wait task", kWait};
    case TaskType::signal: return {"signal task", kSignalTask};
    case TaskType::memory: return {"memory task", kMemoryTask};
    case TaskType::workflow: return {"workflow task", kChildRun};
    case TaskType::loop: return {"loop task", kLoop};
    case TaskType::approval: return {"approval task", kApproval};
  }
  return {"task", {}};
}

bool check_fields(const Node& node, const ObjectKind& kind, const std::string& path, Diagnostics& diagnostics) {
  if (!check_is_map(node, kind.name, path, diagnostics)) return false;
  for (const Node::Member& member : node.members) {
    const FieldRow* row = find_row(kind.fields, member.name);
    if (row == nullptr && kind.fields.data() == kProject.data()) row = find_row(kServer, member.name);
    if (row != nullptr) {
      check_member(member, *row, path, diagnostics);
      continue;
    }
    Node at_name;
    at_name.mark = member.mark;
    auto names = names_of(kind.fields);
    diagnostics.add(
        at_name, path,
        "unknown field '" + member.name + "' in " + with_article(kind.name) + did_you_mean(member.name, names));
  }
  check_required(node, kind.fields, kind.name, path, diagnostics);
  return true;
}

bool check_task_fields(const Node& node, TaskType type, const std::string& path, Diagnostics& diagnostics) {
  const ObjectKind kind = task_fields(type);
  if (!check_is_map(node, kind.name, path, diagnostics)) return false;
  for (const Node::Member& member : node.members) {
    const FieldRow* row = find_row(kind.fields, member.name);
    if (row == nullptr) row = find_row(kCommonTask, member.name);
    if (row != nullptr) {
      check_member(member, *row, path, diagnostics);
      continue;
    }
    Node at_name;
    at_name.mark = member.mark;
    std::string message = "unknown field '" + member.name + "' in " + with_article(kind.name);
    std::string other;
    for (size_t i = 0; i < kTaskTypes; ++i) {
      const ObjectKind candidate = task_fields(static_cast<TaskType>(i));
      if (other.empty() && find_row(candidate.fields, member.name) != nullptr) other = candidate.name;
    }
    message += other.empty() ? did_you_mean(member.name, names_of(kind.fields, std::span<const FieldRow>(kCommonTask)))
                             : "; it belongs to a " + other;
    diagnostics.add(at_name, path, std::move(message));
  }
  check_required(node, kind.fields, kind.name, path, diagnostics);
  check_required(node, kCommonTask, kind.name, path, diagnostics);
  return true;
}

}  // namespace compozy::project
