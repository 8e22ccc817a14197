// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.hpp"

#include <csignal>

#include "sandbox/worker.hpp"

namespace compozy::sandbox {
namespace {

class SandboxTest : public ::testing::Test {
 protected:
  Result<Outcome> sh(std::string script, Spec spec = {}, std::stop_token stop = {}) {
    spec.argv = {"sh", "-c", std::move(script)};
    return io::run_until(loop_, run(loop_, std::move(spec), stop));
  }
  io::Loop loop_;
};

TEST_F(SandboxTest, GivesOutputErrorsAndExitCode) {
  const auto outcome = sh("cat; echo oops >&2; exit 4", {.input = "in"}).value();
  EXPECT_EQ(outcome.output, "in");
  EXPECT_EQ(outcome.errors, "oops\n");
  EXPECT_EQ(outcome.exit.code, 4);
}

TEST_F(SandboxTest, ArgumentsMeetNoShell) {
  const Spec spec{.argv = {"printf", "%s", "$HOME; echo `x`"}};
  EXPECT_EQ(io::run_until(loop_, run(loop_, spec)).value().output, "$HOME; echo `x`");
}

TEST_F(SandboxTest, SeesOnlyTheListedEnvironment) {
  ::setenv("COMPOZY_TEST_SECRET", "hidden", 1);
  ::setenv("TZ", "UTC", 1);
  const auto outcome = sh("env | sort", {.environment = {{"GIVEN", "a=b c"}}, .inherited = {"TZ"}}).value();
  EXPECT_THAT(outcome.output, ::testing::HasSubstr("GIVEN=a=b c\n"));
  EXPECT_THAT(outcome.output, ::testing::HasSubstr("TZ=UTC\n"));
  EXPECT_THAT(outcome.output, ::testing::Not(::testing::HasSubstr("hidden")));
}

TEST_F(SandboxTest, RefusesVariablesThatLoadCode) {
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "DYLD_LIBRARY_PATH",
                           "NODE_OPTIONS", "BUN_CONFIG_PROFILE", "LD_AUDIT"}) {
    EXPECT_EQ(check_variable(name, "x").error().code, Errc::permission_denied) << name;
    EXPECT_FALSE(sh("true", {.environment = {{name, "x"}}}).has_value());
  }
  for (const char* name : {"", "lower", "A-B", "A B", "A=B"}) {
    EXPECT_EQ(check_variable(name, "x").error().code, Errc::invalid_argument) << name;
  }
  EXPECT_FALSE(check_variable("A", "x\ny").has_value());
  EXPECT_FALSE(check_variable("A", std::string_view("x\0y", 3)).has_value());
  EXPECT_TRUE(check_variable("A_1", "anything ; $x").has_value());
}

TEST_F(SandboxTest, AProgramThatIgnoresSigtermIsKilled) {
  const auto outcome =
      sh("trap '' TERM; echo started >&2; while :; do sleep 0.01; done", {.timeout_ms = 100, .grace_ms = 50});
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Errc::timeout);
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("did not finish within 100ms"));
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("started"));
}

TEST_F(SandboxTest, ATimeoutReachesTheWholeGroup) {
  const auto outcome = sh("sleep 100 & sleep 100 & wait", {.timeout_ms = 50, .grace_ms = 1000});
  EXPECT_EQ(outcome.error().code, Errc::timeout);
}

TEST_F(SandboxTest, ACancelledProgramMayCleanUp) {
  std::stop_source source;
  std::string pattern = ::testing::TempDir() + "compozy_sandbox_XXXXXX";
  const std::string dir = ::mkdtemp(pattern.data());
  io::LoopThread canceller("cancel");
  const auto cancel_when_ready = [](io::Loop&, std::string path, std::stop_source s) -> io::Task<void> {
    while (!io::read_file(path)) co_await io::yield();
    s.request_stop();
  };
  io::spawn(canceller.loop(), cancel_when_ready(canceller.loop(), dir + "/ready", source));
  const auto outcome = sh(
      "trap 'echo cleaned > " + dir + "/cleaned; exit 0' TERM; echo > " + dir + "/ready; while :; do sleep 0.01; done",
      {}, source.get_token());
  EXPECT_EQ(outcome.error().code, Errc::cancelled);
  EXPECT_EQ(io::read_file(dir + "/cleaned").value(), "cleaned\n");
}

TEST_F(SandboxTest, AFloodOfOutputIsCutOff) {
  const auto outcome = sh("yes", {.output_bytes_max = 100'000});
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Errc::too_large);
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("more than 100000 bytes"));
  EXPECT_EQ(sh("printf 12345", {.output_bytes_max = 5}).value().output, "12345");
  EXPECT_EQ(sh("printf 123456", {.output_bytes_max = 5}).error().code, Errc::too_large);
}

TEST_F(SandboxTest, AFloodOfErrorsIsDropped) {
  const auto outcome = sh("yes | head -c 1000000 >&2; echo fine", {.errors_bytes_max = 1000}).value();
  EXPECT_EQ(outcome.errors.size(), 1000U);
  EXPECT_TRUE(outcome.errors_cut);
  EXPECT_EQ(outcome.output, "fine\n");
}

TEST_F(SandboxTest, AProgramThatReadsNothingGetsALargeInput) {
  EXPECT_EQ(sh("exec 0<&-; echo fine", {.input = std::string(5U << 20U, 'x')}).value().output, "fine\n");
  EXPECT_EQ(sh("wc -c", {.input = std::string(5U << 20U, 'x')}).value().output, "5242880\n");
}

TEST_F(SandboxTest, MemoryIsLimited) {
  const auto outcome =
      sh("x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}", {.limits = {.memory_bytes = 50U << 20U}});
  ASSERT_TRUE(outcome.has_value());
  EXPECT_FALSE(outcome->exit.succeeded());
}

class WorkerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Worker> start(std::string script, Spec spec = {}) {
    spec.argv = {"sh", "-c", std::move(script)};
    return Worker::start(loop_, spec).value();
  }
  Result<std::string> ask(Worker& worker, std::string line, int64_t timeout_ms = 10'000) {
    return io::run_until(loop_, worker.ask(std::move(line), timeout_ms));
  }
  void close(Worker& worker) { io::run_until(loop_, worker.close()); }
  io::Loop loop_;
};

TEST_F(WorkerTest, AnswersLineByLineFromOneProcess) {
  const auto worker = start("while read -r line; do echo log >&2; echo \"$$ $line\"; done");
  const auto first = ask(*worker, "one").value();
  const auto second = ask(*worker, "two").value();
  EXPECT_THAT(first, ::testing::EndsWith(" one"));
  EXPECT_EQ(first.substr(0, first.find(' ')), second.substr(0, second.find(' '))) << "the same process";
  EXPECT_EQ(ask(*worker, "two\nlines").error().code, Errc::invalid_argument);
  EXPECT_TRUE(worker->is_alive());
  close(*worker);
  EXPECT_EQ(worker->take_errors(), "log\nlog\n");
  EXPECT_EQ(ask(*worker, "late").error().code, Errc::closed);
}

TEST_F(WorkerTest, CarriesLinesLargerThanAPipe) {
  const auto worker = start("while read -r line; do echo \"$line\"; done");
  const std::string large(300'000, 'x');
  EXPECT_EQ(ask(*worker, large).value(), large);
  close(*worker);
}

TEST_F(WorkerTest, IsKilledWhenItAnswersTooLateOrTooMuch) {
  const auto slow = start("read -r line; sleep 100");
  EXPECT_EQ(ask(*slow, "x", 30).error().code, Errc::timeout);
  EXPECT_FALSE(slow->is_alive());
  close(*slow);
  const auto loud = start("read -r line; yes | tr -d '\\n'", {.output_bytes_max = 100'000});
  EXPECT_EQ(ask(*loud, "x").error().code, Errc::too_large);
  EXPECT_FALSE(loud->is_alive());
  close(*loud);
}

TEST_F(WorkerTest, TellsHowItEndedAndWhatItSaid) {
  const auto worker = start("read -r line; echo 'cannot go on' >&2; exit 7");
  const auto answer = ask(*worker, "x");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::closed);
  EXPECT_THAT(answer.error().message, ::testing::HasSubstr("exit code 7"));
  EXPECT_THAT(answer.error().message, ::testing::HasSubstr("cannot go on"));
  close(*worker);
}

}  // namespace
}  // namespace compozy::sandbox
