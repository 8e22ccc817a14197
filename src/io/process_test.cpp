// SPDX-License-Identifier: Apache-2.0
#include "io/process.hpp"

#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "io/signal.hpp"
#include "io/timer.hpp"

namespace compozy::io {
namespace {

std::unique_ptr<Process> sh(Loop& loop, std::string script, ProcessLimits limits = {}) {
  return Process::start(loop, {.argv = {"sh", "-c", std::move(script)}, .environment = {"A=b"}, .limits = limits})
      .value();
}

Task<Result<std::string>> talk(Process& process, std::string input) {
  CO_TRY(co_await process.input().write_all(input));
  process.input().close();
  CO_TRY(auto heard, co_await read_to_end(process.output(), 1U << 20U));
  CO_TRY(const auto exit, co_await process.wait());
  co_return heard + exit.to_string();
}

Task<Result<std::string>> talk_line(Process& process) {
  std::string heard;
  std::array<char, 1> byte{};
  while (!heard.ends_with('\n')) {
    CO_TRY(const size_t n, co_await process.output().read_some(byte));
    if (n == 0) co_return fail(Errc::closed, "ended after: " + heard);
    heard += byte[0];
  }
  co_return heard;
}

TEST(Process, ReadsItsInputAndGivesItsOutputAndExitCode) {
  Loop loop;
  const auto process = sh(loop, "cat; echo $A $HOME; exit 3");
  EXPECT_EQ(run_until(loop, talk(*process, "hello ")).value(), "hello b\nexit code 3");
  EXPECT_EQ(run_until(loop, process->wait()).value().code, 3) << "waiting again gives the same";
}

TEST(Process, HasNoDescriptorsButItsOwn) {
  Loop loop;
  const auto listener = listen_tcp(loop, "127.0.0.1", 0).value();
  const auto process = sh(loop, "ls /proc/self/fd | wc -l");  // ls opens the directory itself
  EXPECT_THAT(run_until(loop, talk(*process, "")).value(), ::testing::StartsWith("4\n"));
}

TEST(Process, TellsTheSignalThatEndedIt) {
  Loop loop;
  const auto process = sh(loop, "kill -TERM $$");
  EXPECT_EQ(run_until(loop, process->wait()).value().to_string(), "signal 15 (Terminated)");
}

TEST(Process, MissingProgramsAndDirectoriesAreNamed) {
  Loop loop;
  const auto program = Process::start(loop, {.argv = {"no-such-program-here"}});
  EXPECT_EQ(program.error().code, Errc::not_found);
  EXPECT_THAT(program.error().message, ::testing::HasSubstr("'no-such-program-here' is not in PATH"));
  const auto directory = Process::start(loop, {.argv = {"true"}, .cwd = "/no/such/place"});
  EXPECT_EQ(directory.error().code, Errc::not_found);
  EXPECT_THAT(directory.error().message, ::testing::HasSubstr("/no/such/place"));
  const auto forbidden = Process::start(loop, {.argv = {"/etc/passwd"}});
  EXPECT_EQ(forbidden.error().code, Errc::permission_denied);
  EXPECT_EQ(Process::start(loop, {}).error().code, Errc::invalid_argument);
}

TEST(Process, AWaitThatIsStoppedLeavesItRunning) {
  Loop loop;
  const auto process = sh(loop, "sleep 100");
  const auto work = [&](std::stop_token stop) { return process->wait(stop); };
  EXPECT_EQ(run_until(loop, with_timeout(loop, 5, "x", {}, work)).error().code, Errc::timeout);
  process->kill_group(SIGKILL);
  EXPECT_EQ(run_until(loop, process->wait()).value().signal, SIGKILL);
}

TEST(Process, NothingOfItsGroupOutlivesIt) {
  Loop loop;
  const auto process = sh(loop, "sleep 100 & echo $!; exit 0");
  // The background sleep holds the pipe open, so its end shows that it was killed.
  const auto wait_then_read = [](Process& p) -> Task<Result<std::string>> {
    CO_TRY(co_await p.wait());
    co_return co_await read_to_end(p.output(), 100);
  };
  EXPECT_FALSE(run_until(loop, wait_then_read(*process)).value().empty());
}

// A program whose helper leaves for a session of its own and outlives its parent; says the helper's number.
constexpr const char* kDaemon = "setsid sh -c 'sleep 1000 & echo $!' & wait";

TEST(Process, WhatLeftItsGroupIsKilledByItsMarkWhileOthersRun) {
  Loop loop;
  adopt_orphans();
  const auto other =
      Process::start(loop, {.argv = {"sh", "-c", kDaemon}, .environment = {"PATH=/usr/bin:/bin", "K=2"}, .mark = "K=2"})
          .value();
  const auto process =
      Process::start(loop, {.argv = {"sh", "-c", kDaemon}, .environment = {"PATH=/usr/bin:/bin", "K=1"}, .mark = "K=1"})
          .value();
  const auto helper_of = [&](Process& of) { return std::stoi(run_until(loop, talk_line(of)).value()); };
  const pid_t helper = helper_of(*process);
  const pid_t others = helper_of(*other);
  EXPECT_TRUE(run_until(loop, process->wait()).value().succeeded());
  EXPECT_EQ(::kill(helper, 0), -1) << "it carried the mark of the program that ended";
  EXPECT_EQ(::kill(others, 0), 0);
  EXPECT_TRUE(run_until(loop, other->wait()).value().succeeded());
  EXPECT_EQ(::kill(others, 0), -1) << "nothing runs any more";
}

TEST(Process, DestroyingItKillsIt) {
  Loop loop;
  auto process = sh(loop, "sleep 100");
  const pid_t pid = process->pid();
  EXPECT_EQ(::kill(pid, 0), 0);
  process.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Process, LimitsBind) {
  Loop loop;
  const auto file = sh(loop, "ulimit -f; ulimit -n", {.open_files = 33, .file_bytes = 512 * 7});
  EXPECT_EQ(run_until(loop, talk(*file, "")).value(), "7\n33\nexit code 0");
  const auto busy = sh(loop, "while :; do :; done", {.cpu_seconds = 1});
  EXPECT_NE(run_until(loop, busy->wait()).value().signal, 0);
}

TEST(SignalWatcher, GivesTheSignalAndCanBeStopped) {
  Loop loop;
  SignalWatcher watcher(loop, {SIGUSR1});
  loop.post([] { ::kill(::getpid(), SIGUSR1); });
  EXPECT_EQ(run_until(loop, watcher.wait()).value(), SIGUSR1);
  std::stop_source source;
  loop.post([&source] { source.request_stop(); });
  EXPECT_EQ(run_until(loop, watcher.wait(source.get_token())).error().code, Errc::cancelled);
}

}  // namespace
}  // namespace compozy::io
