// SPDX-License-Identifier: Apache-2.0
//
// An agent as an activity: its turns are the run's turns, its memories the project's, its text goes to whoever watches.
#include "workflow/activity/performer.hpp"

namespace compozy::workflow {

namespace {

json::Value usage_entry(const project::ModelConfig& model, const agent::Usage& usage) {
  json::Value entry = agent::to_json(usage);
  entry.set("provider", model.provider).set("model", model.model);
  return entry;
}

// How a turn looks to observers of the run.
RunEvent event_of(const agent::LoopTurn& turn, const Attempt& attempt) {
  RunEvent event{.kind = turn.kind == "answer"   ? "llm_response"
                         : turn.kind == "result" ? "tool_call"
                                                 : "memory_loaded",
                 .body = json::Value::object({{"path", attempt.path}, {"op", attempt.op}})};
  if (turn.kind == "memory") {
    event.body.set("messages",
                   static_cast<int64_t>(turn.body.is_array() ? turn.body.size() : turn.body["messages"].size()));
  } else {
    for (const auto& [name, value] : turn.body.as_object()) event.body.set(name, value);
  }
  return event;
}

class Ports final : public agent::AgentPorts {
 public:
  Ports(const Attempt& attempt, store::Memory& memory, int64_t messages_max)
      : attempt_(attempt), memory_(memory), messages_max_(messages_max) {}

  io::Task<Result<std::vector<agent::Message>>> load_memory() override {
    std::vector<agent::Message> messages;
    for (const json::Value& reference : attempt_.spec["memory"].as_array()) {
      const store::MemoryKey key{.project = attempt_.program->workflow().project,
                                 .memory = reference["id"].string_or(""),
                                 .key = reference["key"].string_or("")};
      CO_TRY(const store::MemoryPage page, co_await memory_.read(key, 0, messages_max_));
      for (const store::MemoryMessage& message : page.messages) {
        const agent::Role role = message.role == "assistant" ? agent::Role::assistant
                                 : message.role == "system"  ? agent::Role::system
                                                             : agent::Role::user;
        messages.push_back({.role = role, .content = message.content});
      }
    }
    co_return messages;
  }

  io::Task<Result<void>> record(agent::LoopTurn turn) override {
    RunEvent event = event_of(turn, attempt_);
    co_return co_await attempt_.turns->append({.kind = std::move(turn.kind), .body = std::move(turn.body)},
                                              std::move(event));
  }

  void delta(std::string_view text) override { attempt_.turns->delta(expression::without_secret_marks(text)); }

 private:
  const Attempt& attempt_;
  store::Memory& memory_;
  int64_t messages_max_;
};

ActivityResult failed_agent(const agent::AgentFailure& failure, const project::ModelConfig& model) {
  ActivityResult result = failed_activity(failure.error);
  switch (failure.kind) {
    case agent::ModelFailure::Kind::final: result.verdict = Verdict::final; break;
    case agent::ModelFailure::Kind::retry: result.verdict = Verdict::retry; break;
    case agent::ModelFailure::Kind::unavailable: result.verdict = Verdict::unavailable; break;
  }
  result.retry_after_ms = failure.retry_after_ms;
  result.usage = usage_entry(model, failure.usage);
  return result;
}

}  // namespace

io::Task<ActivityResult> Performer::perform_agent(Attempt attempt) {
  const project::Workflow& workflow = attempt.program->workflow();
  const std::string id = attempt.spec["agent"].string_or("");
  const project::Agent* agent = workflow.find_agent(id);
  if (agent == nullptr)
    co_return failed_activity(Error{.code = Errc::not_found, .message = "the definition has no agent '" + id + "'"});
  auto spec = loop_spec(attempt, *agent);
  if (!spec) co_return failed_activity(spec.error());
  auto model = model_of(attempt, *agent);
  if (!model) co_return failed_activity(model.error());
  const auto recorded = co_await attempt.turns->read();
  if (!recorded) co_return failed_activity(recorded.error());
  agent::AgentAttempt run{.workflow = &workflow,
                          .spec = std::move(*spec),
                          .model = std::move(*model),
                          .recorded = {},
                          .key = attempt.key,
                          .env = attempt.spec["env"],
                          .alive = attempt.alive};
  for (const Turn& turn : *recorded) run.recorded.push_back({.kind = turn.kind, .body = turn.body});
  Ports ports(attempt, options_.memory, options_.memory_messages_max);
  auto reply =
      co_await agent::run_agent(options_.loop, options_.providers, options_.tools, ports, std::move(run), attempt.stop);
  if (!reply) co_return failed_agent(reply.error(), agent->model);
  if (auto kept = co_await remember(attempt, reply->remember); !kept) co_return failed_activity(kept.error());
  co_return succeeded_activity(std::move(reply->output), usage_entry(agent->model, reply->usage));
}

Result<agent::LoopSpec> Performer::loop_spec(const Attempt& attempt, const project::Agent& agent) const {
  TRY(agent::LoopSpec spec,
      agent::make_loop_spec(attempt.program->workflow(), agent.id, attempt.spec["action"].string_or(""),
                            attempt.spec["instructions"].string_or(""), attempt.spec["prompt"].string_or("")));
  if (agent.max_iterations == 0 && agent.model.max_tool_iterations == 0)
    spec.limits.iterations_max = options_.loop_limits.iterations_max;
  spec.limits.output_retries_max = options_.loop_limits.output_retries_max;
  // A task that asks with a prompt alone says what it wants in its own output schema.
  const project::Task* task = attempt.program->find_task(attempt.path);
  if (task != nullptr && task->action.empty() && spec.output_schema.is_null()) spec.output_schema = task->output_schema;
  return spec;
}

Result<project::ModelConfig> Performer::model_of(const Attempt& attempt, const project::Agent& agent) const {
  json::Value environment = json::Value::object();
  if (attempt.program->host_env().is_object()) {
    for (const auto& [name, reference] : attempt.program->host_env().as_object()) {
      if (const auto value = options_.host_env(name)) environment.set(name, *value);
    }
  }
  return agent::resolve_model(agent.model, environment);
}

// Keeps what was said in every memory that the agent may write, once per activity.
io::Task<Result<void>> Performer::remember(const Attempt& attempt, const std::vector<agent::Message>& said) {
  if (!attempt.spec["memory"].is_array()) co_return Result<void>();
  std::vector<store::MemoryMessage> messages;
  for (const agent::Message& message : said)
    messages.push_back({.role = std::string(agent::role_name(message.role)), .content = message.content});
  const std::string effect = attempt.run_id + ":" + std::to_string(attempt.op);
  for (const json::Value& reference : attempt.spec["memory"].as_array()) {
    if (reference["read_only"].bool_or(false)) continue;
    const std::string id = reference["id"].string_or("");
    const project::Memory* memory = attempt.program->workflow().find_memory(id);
    if (memory == nullptr) co_return fail(Errc::not_found, "the definition has no memory '" + id + "'");
    const store::MemoryKey key{
        .project = attempt.program->workflow().project, .memory = id, .key = reference["key"].string_or("")};
    CO_TRY(co_await options_.memory.append(key, messages, limits_of(*memory), effect));
    remember_effect(attempt, key, effect);
  }
  co_return Result<void>();
}

}  // namespace compozy::workflow
