// SPDX-License-Identifier: Apache-2.0
#include "io/process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/text.hpp"
#include "io/completion.hpp"
#include "io/operation.hpp"
#include "io/orphans.hpp"

namespace compozy::io {

namespace asio = boost::asio;

namespace {

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return fail(system_error("create a pipe", "", errno));
  return Pipe{.read = Fd(fds[0]), .write = Fd(fds[1])};
}

bool is_executable(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string search_path(const ProcessOptions& options) {
  for (const auto& variable : options.environment) {
    if (variable.starts_with("PATH=")) return variable.substr(5);
  }
  return environment_variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
}

Result<std::string> find_program(const ProcessOptions& options) {
  if (options.argv.empty() || options.argv.front().empty()) {
    return fail(Errc::invalid_argument, "there is no program to run: the command is empty");
  }
  const std::string& name = options.argv.front();
  if (name.find('/') != std::string::npos) return name;
  const std::string path = search_path(options);
  for (const auto directory : split(path, ':')) {
    std::string candidate = (directory.empty() ? "." : std::string(directory)) + "/" + name;
    if (is_executable(candidate)) return candidate;
  }
  return fail(Errc::not_found, "program '" + name + "' is not in PATH (" + path + ")");
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// All that the child needs, made before the fork: after it, only system calls are safe.
struct Launch {
  std::string program;
  std::string cwd;
  std::vector<char*> argv;
  std::vector<char*> environment;
  ProcessLimits limits;
  std::array<int, 3> standard{};
  int report = -1;
  pid_t parent = 0;
};

void set_limit(int resource, uint64_t value) {
  if (value == 0) return;
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

rlim_t usual_open_files = 0;  // before raise_open_files(); 0: it was not called

// What failed in the child, sent through a pipe that a successful exec closes.
struct LaunchFailure {
  enum Stage : int { directory, program };
  int stage;
  int error;
};

[[noreturn]] void give_up(const Launch& launch, int stage) {
  const LaunchFailure failure{.stage = stage, .error = errno};
  if (::write(launch.report, &failure, sizeof(failure)) < 0) ::_exit(126);
  ::_exit(127);
}

[[noreturn]] void become(const Launch& launch) {
  ::setsid();  // a group as well, and one that nobody can leave for ours
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launch.parent) ::_exit(127);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  // The pipes' numbers may collide with 0, 1 and 2: first move them out of the way.
  std::array<int, 3> moved{};
  for (size_t i = 0; i < 3; ++i) moved[i] = ::fcntl(launch.standard[i], F_DUPFD_CLOEXEC, 10);
  for (size_t i = 0; i < 3; ++i) ::dup2(moved[i], static_cast<int>(i));
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
  if (!launch.cwd.empty() && ::chdir(launch.cwd.c_str()) != 0) give_up(launch, LaunchFailure::directory);
  set_limit(RLIMIT_DATA, launch.limits.memory_bytes);
  set_limit(RLIMIT_CPU, launch.limits.cpu_seconds);
  set_limit(RLIMIT_NPROC, launch.limits.processes);
  if (launch.limits.open_files != 0) {
    set_limit(RLIMIT_NOFILE, launch.limits.open_files);
  } else if (usual_open_files != 0) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = usual_open_files;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  set_limit(RLIMIT_FSIZE, launch.limits.file_bytes);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::execve(launch.program.c_str(), launch.argv.data(), launch.environment.data());
  give_up(launch, LaunchFailure::program);
}

// Waits until exec has succeeded (nothing arrives) or failed.
Result<void> await_exec(int report, const Launch& launch) {
  LaunchFailure failure{};
  ssize_t n = 0;
  do {
    n = ::read(report, &failure, sizeof(failure));
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return {};
  if (failure.stage == LaunchFailure::directory) {
    return fail(system_error("enter the working directory", launch.cwd, failure.error));
  }
  return fail(system_error("run", launch.program, failure.error));
}

}  // namespace

void adopt_orphans() { begin_adopting(); }

uint64_t raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  usual_open_files = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return usual_open_files;
  return limit.rlim_cur;
}

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string ProcessExit::to_string() const {
  if (signal == 0) return "exit code " + std::to_string(code);
  return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

Result<std::unique_ptr<Process>> Process::start(Loop& loop, const ProcessOptions& options) {
  Launch launch;
  TRY(launch.program, find_program(options));
  launch.cwd = options.cwd;
  launch.argv = pointers(options.argv);
  launch.environment = pointers(options.environment);
  launch.limits = options.limits;
  launch.parent = ::getpid();
  TRY(Pipe in, make_pipe());
  TRY(Pipe out, make_pipe());
  TRY(Pipe err, make_pipe());
  TRY(Pipe report, make_pipe());
  launch.standard = {in.read.get(), out.write.get(), err.write.get()};
  launch.report = report.write.get();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(system_error("fork for", launch.program, errno));
  if (pid == 0) become(launch);
  child_started(pid);
  report.write.reset();
  const auto started = await_exec(report.read.get(), launch);
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!started || !pidfd.valid()) {
    const int reason = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    child_ended(pid, options.mark);
    if (!started) return fail(started.error());
    return fail(system_error("watch", launch.program, reason));
  }
  std::unique_ptr<Process> process(new Process(loop, pid, std::move(pidfd)));
  process->mark_ = options.mark;
  process->input_ = adopt_fd(loop, in.write.release(), launch.program);
  process->output_ = adopt_fd(loop, out.read.release(), launch.program);
  process->errors_ = adopt_fd(loop, err.read.release(), launch.program);
  return process;
}

Process::~Process() {
  if (ended_) return;
  kill_group(SIGKILL);
  reap();
}

// The child stays a zombie until here, so its group's number cannot belong to somebody else.
ProcessExit Process::reap() {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  ended_ = true;
  child_ended(pid_, mark_);
  exit_ = {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0, .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
  return exit_;
}

Task<Result<ProcessExit>> Process::wait(std::stop_token stop) {
  if (ended_) co_return exit_;
  boost::system::error_code outcome;
  asio::posix::stream_descriptor descriptor(loop_.context());
  descriptor.assign(::fcntl(pidfd_.get(), F_DUPFD_CLOEXEC, 0), outcome);
  if (!outcome) {
    outcome = co_await operation(stop, [&descriptor](auto handler) {
      descriptor.async_wait(asio::posix::stream_descriptor::wait_read, std::move(handler));
    });
  }
  if (outcome == asio::error::operation_aborted) co_return cancelled();
  if (outcome) co_return fail(system_error("wait for", std::to_string(pid_), outcome.value()));
  co_return reap();
}

void Process::kill_group(int signal) {
  if (!ended_) ::kill(-pid_, signal);
}

}  // namespace compozy::io
