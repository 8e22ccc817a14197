// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/agent_runner.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "io/channel.hpp"
#include "io/stop.hpp"

namespace compozy::agent {
namespace {

struct Answered {
  ToolCall call;
  Result<json::Value> result;
};

// The calls of one answer, shared by the tasks that perform them.
struct Batch {
  explicit Batch(CallTools wanted) : calls(std::move(wanted.calls)), answered(std::max(calls.size(), size_t{1})) {}
  std::vector<PendingCall> calls;
  size_t next = 0;
  io::Channel<Answered> answered;
};

io::Task<void> work(Toolbox& toolbox, const AgentAttempt& attempt, std::shared_ptr<Batch> batch, std::stop_token stop) {
  while (batch->next < batch->calls.size() && !stop.stop_requested()) {
    const PendingCall pending = batch->calls[batch->next++];
    ToolRequest request{.tool = pending.call.name,
                        .exec_id = attempt.key + '/' + pending.key,
                        .input = pending.arguments,
                        .env = attempt.env,
                        .alive = attempt.alive};
    ToolReply reply = co_await toolbox.call(*attempt.workflow, std::move(request), stop);
    Answered answered{.call = pending.call, .result = json::Value()};
    if (reply) {
      answered.result = *std::move(reply);
    } else {
      answered.result = fail(std::move(reply).error().error);
    }
    batch->answered.try_push(std::move(answered));  // there is room for every call
  }
}

class Runner {
 public:
  Runner(io::Loop& loop, Providers& providers, Toolbox& toolbox, AgentPorts& ports, AgentAttempt attempt,
         std::stop_token stop)
      : loop_(loop),
        providers_(providers),
        toolbox_(toolbox),
        ports_(ports),
        attempt_(std::move(attempt)),
        stop_(std::move(stop)),
        agent_(attempt_.spec) {}

  io::Task<AgentReply> run() {
    for (const LoopTurn& turn : attempt_.recorded) {
      if (auto applied = agent_.apply(turn); !applied) co_return broken(std::move(applied).error());
    }
    for (;;) {
      LoopAction action = agent_.next();
      if (auto* finish = std::get_if<Finish>(&action)) co_return std::move(*finish);
      if (auto* given_up = std::get_if<GiveUp>(&action)) co_return broken(std::move(given_up->error));
      if (stop_.stop_requested()) co_return broken({.code = Errc::cancelled, .message = "the agent was stopped"});
      Result<void> done = {};
      if (std::holds_alternative<LoadMemory>(action)) {
        done = co_await load_memory();
      } else if (auto* wanted = std::get_if<CallTools>(&action)) {
        done = co_await call_tools(std::move(*wanted));
      } else {
        auto failure = co_await ask(std::move(std::get<AskModel>(action)));
        if (failure) co_return std::unexpected(*std::move(failure));
      }
      if (!done) co_return broken(std::move(done).error());
    }
  }

 private:
  std::unexpected<AgentFailure> broken(Error error) const {
    // Our own stores: away, not wrong.
    const bool is_away =
        error.code == Errc::unavailable || error.code == Errc::storage_full || error.code == Errc::storage_failed;
    const auto kind = is_away ? ModelFailure::Kind::unavailable : ModelFailure::Kind::final;
    return std::unexpected(AgentFailure{.kind = kind, .error = std::move(error), .usage = agent_.usage()});
  }

  io::Task<Result<void>> take(LoopTurn turn) {
    CO_TRY(co_await ports_.record(turn));
    co_return agent_.apply(turn);
  }

  io::Task<Result<void>> load_memory() {
    CO_TRY(auto messages, co_await ports_.load_memory());
    co_return co_await take(memory_turn(messages));
  }

  io::Task<std::optional<AgentFailure>> ask(AskModel wanted) {
    auto provider = providers_.find(attempt_.model.provider);
    if (!provider) co_return AgentFailure{.error = std::move(provider).error()};
    ModelRequest request{.model = attempt_.model,
                         .messages = std::move(wanted.messages),
                         .tools = std::move(wanted.tools),
                         .output_schema = attempt_.spec.output_schema,
                         .json_mode = attempt_.spec.json_mode};
    AgentPorts& ports = ports_;
    auto reply =
        co_await (*provider)->ask(std::move(request), [&ports](std::string_view text) { ports.delta(text); }, stop_);
    if (!reply) {
      ModelFailure failure = std::move(reply).error();
      co_return AgentFailure{.kind = failure.kind,
                             .error = std::move(failure.error),
                             .retry_after_ms = failure.retry_after_ms,
                             .usage = agent_.usage()};
    }
    auto taken = co_await take(answer_turn(*reply));
    if (!taken) co_return broken(std::move(taken).error()).error();
    co_return std::nullopt;
  }

  io::Task<Result<void>> call_tools(CallTools wanted) {
    const auto batch = std::make_shared<Batch>(std::move(wanted));
    io::TaskScope scope(loop_);
    const io::EitherStop stop(stop_, scope.token());
    for (size_t i = 0; i < std::min(batch->calls.size(), kConcurrentTools); ++i) {
      scope.spawn(work(toolbox_, attempt_, batch, stop.token()));
    }
    Result<void> done = {};
    for (size_t i = 0; i < batch->calls.size() && done; ++i) {
      auto answered = co_await batch->answered.pop(stop_);
      if (!answered || stop_.stop_requested()) {
        // What a stopped tool says is not its result: nothing of it is recorded.
        done = fail(Errc::cancelled, "the agent was stopped");
      } else {
        done = co_await take(result_turn(answered->call, answered->result));
      }
    }
    if (!done) scope.stop();
    co_await scope.join();
    co_return done;
  }

  io::Loop& loop_;
  Providers& providers_;
  Toolbox& toolbox_;
  AgentPorts& ports_;
  const AgentAttempt attempt_;
  const std::stop_token stop_;
  AgentLoop agent_;
};

}  // namespace

io::Task<AgentReply> run_agent(io::Loop& loop, Providers& providers, Toolbox& toolbox, AgentPorts& ports,
                               AgentAttempt attempt, std::stop_token stop) {
  Runner runner(loop, providers, toolbox, ports, std::move(attempt), std::move(stop));
  co_return co_await runner.run();
}

Result<LoopSpec> make_loop_spec(const project::Workflow& workflow, std::string_view agent, std::string_view action,
                                std::string instructions, std::string prompt) {
  const project::Agent* found = workflow.find_agent(agent);
  if (found == nullptr) return fail(Errc::not_found, "the definition has no agent '" + std::string(agent) + "'");
  LoopSpec out{
      .instructions = std::move(instructions), .prompt = std::move(prompt), .has_memory = !found->memory.empty()};
  for (const std::string& tool : found->tools) {
    TRY(ToolOffer offer, Toolbox::offer(workflow, tool));
    out.tools.push_back(std::move(offer));
  }
  if (const project::Action* chosen = found->find_action(action)) {
    out.output_schema = chosen->output_schema;
    out.json_mode = chosen->json_mode;
  } else if (!action.empty()) {
    return fail(Errc::not_found, "agent '" + std::string(agent) + "' has no action '" + std::string(action) + "'");
  }
  if (found->max_iterations > 0) {
    out.limits.iterations_max = found->max_iterations;
  } else if (found->model.max_tool_iterations > 0) {
    out.limits.iterations_max = found->model.max_tool_iterations;
  }
  return out;
}

}  // namespace compozy::agent
