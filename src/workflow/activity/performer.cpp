// SPDX-License-Identifier: Apache-2.0
#include "workflow/activity/performer.hpp"

namespace compozy::workflow {

ActivityResult failed_activity(const Error& error) {
  ActivityResult result{.outcome = {.status = Status::failed,
                                    .output = {},
                                    .error = make_error(errc_row(error.code).name, error.to_string())}};
  switch (error.code) {
    case Errc::unavailable:
    case Errc::storage_full:
    case Errc::closed: result.verdict = Verdict::unavailable; break;
    case Errc::invalid_argument:
    case Errc::validation_failed:
    case Errc::not_found:
    case Errc::permission_denied:
    case Errc::unauthenticated:
    case Errc::unsupported:
    case Errc::too_large: result.verdict = Verdict::final; break;
    default: result.verdict = Verdict::retry; break;
  }
  return result;
}

ActivityResult succeeded_activity(json::Value output, json::Value usage) {
  return {.outcome = {.status = Status::success, .output = std::move(output), .error = {}}, .usage = std::move(usage)};
}

io::Task<ActivityResult> Performer::perform(Attempt attempt) {
  auto spec = expression::resolve_secrets(attempt.spec, options_.host_env);
  if (!spec) co_return failed_activity(spec.error());
  attempt.spec = std::move(*spec);
  const std::string kind = attempt.spec["kind"].string_or("");
  if (kind == "agent") co_return co_await perform_agent(std::move(attempt));
  if (kind == "tool") co_return co_await perform_tool(std::move(attempt));
  if (kind == "memory") co_return co_await perform_memory(std::move(attempt));
  if (kind == "signal") co_return co_await perform_signal(std::move(attempt));
  co_return failed_activity(
      Error{.code = Errc::unsupported, .message = "this binary performs no activity of kind '" + kind + "'"});
}

io::Task<ActivityResult> Performer::perform_tool(Attempt attempt) {
  auto output = co_await run_tool(attempt, attempt.spec["tool"].string_or(""), attempt.spec["input"], attempt.key);
  if (!output) {
    ActivityResult result = failed_activity(output.error().error);
    if (result.verdict != Verdict::unavailable) {
      result.verdict = output.error().kind == agent::ToolFailure::Kind::retry ? Verdict::retry : Verdict::final;
    }
    co_return result;
  }
  // A tool's answer is an object in the expressions that follow.
  co_return succeeded_activity(output->is_object() ? *output : json::Value::object({{"result", *output}}));
}

io::Task<agent::ToolReply> Performer::run_tool(const Attempt& attempt, const std::string& name,
                                               const json::Value& input, const std::string& key) {
  co_return co_await options_.tools.call(
      attempt.program->workflow(),
      {.tool = name, .exec_id = key, .input = input, .env = attempt.spec["env"], .alive = attempt.alive}, attempt.stop);
}

io::Task<ActivityResult> Performer::perform_signal(Attempt attempt) {
  const auto started = co_await runs_->trigger(attempt.spec["name"].string_or(""), attempt.spec["payload"], attempt.key,
                                               "run/" + attempt.run_id);
  if (!started) co_return failed_activity(started.error());
  json::Value ids = json::Value::array();
  for (const std::string& id : *started) ids.push_back(id);
  co_return succeeded_activity(json::Value::object({{"exec_ids", std::move(ids)}}));
}

void Performer::remember_effect(const Attempt& attempt, const store::MemoryKey& key, const std::string& effect) {
  effects_[{attempt.run_id, attempt.op}].emplace_back(key, effect);
}

void Performer::effects_closed(const std::string& run_id, int64_t op) {
  const auto found = effects_.find({run_id, op});
  if (found == effects_.end()) return;
  for (auto& [key, effect] : found->second) {
    // Only shortens how long the reply is kept; should it be lost, the reply expires by itself.
    io::spawn(options_.loop, [](store::Memory& memory, store::MemoryKey of, std::string name) -> io::Task<void> {
      (void)co_await memory.effect_closed(std::move(of), std::move(name));
    }(options_.memory, std::move(key), std::move(effect)));
  }
  effects_.erase(found);
}

}  // namespace compozy::workflow
