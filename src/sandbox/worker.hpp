// SPDX-License-Identifier: Apache-2.0
//
// Worker: a program that stays, answering one line with one line: what a JavaScript runtime becomes, so that its start
// is paid once.
//
//   CO_TRY(auto worker, sandbox::Worker::start(loop, {.argv = {"node", "worker.mjs"}}));
//   CO_TRY(auto line, co_await worker->ask(request_json, 5'000, stop));
//
// One question at a time. After any error of ask() (timeout, cancelled, closed, too_large) the program has been killed,
// since nobody knows what it is doing; is_alive() is then false and its owner starts another.
// Spec::input and timeout_ms are not used; output_bytes_max bounds one answer; errors_bytes_max what is kept of its
// standard error per question.
// Owner and thread: one loop. close() is awaited before the worker is destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/process.hpp"
#include "io/task.hpp"
#include "sandbox/collect.hpp"
#include "sandbox/sandbox.hpp"

namespace compozy::sandbox {

class Worker {
 public:
  static Result<std::unique_ptr<Worker>> start(io::Loop& loop, const Spec& spec);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // `request` must hold no line break. The answer comes without its line break. `alive` is called whenever it writes
  // something meanwhile.
  io::Task<Result<std::string>> ask(std::string request, int64_t timeout_ms, std::stop_token stop = {},
                                    std::function<void()> alive = {});
  bool is_alive() const { return alive_; }
  std::string take_errors();  // of its standard error, since the last call

  // Closes its input, which asks it to end; after grace_ms it is ended, after twice that killed.
  io::Task<void> close();

 private:
  Worker(io::Loop& loop, Spec spec, std::unique_ptr<io::Process> process);
  io::Task<Result<std::string>> exchange(std::string line, std::stop_token stop);
  io::Task<void> keep_errors(std::stop_token stop);

  io::Loop& loop_;
  const Spec spec_;
  std::unique_ptr<io::Process> process_;
  io::TaskScope reading_;
  std::string in_;  // behind the last answer
  std::string errors_;
  bool alive_ = true;
  std::function<void()> on_output_;
};

}  // namespace compozy::sandbox
