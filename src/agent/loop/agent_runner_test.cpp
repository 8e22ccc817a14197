// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/agent_runner.hpp"

#include <stdlib.h>
#include "agent/llm/pacing.hpp"

#include <filesystem>
#include <fstream>

#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Remembers turns; breaks when it is told to, as a crash would.
class MemoryPorts final : public AgentPorts {
 public:
  io::Task<Result<std::vector<Message>>> load_memory() override {
    ++loads;
    co_return std::vector<Message>{{.role = Role::user, .content = "earlier"}};
  }
  io::Task<Result<void>> record(LoopTurn turn) override {
    if (turns.size() >= break_after) co_return fail(Errc::unavailable, "the store is away");
    turns.push_back(std::move(turn));
    co_return {};
  }
  void delta(std::string_view text) override { written += text; }
  std::vector<std::string> kinds() const {
    std::vector<std::string> out;
    for (const LoopTurn& turn : turns) out.push_back(turn.kind);
    return out;
  }

  std::vector<LoopTurn> turns;
  size_t break_after = SIZE_MAX;
  std::string written;
  int loads = 0;
};

class AgentRunnerTest : public ::testing::Test {
 protected:
  AgentRunnerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "agent-test-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::ofstream(root_ / "a.txt") << "alpha";
    std::ofstream(root_ / "b.txt") << "beta";
    workflow_.agents.push_back({.id = "reader", .tools = {"cp__read_file"}});
    workflow_.agents[0].actions.push_back({.id = "read", .prompt = "p"});
    workflow_.agents[0].memory.push_back({.id = "m", .key = "k"});
    model_.provider = "mock";
    model_.params = *json::parse(R"({"rules": [
      {"after": "cp__read_file", "reply": "the last file says {{ (fromJson .result).content | default \"nothing\" }}"},
      {"match": "read", "tool_calls": [{"name": "cp__read_file", "arguments": {"path": "a.txt"}},
                                       {"name": "cp__read_file", "arguments": {"path": "b.txt"}},
                                       {"name": "cp__read_file", "arguments": {"path": "none.txt"}}]}]})");
  }
  ~AgentRunnerTest() override { std::filesystem::remove_all(root_); }

  AgentReply run(std::string prompt = "read it", std::stop_token stop = {}) {
    Toolbox toolbox(loop_, pool_, {.project_root = root_.string(), .work_dir = (root_ / "w").string(), .runtime = {}});
    AgentAttempt attempt{.workflow = &workflow_,
                         .spec = *make_loop_spec(workflow_, "reader", "read", "Be brief.", std::move(prompt)),
                         .model = model_,
                         .recorded = ports_.turns,
                         .key = "run/3"};
    return io::run_until(loop_, run_agent(loop_, providers_, toolbox, ports_, std::move(attempt), stop));
  }

  io::Loop loop_;
  io::BlockingPool pool_{{.name = "tools", .threads = 2}};
  http::Client client_{loop_, {}};
  Providers providers_{loop_, system_clock(), client_, {}};
  std::filesystem::path root_;
  project::Workflow workflow_;
  project::ModelConfig model_;
  MemoryPorts ports_;
};

TEST_F(AgentRunnerTest, CallsToolsAndAnswers) {
  auto reply = run();
  ASSERT_TRUE(reply) << reply.error().error.to_string();
  EXPECT_THAT(ports_.kinds(), ElementsAre("memory", "answer", "result", "result", "result", "answer"));
  EXPECT_THAT(ports_.written, HasSubstr("the last file says"));
  EXPECT_EQ(reply->output["response"].as_string(), ports_.written);
  EXPECT_EQ(reply->remember[0].content, "read it");
}

TEST_F(AgentRunnerTest, GoesOnAfterTheLastRecordedTurnWhereverItBroke) {
  for (size_t break_after = 0; break_after < 6; ++break_after) {
    ports_ = MemoryPorts();
    ports_.break_after = break_after;
    auto broken = run();
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().kind, ModelFailure::Kind::unavailable);
    EXPECT_EQ(ports_.turns.size(), break_after);
    ports_.break_after = SIZE_MAX;
    const size_t kept = ports_.turns.size();
    const std::string first = kept > 1 ? json::print(ports_.turns[1].body) : "";
    auto reply = run();
    ASSERT_TRUE(reply) << reply.error().error.to_string();
    EXPECT_EQ(ports_.turns.size(), 6U);
    if (kept > 1) {
      EXPECT_EQ(json::print(ports_.turns[1].body), first);
    }
    EXPECT_EQ(ports_.loads, kept > 0 ? 1 : 2);
  }
}

TEST_F(AgentRunnerTest, SaysWhyTheProviderFailed) {
  model_.params = *json::parse(R"({"rules": [{"error": {"message": "overloaded", "kind": "unavailable"}}]})");
  auto reply = run();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, ModelFailure::Kind::unavailable);
  EXPECT_THAT(reply.error().error.message, HasSubstr("overloaded"));
  model_.provider = "mok";
  EXPECT_THAT(run().error().error.message, HasSubstr("did you mean 'mock'?"));
}

TEST_F(AgentRunnerTest, StopsWhenItIsAskedTo) {
  std::stop_source source;
  source.request_stop();
  auto reply = run("read it", source.get_token());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().error.code, Errc::cancelled);
  EXPECT_TRUE(ports_.turns.empty());
}

}  // namespace
}  // namespace compozy::agent
