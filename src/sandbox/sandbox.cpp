// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.hpp"

#include <array>
#include <csignal>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "io/completion.hpp"
#include "io/stop.hpp"
#include "io/timer.hpp"
#include "sandbox/collect.hpp"

namespace compozy::sandbox {

namespace {

constexpr int64_t kLingerMs = 1'000;

io::Task<void> feed(io::Stream& input, std::string bytes, std::stop_token stop) {
  // A program need not read what it is given.
  static_cast<void>(co_await input.write_all(bytes, stop));
  input.close();
}

Failure explain(const Spec& spec, Error error, const Collected& output, const Collected& errors, bool timed_out) {
  const std::string name = "'" + (spec.argv.empty() ? std::string() : spec.argv.front()) + "'";
  if (output.overflowed) {
    return fail(Errc::too_large, name + " wrote more than " + std::to_string(spec.output_bytes_max) +
                                     " bytes to its standard output, the limit");
  }
  if (timed_out) {
    const std::string said = errors.bytes.empty() ? "" : "; its standard error: " + shorten(errors.bytes, 1000);
    return fail(Errc::timeout,
                name + " did not finish within " + format_duration_ms(spec.timeout_ms) + " and was stopped" + said);
  }
  return fail(std::move(error));
}

}  // namespace

io::Task<void> await_pipes(io::Loop& loop, io::TaskScope& pipes) {
  io::Timer linger(loop);
  linger.start(kLingerMs, [&pipes] { pipes.stop(); });
  co_await pipes.join();
}

io::Task<Result<io::ProcessExit>> end_process(io::Loop& loop, io::Process& process, int64_t grace_ms) {
  process.kill_group(SIGTERM);
  const auto work = [&process](std::stop_token stop) { return process.wait(std::move(stop)); };
  auto ended = co_await io::with_timeout(loop, grace_ms, "ending", {}, work);
  if (ended) co_return ended;
  process.kill_group(SIGKILL);
  co_return co_await process.wait();
}

io::Task<void> collect(io::Stream& stream, Collected& into, uint64_t bytes_max, std::stop_source overflow,
                       const std::function<void()>& alive, std::stop_token stop) {
  std::array<char, 65536> chunk;
  for (;;) {
    const auto n = co_await stream.read_some(chunk, stop);
    if (!n || *n == 0) co_return;
    if (alive) alive();
    const uint64_t room = bytes_max - into.bytes.size();
    into.bytes.append(chunk.data(), std::min<uint64_t>(*n, room));
    if (*n <= room) continue;
    into.overflowed = true;
    if (overflow.request_stop()) co_return;  // nobody wants the rest; without a stop it is read and dropped
  }
}

io::Task<Result<Outcome>> run(io::Loop& loop, Spec spec, std::stop_token stop) {
  CO_TRY(auto environment, environment_of(spec));
  CO_TRY(const auto process, io::Process::start(loop, {.argv = spec.argv,
                                                       .cwd = spec.cwd,
                                                       .environment = std::move(environment),
                                                       .limits = spec.limits,
                                                       .mark = spec.mark}));
  Collected output;
  Collected errors;
  const io::Deadline deadline(loop, spec.timeout_ms, stop);
  const io::EitherStop giving_up(deadline.token(), {});
  io::TaskScope pipes(loop);
  pipes.spawn(feed(process->input(), std::move(spec.input), pipes.token()));
  pipes.spawn(collect(process->output(), output, spec.output_bytes_max, giving_up.source(), spec.alive, pipes.token()));
  const std::stop_source no_overflow(std::nostopstate);
  pipes.spawn(collect(process->errors(), errors, spec.errors_bytes_max, no_overflow, spec.alive, pipes.token()));

  auto exit = co_await process->wait(giving_up.token());
  const bool timed_out = deadline.expired();
  if (!exit) CO_TRY(co_await end_process(loop, *process, output.overflowed ? 0 : spec.grace_ms));
  co_await await_pipes(loop, pipes);
  // It may have overflowed with its last words.
  if (exit && output.overflowed) exit = io::cancelled();
  if (!exit) co_return explain(spec, std::move(exit).error(), output, errors, timed_out);
  co_return Outcome{.exit = *exit,
                    .output = std::move(output.bytes),
                    .errors = std::move(errors.bytes),
                    .errors_cut = errors.overflowed};
}

}  // namespace compozy::sandbox
