// SPDX-License-Identifier: Apache-2.0
#include "sandbox/worker.hpp"

#include <array>
#include <csignal>

#include "base/text.hpp"
#include "io/timer.hpp"

namespace compozy::sandbox {

Result<std::unique_ptr<Worker>> Worker::start(io::Loop& loop, const Spec& spec) {
  TRY(auto environment, environment_of(spec));
  TRY(auto process,
      io::Process::start(
          loop, {.argv = spec.argv, .cwd = spec.cwd, .environment = std::move(environment), .limits = spec.limits}));
  return std::unique_ptr<Worker>(new Worker(loop, spec, std::move(process)));
}

Worker::Worker(io::Loop& loop, Spec spec, std::unique_ptr<io::Process> process)
    : loop_(loop), spec_(std::move(spec)), process_(std::move(process)), reading_(loop) {
  reading_.spawn(keep_errors(reading_.token()));
}

Worker::~Worker() = default;

// Standard error is read all the time: a program whose pipe is full would stop.
io::Task<void> Worker::keep_errors(std::stop_token stop) {
  std::array<char, 4096> chunk;
  for (;;) {
    const auto n = co_await process_->errors().read_some(chunk, stop);
    if (!n || *n == 0) co_return;
    if (on_output_) on_output_();
    if (errors_.size() < spec_.errors_bytes_max) {
      errors_.append(chunk.data(), std::min<uint64_t>(*n, spec_.errors_bytes_max - errors_.size()));
    }
  }
}

std::string Worker::take_errors() { return std::exchange(errors_, {}); }

io::Task<Result<std::string>> Worker::exchange(std::string line, std::stop_token stop) {
  CO_TRY(co_await process_->input().write_all(line, stop));
  std::array<char, 65536> chunk;
  size_t searched = 0;
  for (;;) {
    const size_t end = in_.find('\n', searched);
    if (end != std::string::npos) {
      std::string answer = in_.substr(0, end);
      in_.erase(0, end + 1);
      co_return answer;
    }
    searched = in_.size();
    if (in_.size() > spec_.output_bytes_max) {
      co_return fail(Errc::too_large, "'" + spec_.argv.front() + "' answered with more than " +
                                          std::to_string(spec_.output_bytes_max) + " bytes, the limit");
    }
    CO_TRY(const size_t n, co_await process_->output().read_some(chunk, stop));
    if (n == 0) {
      const auto exit = co_await process_->wait(stop);
      if (exit) co_await await_pipes(loop_, reading_);
      const std::string how = exit ? exit->to_string() : std::string("closing its output");
      co_return fail(Errc::closed, "'" + spec_.argv.front() + "' ended with " + how + " instead of answering" +
                                       (errors_.empty() ? "" : "; its standard error: " + shorten(errors_, 1000)));
    }
    if (on_output_) on_output_();
    in_.append(chunk.data(), n);
  }
}

io::Task<Result<std::string>> Worker::ask(std::string request, int64_t timeout_ms, std::stop_token stop,
                                          std::function<void()> alive) {
  if (!alive_) co_return fail(Errc::closed, "'" + spec_.argv.front() + "' no longer runs");
  if (request.find('\n') != std::string::npos) {
    co_return fail(Errc::invalid_argument, "a request to a worker is one line");
  }
  on_output_ = std::move(alive);
  const auto work = [&](std::stop_token token) { return exchange(request + "\n", std::move(token)); };
  auto answer = co_await io::with_timeout(loop_, timeout_ms, "'" + spec_.argv.front() + "'", stop, work);
  on_output_ = {};
  if (answer) co_return answer;
  alive_ = false;
  process_->kill_group(SIGKILL);
  static_cast<void>(co_await process_->wait());
  co_return answer;
}

io::Task<void> Worker::close() {
  process_->input().close();
  if (alive_) {
    const auto leave = [this](std::stop_token stop) { return process_->wait(std::move(stop)); };
    const auto left = co_await io::with_timeout(loop_, spec_.grace_ms, "leaving", {}, leave);
    if (!left) static_cast<void>(co_await end_process(loop_, *process_, spec_.grace_ms));
  }
  alive_ = false;
  co_await await_pipes(loop_, reading_);
}

}  // namespace compozy::sandbox
