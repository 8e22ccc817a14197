// SPDX-License-Identifier: Apache-2.0
#include "app/redis_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/redis_crash.hpp"
#include "app/redis_log.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "io/file.hpp"
#include "observe/log.hpp"
#include "redis/commands/config/config_file.hpp"
#include "redis/commands/config/setting_rows.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/replication/replication.hpp"
#include "redis/embedded/maintenance.hpp"
#include "redis/persist/append_log.hpp"
#include "redis/persist/child_file.hpp"
#include "redis/persist/dump_file.hpp"
#include "redis/persist/loading.hpp"
#include "redis/persist/replica_link.hpp"
#include "redis/server/server.hpp"
#include "redis/server/tls.hpp"

namespace compozy::app {

namespace {

using Level = RedisLog::Level;

constexpr const char* kOomScore = "/proc/self/oom_score_adj";

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string absolute(const std::string& path) {
  if (path.empty() || path.starts_with('/')) return path;
  std::string directory(4096, '\0');
  if (::getcwd(directory.data(), directory.size()) == nullptr) return path;
  directory.resize(std::strlen(directory.c_str()));
  return directory + "/" + path;
}

std::string executable_path() {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(static_cast<size_t>(std::max<ssize_t>(0, size)));
  return path;
}

// Saves and rewrites are written by a process of their own, as Redis' are: it may die without harm.
Result<std::unique_ptr<redis::LogFile>> write_in_child(const std::string& path) {
  return redis::open_child_file(executable_path(), path);
}

// One server process: what its settings change outside the engine.
class Process final : public redis::HostPort {
 public:
  explicit Process(std::string config_file) : config_file_(std::move(config_file)), wake_(eventfd(0, EFD_CLOEXEC)) {}

  int run(redis::ConfigFile& config);

  std::string apply(const redis::SettingRow& row, const redis::Settings& before, const redis::Settings& now) override;
  std::string shutdown(redis::ShutdownOptions options) override;
  void follow(const std::string& host, int64_t port) override;
  std::string config_file() const override { return config_file_; }
  std::string executable() const override { return executable_path(); }
  void log(std::string_view text) override { log_.write(Level::warning, text); }
  Result<std::string> read_file(const std::string& path) override { return io::read_file(path); }
  Result<void> write_file(const std::string& path, std::string_view text) override {
    return io::write_file_atomic(path, text);
  }

 private:
  bool open_log(const redis::Settings& settings);
  bool start(redis::ConfigFile& config);
  bool load_users(redis::ConfigFile& config);
  bool start_server(const redis::Settings& settings);
  bool load(redis::Loading& loading);
  std::array<pollfd, 2> reasons_to_stop() const;
  bool stop_requested();
  void follow_master(const std::string& setting);
  std::shared_ptr<redis::TlsContext> make_tls(const redis::Settings& settings);
  std::string apply_tls(const redis::SettingRow& row, const redis::Settings& now);
  bool end_by_signal(uint32_t number);
  std::string switch_log(bool on);
  std::string set_oom_score(const redis::Settings& now);
  void banner();
  void wait();
  void say(Level level, const std::string& text) { log_.write(level, text); }

  std::string config_file_;
  std::optional<int64_t> oom_score_base_;  // as it was before the setting had a say
  redis::Fd wake_;
  redis::Fd signals_;
  RedisLog log_;
  std::unique_ptr<redis::Engine> engine_;
  std::unique_ptr<redis::DumpFile> dump_file_;
  std::unique_ptr<redis::AppendLog> append_log_;
  std::unique_ptr<redis::Maintenance> maintenance_;
  std::unique_ptr<redis::Server> server_;
  std::unique_ptr<redis::ReplicaLink> link_;
  std::vector<std::unique_ptr<redis::ReplicaLink>> ended_links_;
  bool interrupted_ = false;  // told to end while the data was not there yet: nothing is saved
};

std::optional<uint16_t> port_of(int64_t number) {
  if (number == 0) return std::nullopt;
  return static_cast<uint16_t>(number);
}

std::string Process::apply(const redis::SettingRow& row, const redis::Settings&, const redis::Settings& now) {
  if (row.name.starts_with("oom-score-adj")) return set_oom_score(now);
  if (row.name == "loglevel") log_.set_level(now.loglevel);
  if (row.name == "appendonly" && append_log_ != nullptr) return switch_log(now.appendonly);
  if (row.name == "aof-disable-auto-gc" && append_log_ != nullptr) append_log_->collect_history();
  if (row.name == "dir" && ::chdir(now.dir.c_str()) != 0) return std::strerror(errno);
  if ((row.name == "port" || row.name == "bind") && server_ != nullptr) {
    auto bound = server_->rebind(now.bind, port_of(now.port));
    if (bound && row.name == "bind") bound = server_->rebind_tls(now.bind, port_of(now.tls_port));
    if (!bound) {
      say(Level::warning, "Failed listening on " + bound.error().message);
      return row.name == "port" ? "Unable to listen on this port. Check server logs."
                                : "Failed to bind to specified addresses.";
    }
  }
  if (row.name.starts_with("tls-") && server_ != nullptr) return apply_tls(row, now);
  return {};
}

// How soon the system ends this process when memory runs out: the first value is a master's, the second a replica's.
std::string Process::set_oom_score(const redis::Settings& now) {
  constexpr int64_t kLargest = 1000;
  const bool on = now.oom_score_adj != "no";
  if (!on && !oom_score_base_) return {};
  if (!oom_score_base_) {
    int64_t base = 0;
    parse_int64(trim(text_of(kOomScore).value_or("0")), base);
    oom_score_base_ = base;
  }
  const auto values = split(now.oom_score_adj_values, ' ');
  const size_t role = engine_ != nullptr && engine_->state().following.on() ? 1 : 0;
  int64_t score = *oom_score_base_;
  int64_t value = 0;
  if (on && role < values.size() && parse_int64(values[role], value))
    score = now.oom_score_adj == "absolute" ? value : score + value;
  std::ofstream file(kOomScore);
  file << std::clamp(score, -kLargest, kLargest) << std::flush;
  if (!on) oom_score_base_.reset();
  if (file) return {};
  say(Level::warning, "Unable to write oom_score_adj");
  return "Failed to apply new oom_score_adj configuration, check server logs.";
}

// Null: the log says why not.
std::shared_ptr<redis::TlsContext> Process::make_tls(const redis::Settings& settings) {
  auto context = redis::TlsContext::make(settings);
  if (context) return *std::move(context);
  say(Level::warning, "Failed to configure TLS: " + context.error().message);
  return nullptr;
}

// A changed certificate, key or option serves the connections that come from now on. While nothing listens, all of it
// may still be incomplete.
std::string Process::apply_tls(const redis::SettingRow& row, const redis::Settings& now) {
  if (now.tls_port != 0) {
    auto context = make_tls(now);
    if (context == nullptr) return "Unable to update TLS configuration. Check server logs.";
    server_->set_tls(std::move(context));
  }
  if (row.name != "tls-port") return {};
  if (const auto bound = server_->rebind_tls(now.bind, port_of(now.tls_port)); !bound) {
    say(Level::warning, "Failed listening on " + bound.error().message);
    return "Unable to listen on this port. Check server logs.";
  }
  return {};
}

// Under the gate. The link before ends by itself; it is destroyed when the process ends, outside the gate.
void Process::follow(const std::string& host, int64_t port) {
  if (link_ != nullptr) {
    link_->stop();
    std::erase_if(ended_links_, [](const auto& link) { return link->ended(); });
    ended_links_.push_back(std::move(link_));
  }
  if (host.empty()) {
    say(Level::notice, "MASTER MODE enabled");
    (void)set_oom_score(engine_->state().settings);
    return;
  }
  say(Level::notice, "REPLICAOF " + host + ":" + std::to_string(port) + " enabled");
  link_ = std::make_unique<redis::ReplicaLink>(*engine_, host, port);
  (void)set_oom_score(engine_->state().settings);
}

// Under the gate.
std::string Process::shutdown(redis::ShutdownOptions options) {
  const redis::ServerState& state = engine_->state();
  const bool wanted = options.save || (!state.settings.save.empty() && !options.no_save);
  // While a script is half done no rewrite goes on; who ends the server then wants its end.
  const bool busy = state.scripts->busy();
  if (append_log_ != nullptr && append_log_->has_no_base() && !options.force && !busy) {
    say(Level::warning, "Writing initial AOF, can't exit");
    say(Level::warning, "Errors trying to shut down the server. Check the logs for more information.");
    return "the append only log is not whole yet";
  }
  if (wanted && !state.loading) {
    say(Level::notice, "Saving the final RDB snapshot before exiting.");
    if (const std::string problem = dump_file_->save_at_end(); !problem.empty()) {
      say(Level::warning, "Error trying to save the DB, can't exit: " + problem);
      if (!options.force) {
        say(Level::warning, "Errors trying to shut down the server. Check the logs for more information.");
        return problem;
      }
    }
  }
  eventfd_write(wake_.get(), 1);
  return {};
}

// Under the gate.
std::string Process::switch_log(bool on) {
  if (!on) {
    append_log_->switch_off();
    return {};
  }
  const std::string refused = append_log_->switch_on();
  if (refused.empty()) return {};
  say(Level::warning, "The append only log could not be started: " + refused);
  return "Unable to turn on AOF. Check server logs.";
}

bool Process::open_log(const redis::Settings& settings) {
  log_.set_file(settings.logfile);
  log_.set_level(settings.loglevel);
  if (!log_.can_write()) {
    std::fprintf(stderr, "\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\nCan't open the log file: %s\n",
                 std::string(redis::kRedisVersion).c_str(), std::strerror(errno));
    return false;
  }
  log::redirect([this](log::Level level, std::string_view line) {
    const Level ours = level == log::Level::debug  ? Level::verbose
                       : level == log::Level::info ? Level::notice
                                                   : Level::warning;
    log_.write(ours, line);
  });
  log::configure(log::Level::debug, log::Format::text);
  return true;
}

void Process::banner() {
  say(Level::warning, "oO0OoO0OoO0Oo Compozy is starting as a Redis server oO0OoO0OoO0Oo");
  say(Level::warning, "Redis version=" + std::string(redis::kRedisVersion) +
                          ", bits=64, commit=00000000, modified=0, pid=" + std::to_string(getpid()) + ", just started");
  say(Level::warning,
      config_file_.empty() ? "Warning: no config file specified, using the default config." : "Configuration loaded");
}

// The child goes on; the parent's caller ends.
bool become_daemon() {
  const pid_t child = ::fork();
  if (child != 0) return false;
  ::setsid();
  if (const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0) {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
    ::close(null);
  }
  return true;
}

void write_pid_file(const redis::Settings& settings) {
  std::string path = settings.pidfile;
  if (path.empty() && settings.daemonize) path = "/var/run/redis.pid";
  if (path.empty()) return;
  std::ofstream(path) << getpid() << '\n';
}

bool Process::start_server(const redis::Settings& settings) {
  redis::Server::Options options{.unix_socket = settings.unixsocket,
                                 .tcp_port = port_of(settings.port),
                                 .tcp_addresses = settings.bind,
                                 .backlog = static_cast<int>(settings.tcp_backlog)};
  if (settings.tls_port != 0) {
    options.tls = make_tls(settings);
    if (options.tls == nullptr) return false;
    options.tls_port = port_of(settings.tls_port);
  }
  options.unix_permissions = settings.unixsocketperm == 0 ? 0777 : static_cast<uint32_t>(settings.unixsocketperm);
  auto server = redis::Server::start(*engine_, std::move(options));
  if (!server) {
    say(Level::warning, "Warning: Could not create server TCP listening socket: " + server.error().message);
    say(Level::warning, "Failed listening on port " + std::to_string(settings.port) + " (TCP), aborting.");
    return false;
  }
  server_ = *std::move(server);
  // Suites take this line for the moment from which on there is somebody to connect to.
  say(Level::notice,
      "Running mode=standalone, port=" + std::to_string(settings.port) + ". PID: " + std::to_string(getpid()));
  return true;
}

bool Process::load_users(redis::ConfigFile& config) {
  redis::ServerState& state = engine_->state();
  for (auto& [from, to] : config.renames) state.renamed.emplace(from, to);
  if (!config.settings.aclfile.empty() && !config.users.empty()) {
    say(Level::warning,
        "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. This "
        "setup is very likely to lead to configuration errors and security holes, please define either an ACL file or "
        "declare users directly in your redis.conf, but not both.");
    return false;
  }
  if (const std::string reason = state.acl.load_users(config.users); !reason.empty()) {
    say(Level::warning, "Critical error while loading ACLs. Exiting. " + reason);
    return false;
  }
  if (config.settings.aclfile.empty()) return true;
  if (const std::string reason = redis::load_acl_file(state); !reason.empty()) {
    say(Level::warning, "Aborting Redis startup because of ACL errors: " + reason);
    return false;
  }
  return true;
}

// Clients are served from the beginning; they get -LOADING until the data is there.
bool Process::start(redis::ConfigFile& config) {
  const redis::Settings settings = config.settings;
  engine_ = std::make_unique<redis::Engine>(
      redis::Engine::Options{.clock = system_clock(), .random = system_random(), .settings = settings});
  engine_->state().host = this;
  dump_file_ = std::make_unique<redis::DumpFile>(*engine_, ".", write_in_child);
  if (!load_users(config)) return false;
  {
    redis::Loading loading(*engine_, [this] { return stop_requested(); });
    maintenance_ = std::make_unique<redis::Maintenance>(*engine_);
    if (!start_server(settings)) return false;
    say(Level::warning, "Server initialized");
    if (!load(loading)) return false;
    if (interrupted_) return true;
  }
  follow_master(settings.replicaof);
  if (settings.port != 0 || settings.tls_port != 0) say(Level::notice, "Ready to accept connections");
  if (!settings.unixsocket.empty())
    say(Level::notice, "The server is now ready to accept connections at " + settings.unixsocket);
  return true;
}

// The setting `replicaof HOST PORT`.
void Process::follow_master(const std::string& setting) {
  const auto words = split(setting, ' ');
  int64_t port = 0;
  if (words.size() != 2 || !parse_int64(words[1], port)) return;
  const redis::Engine::Hold hold(*engine_);
  redis::follow(engine_->state(), std::string(words[0]), port);
}

bool Process::load(redis::Loading& loading) {
  const bool logs = engine_->state().settings.appendonly;
  redis::AppendLog::Options options{.directory = ".", .open_base = write_in_child};
  if (logs) options.loading = &loading;
  auto opened =
      logs ? redis::AppendLog::open(*engine_, std::move(options)) : redis::AppendLog::off(*engine_, std::move(options));
  if (!opened && opened.error().code == Errc::cancelled) return interrupted_ = true;
  if (!opened) {
    say(Level::warning, "Fatal error loading the append only file: " + opened.error().to_string());
    return false;
  }
  {
    const redis::Engine::Hold hold(*engine_);
    append_log_ = *std::move(opened);
  }
  std::string source = append_log_->replayed_commands() > 0 ? "append only file" : "";
  if (!logs) {
    const auto loaded = dump_file_->load(&loading);
    if (!loaded && loaded.error().code == Errc::cancelled) return interrupted_ = true;
    if (!loaded) {
      say(Level::warning, "Fatal error loading the DB: " + loaded.error().to_string() + ". Exiting.");
      return false;
    }
    source = *loaded > 0 ? "disk" : "";
  }
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.3f", loading.seconds());
  if (!source.empty()) say(Level::notice, "DB loaded from " + source + ": " + seconds.data() + " seconds");
  return true;
}

// To be polled: a signal, and SHUTDOWN.
std::array<pollfd, 2> Process::reasons_to_stop() const {
  return {
      {{.fd = signals_.get(), .events = POLLIN, .revents = 0}, {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
}

// One of them is there to be taken by wait().
bool Process::stop_requested() {
  auto fds = reasons_to_stop();
  return ::poll(fds.data(), fds.size(), 0) > 0;
}

// What shutdown-on-sigint and shutdown-on-sigterm say. False: the server goes on.
bool Process::end_by_signal(uint32_t number) {
  const bool interrupt = number == SIGINT;
  say(Level::warning, interrupt ? "Received SIGINT scheduling shutdown..." : "Received SIGTERM scheduling shutdown...");
  const redis::Engine::Hold hold(*engine_);
  const redis::Settings& settings = engine_->state().settings;
  const std::string& how = interrupt ? settings.shutdown_on_sigint : settings.shutdown_on_sigterm;
  const auto has = [&](std::string_view word) { return (" " + how + " ").contains(" " + std::string(word) + " "); };
  say(Level::warning, "User requested shutdown...");
  const redis::ShutdownOptions options{
      .save = has("save"), .no_save = has("nosave"), .force = has("force"), .now = has("now")};
  if (engine_->state().cron_is_paused) {  // Its end is for later, and may be called off.
    engine_->state().shutdown = {.on = true, .how = options};
    return false;
  }
  return redis::begin_shutdown(engine_->state(), options) == redis::ShutdownOutcome::ends;
}

void Process::wait() {
  auto fds = reasons_to_stop();
  while (true) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if ((fds[1].revents & POLLIN) != 0) return;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) == sizeof info && end_by_signal(info.ssi_signo)) return;
  }
}

int Process::run(redis::ConfigFile& config) {
  redis::Settings& settings = config.settings;
  if (!open_log(settings)) return 1;
  if (::chdir(settings.dir.c_str()) != 0) {
    std::fprintf(stderr, "Can't chdir to '%s': %s\n", settings.dir.c_str(), std::strerror(errno));
    return 1;
  }
  settings.dir = absolute(".");
  settings.dir.resize(settings.dir.size() - 2);
  if (settings.daemonize && !become_daemon()) return 0;
  // The threads that follow inherit this: the signals are read from a descriptor.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_.reset(signalfd(-1, &signals, SFD_CLOEXEC));
  for (const int number : {SIGPIPE, SIGHUP}) std::signal(number, SIG_IGN);
  if (settings.crash_log_enabled) report_crashes(absolute(settings.logfile));
  banner();
  (void)set_oom_score(settings);
  write_pid_file(settings);
  if (!start(config)) return 1;
  if (!interrupted_) wait();
  server_.reset();
  link_.reset();
  ended_links_.clear();
  maintenance_.reset();
  append_log_.reset();
  if (!settings.pidfile.empty()) ::unlink(settings.pidfile.c_str());
  say(Level::warning, "Redis is now ready to exit, bye bye...");
  return 0;
}

int version() {
  std::printf("Redis server v=%s sha=00000000:0 malloc=jemalloc bits=64 build=compozy\n",
              std::string(redis::kRedisVersion).c_str());
  return 0;
}

int usage() {
  std::printf(
      "Usage: compozy redis-server [/path/to/redis.conf] [options] [-]\n"
      "       compozy redis-server - (read the configuration from standard input)\n"
      "       compozy redis-server -v | --version | -h | --help\n\n"
      "Runs the embedded engine alone, with Redis' settings as options:\n"
      "       compozy redis-server --port 7777 --appendonly yes\n"
      "       compozy redis-server /etc/redis.conf --loglevel verbose\n");
  return 0;
}

}  // namespace

int run_redis_server(std::span<const std::string> args) {
  if (args.size() == 1 && (args[0] == "-v" || args[0] == "--version")) return version();
  if (args.size() == 1 && (args[0] == "-h" || args[0] == "--help")) return usage();
  if (args.size() == 2 && args[0] == "--write-file") return redis::run_child_writer(args[1]);
  const redis::CommandLine line = redis::read_command_line(args);
  std::string text;
  if (!line.file.empty()) {
    const auto file = text_of(line.file);
    if (!file) {
      std::fprintf(stderr, "Fatal error, can't open config file '%s': %s\n", absolute(line.file).c_str(),
                   std::strerror(errno));
      return 1;
    }
    text = *file + "\n";
  }
  if (line.from_stdin) text += std::string(std::istreambuf_iterator<char>(std::cin), {}) + "\n";
  redis::ConfigFile config(redis::redis_server_defaults());
  if (const auto problem = config.load(text + line.options, text_of)) {
    std::fputs(problem->to_string().c_str(), stderr);
    return 1;
  }
  Process process(absolute(line.file));
  return process.run(config);
}

}  // namespace compozy::app
