// SPDX-License-Identifier: Apache-2.0
#include "app/server.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "agent/llm/pacing.hpp"
#include "api/api.hpp"
#include "app/data_directory.hpp"
#include "app/housekeeping.hpp"
#include "app/programs.hpp"
#include "app/redis_side.hpp"
#include "base/text.hpp"
#include "config/mode.hpp"
#include "http/server.hpp"
#include "io/process.hpp"
#include "io/signal.hpp"
#include "io/stream.hpp"
#include "json/print.hpp"
#include "observe/log.hpp"
#include "sql/sqlite/sqlite_database.hpp"
#include "store/audit.hpp"
#include "store/config_store.hpp"
#include "store/dead_letters.hpp"
#include "store/run_log.hpp"
#include "store/runs.hpp"
#include "web/web.hpp"
#include "workflow/activity/performer.hpp"
#include "workflow/journal/journal.hpp"
#include "workflow/schedule/scheduler.hpp"

namespace compozy::app {

namespace {

constexpr size_t kBlockingThreads = 4;
constexpr uint64_t kOtherFiles = 192;
constexpr uint64_t kFewestConnections = 16;
constexpr mode_t kOwnerOnly = 0600;
constexpr const char* kFirstKey = "first key";
constexpr size_t kBlockingQueue = 1'024;

std::string absolute_below(const std::string& root, const std::string& path) {
  return path.starts_with('/') ? path : root + "/" + path;
}

// What a client on this machine types to reach a listener on this host.
std::string address_of(const std::string& host, uint16_t port) {
  std::string name = host == "localhost" || host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
  if (name.contains(':')) name = "[" + name + "]";
  return "http://" + name + ":" + std::to_string(port);
}

// How the person at this terminal calls this program: by its name where the shell would find this very file.
std::string own_name() {
  std::error_code ec;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ec);
  if (ec) return "compozy";
  const std::string path = io::environment_variable("PATH").value_or("");
  for (const std::string_view folder : split(path, ':')) {
    if (std::filesystem::equivalent(std::filesystem::path(folder) / "compozy", self, ec)) return "compozy";
  }
  return self.string();
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

// A text as one word of a POSIX shell.
std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("/._-+:=@%").contains(c);
  });
  return plain ? text : "'" + replace_all(text, "'", "'\\''") + "'";
}

agent::Pace default_pace(const config::Config& config) {
  if (!config.boolean("llm.rate_limiting.enabled")) return {};
  const auto limit = [&](const char* name) { return config.integer("llm.rate_limiting.default_" + std::string(name)); };
  return {.concurrency = limit("concurrency"),
          .queue_size = limit("queue_size"),
          .requests_per_minute = limit("requests_per_minute"),
          .request_burst = limit("request_burst"),
          .tokens_per_minute = limit("tokens_per_minute"),
          .token_burst = limit("token_burst")};
}

// What distributed mode needs that this build does not have yet, and how to go on.
Result<void> check_modes(const config::Config& config, const config::Modes& modes) {
  if (modes.temporal == config::Mode::standalone) return {};
  return fail(Errc::unavailable, "the mode is 'distributed', which keeps runs on a Temporal server (" +
                                     config.text("temporal.host_port") +
                                     ") and PostgreSQL; this version runs them in this process only. Start with "
                                     "--standalone, or set `mode: standalone` or "
                                     "`temporal: {mode: standalone}` in compozy.yaml");
}

Result<void> check_exposure(const config::Config& config) {
  if (config.boolean("server.auth.enabled") || is_loopback(config.text("server.host"))) return {};
  return fail(Errc::validation_failed, "server.auth.enabled is false, so the server listens on loopback only; '" +
                                           config.text("server.host") +
                                           "' is not. Turn keys on, or set server.host to 127.0.0.1");
}

// Everything that lives as long as the server, in the order in which it is made.
class Server {
 public:
  Server(cli::Settings settings, DataDirectory data, std::string version)
      : settings_(std::move(settings)),
        config_(settings_.config),
        data_(std::move(data)),
        version_(std::move(version)) {}

  Result<void> open();
  Result<void> run();

 private:
  Result<void> open_stores();
  Result<void> open_workflows();
  Result<void> open_http();
  Result<void> first_key();
  io::Task<void> serve_until_signal();
  io::Task<Result<json::Value>> read_memory(std::string memory, std::string key, int64_t offset, int64_t limit);
  void print_banner() const;

  cli::Settings settings_;
  const config::Config& config_;
  DataDirectory data_;
  std::string version_;
  config::Modes modes_;

  io::Loop loop_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<RedisSide> redis_;
  std::unique_ptr<auth::ApiKeys> keys_;
  std::unique_ptr<store::Memory> memory_;
  std::unique_ptr<store::Runs> runs_;
  std::unique_ptr<store::DeadLetters> dead_letters_;
  std::unique_ptr<store::Audit> audit_;
  std::unique_ptr<store::ConfigStore> definitions_;
  std::unique_ptr<ProjectPrograms> programs_;
  std::unique_ptr<io::BlockingPool> pool_;
  std::unique_ptr<http::Client> http_client_;
  std::unique_ptr<agent::Providers> providers_;
  std::unique_ptr<agent::Toolbox> tools_;
  std::unique_ptr<workflow::Performer> performer_;
  std::unique_ptr<workflow::Journal> journal_;
  std::unique_ptr<workflow::Scheduler> scheduler_;
  std::unique_ptr<Housekeeping> housekeeping_;
  std::unique_ptr<api::Context> context_;
  std::unique_ptr<http::Server> http_;
  std::string address_;
  std::string new_key_;
  Result<void> outcome_;
};

Result<void> Server::open() {
  modes_ = config::resolve_modes(config_);
  TRY(open_stores());
  TRY(open_workflows());
  return open_http();
}

Result<void> Server::open_stores() {
  const std::string database_path = config_.is_set("database.path")
                                        ? absolute_below(settings_.root, config_.text("database.path"))
                                        : data_.file("compozy.db");
  std::error_code ignored;
  const auto size = std::filesystem::file_size(database_path, ignored);
  const bool is_new = ignored || size == 0;
  if (is_new && std::filesystem::exists(data_.file("api_key"), ignored)) {
    log::warn("the database is new, though this directory was in use: earlier runs are not here, unless it comes back",
              {{"file", database_path}});
  }
  TRY(database_, sql::open_sqlite({.path = database_path}));
  {
    // How the engine opens its files is of interest to those who debug it.
    const log::Quiet quiet(log::Level::warn);
    TRY(redis_, RedisSide::open(config_, modes_.redis, data_.path(), loop_));
  }
  memory_ = std::make_unique<store::Memory>(redis_->client(), system_clock());
  runs_ = std::make_unique<store::Runs>(*database_);
  dead_letters_ = std::make_unique<store::DeadLetters>(*database_);
  audit_ = std::make_unique<store::Audit>(*database_);
  keys_ = std::make_unique<auth::ApiKeys>(*database_, system_clock(), system_random());
  TRY(keys_->load_blocking());
  return first_key();
}

// A key of the owner lies in a file that its owner alone can read. Where the file is missing, or holds what is no key
// (a crash between the database and the file, or somebody deleted it to get another), the keys that lay there before
// end, and a new one is made.
Result<void> Server::first_key() {
  if (!config_.boolean("server.auth.enabled")) return {};
  const std::string path = data_.file("api_key");
  if (const auto known = io::read_file(path); known && keys_->check(trim(*known))) return {};
  for (const auth::KeyInfo& info : keys_->list()) {
    if (info.name == kFirstKey && info.revoked_ms == 0) TRY(keys_->revoke_blocking(info.key_id));
  }
  TRY(const auth::NewKey made, keys_->create_blocking("owner", kFirstKey, 0));
  new_key_ = made.key;
  return io::write_file_atomic(path, made.key + "\n", kOwnerOnly);
}

Result<void> Server::open_workflows() {
  TRY(programs_, ProjectPrograms::load(settings_.project));
  pool_ = std::make_unique<io::BlockingPool>(
      io::BlockingPool::Options{.threads = kBlockingThreads, .queue_max = kBlockingQueue});
  http_client_ = std::make_unique<http::Client>(loop_, http::ClientOptions{});
  providers_ = std::make_unique<agent::Providers>(loop_, system_clock(), *http_client_, default_pace(config_));
  tools_ = std::make_unique<agent::Toolbox>(
      loop_, *pool_,
      agent::ToolboxOptions{.project_root = settings_.root,
                            .work_dir = data_.file("tools"),
                            .runtime = settings_.project.runtime,
                            .max_memory_mb = config_.integer("runtime.max_memory_mb")});
  performer_ = std::make_unique<workflow::Performer>(workflow::PerformerOptions{
      .loop = loop_,
      .providers = *providers_,
      .tools = *tools_,
      .memory = *memory_,
      .host_env = io::environment_variable,
      .loop_limits = {.iterations_max = config_.integer("llm.max_tool_iterations"),
                      .output_retries_max = config_.integer("llm.structured_output_retries")}});
  definitions_ = std::make_unique<store::ConfigStore>(
      redis_->client(),
      [this](std::string hash) {
        return database_->read(
            [hash = std::move(hash)](sql::Reader& reader) { return store::read_definition(reader, hash); });
      },
      config_.duration_ms("worker.config_store_ttl"));
  journal_ = std::make_unique<workflow::Journal>(workflow::JournalOptions{
      .database = *database_,
      .loop = loop_,
      .clock = system_clock(),
      .random = system_random(),
      .activities = *performer_,
      .programs = *programs_,
      .concurrent_activities_max = config_.integer("worker.max_concurrent_activity_execution_size"),
      .publish =
          [this](const std::string& run_id, const workflow::FeedEvent& event) {
            redis_->publish("workflow:" + run_id, event.kind, event.body);
          },
      .read_definition = [this](std::string hash) { return definitions_->get(std::move(hash)); }});
  performer_->connect(*journal_);
  TRY(journal_->open_blocking());
  scheduler_ = std::make_unique<workflow::Scheduler>(workflow::SchedulerOptions{.loop = loop_,
                                                                                .clock = system_clock(),
                                                                                .database = *database_,
                                                                                .programs = *programs_,
                                                                                .driver = *journal_,
                                                                                .runs = *runs_});
  const store::RetentionRule kept{.succeeded_ms = config_.duration_ms("retention.succeeded"),
                                  .failed_ms = config_.duration_ms("retention.failed")};
  housekeeping_ = std::make_unique<Housekeeping>(loop_, system_clock(), *database_, *programs_, kept);
  return scheduler_->open_blocking();
}

Result<void> Server::open_http() {
  context_ = std::make_unique<api::Context>(api::Context{
      .loop = loop_,
      .clock = system_clock(),
      .driver = *journal_,
      .programs = *programs_,
      .project = settings_.project,
      .runs = *runs_,
      .dead_letters = *dead_letters_,
      .audit = *audit_,
      .scheduler = *scheduler_,
      .keys = config_.boolean("server.auth.enabled") ? keys_.get() : nullptr,
      .read_memory = [this](std::string memory, std::string key, int64_t offset,
                            int64_t limit) { return read_memory(std::move(memory), std::move(key), offset, limit); },
      .purge_runs = [this](std::string workflow,
                           bool dry_run) { return housekeeping_->sweep(std::move(workflow), dry_run); },
      .host_env = io::environment_variable,
      .probes = {},
      .version = version_,
      .mode = std::string(config::mode_name(modes_.temporal)),
      .heartbeat_ms = config_.duration_ms("stream.heartbeat_frequency"),
      .body_bytes_max = static_cast<uint64_t>(config_.size_bytes("server.max_body"))});
  context_->probes.push_back(
      {.name = "database", .check = [this]() -> io::Task<Result<void>> {
         CO_TRY(co_await database_->read([](sql::Reader& reader) { return reader.query_integer("SELECT 1"); }));
         co_return Result<void>();
       }});
  context_->probes.push_back({.name = "redis", .check = [this]() -> io::Task<Result<void>> {
                                CO_TRY(const redis::Reply reply,
                                       co_await redis_->client().command({"PING"}, redis::Durability::applied));
                                if (reply.is_error()) co_return fail(Errc::unavailable, reply.text);
                                co_return Result<void>();
                              }});
  http::Router router;
  api::add_routes(router, *context_);
  web::add_routes(router);
  TRY(auto listener,
      io::listen_tcp(loop_, config_.text("server.host"), static_cast<uint16_t>(config_.integer("server.port"))));
  address_ = address_of(config_.text("server.host"), listener->port());
  // Tools, the database and the engine need descriptors too: connections never take the last of them.
  const uint64_t files = std::max<uint64_t>(io::raise_open_files(), kOtherFiles + kFewestConnections);
  const auto connections =
      std::min(static_cast<uint64_t>(config_.integer("server.max_connections")), files - kOtherFiles);
  http_ = std::make_unique<http::Server>(
      loop_, std::move(router),
      http::ServerOptions{.connections_max = static_cast<size_t>(connections), .render_error = api::problem});
  http_->listen(std::move(listener));
  return {};
}

io::Task<Result<json::Value>> Server::read_memory(std::string memory, std::string key, int64_t offset, int64_t limit) {
  const store::MemoryKey of{.project = settings_.project.name, .memory = memory, .key = key};
  CO_TRY(const store::MemoryPage page, co_await memory_->read(of, offset, limit));
  json::Value messages = json::Value::array();
  for (const store::MemoryMessage& message : page.messages)
    messages.push_back(json::Value::object({{"role", message.role}, {"content", message.content}}));
  const int64_t end = offset + static_cast<int64_t>(page.messages.size());
  co_return json::Value::object({{"key", key},
                                 {"messages", std::move(messages)},
                                 {"total_count", page.message_count},
                                 {"token_count", page.token_count},
                                 {"has_more", end < page.message_count},
                                 {"offset", offset},
                                 {"limit", limit}});
}

void Server::print_banner() const {
  const std::string key_path = data_.file("api_key");
  std::string text = "Compozy " + version_ + ", standalone: project '" + settings_.project.name + "'\n";
  // The link with the key is for the person at this terminal, once; a log file gets the address alone.
  const bool with_key = !new_key_.empty() && isatty(STDOUT_FILENO) == 1;
  text += "  page   " + address_ + (with_key ? "/#key=" + new_key_ : "/") + "\n";
  text += "  api    " + address_ + "/api/v0\n";
  text += "  data   " + data_.path() + "\n";
  text += config_.boolean("server.auth.enabled") ? "  key    " + key_path + "\n"
                                                 : "  key    none: server.auth.enabled is false\n";
  text += "  redis  " + redis_->address() + "\n";
  std::string workflow = "WORKFLOW";
  if (!settings_.project.workflows.empty()) workflow = settings_.project.workflows.front().id;
  const bool usual_place = data_.path() == settings_.root + "/.compozy";
  text += "  next   " + shell_word(own_name()) + " workflow execute " + workflow + " --watch " +
          (usual_place ? "--cwd " + shell_word(settings_.root) : "--data-dir " + shell_word(data_.path())) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Result<void> Server::run() {
  io::spawn(loop_, serve_until_signal());
  loop_.run();
  return std::move(outcome_);
}

io::Task<void> Server::serve_until_signal() {
  io::SignalWatcher signals(loop_, {SIGINT, SIGTERM});
  // Where commands in the project's folder find this server; gone again after an orderly end.
  const std::string address_file = data_.file("address");
  if (auto written = io::write_file_atomic(address_file, address_ + "\n", kOwnerOnly); !written)
    log::warn("the file that tells commands this address cannot be written", {{"error", written.error().to_string()}});
  print_banner();
  if (auto recovered = co_await journal_->recover(); !recovered) {
    outcome_ = fail(recovered.error());
  } else {
    scheduler_->start();
    io::TaskScope chores(loop_);
    chores.spawn(housekeeping_->keep(chores.token()));
    (void)co_await signals.wait();
    log::info("stopping");
    chores.stop();
    co_await chores.join();
  }
  co_await http_->stop(config_.duration_ms("server.timeouts.server_shutdown"));
  co_await scheduler_->stop();
  co_await journal_->stop();
  co_await tools_->close();
  co_await redis_->stop();
  static_cast<void>(::unlink(address_file.c_str()));
  loop_.stop();
}

}  // namespace

Result<void> serve(cli::Settings settings, const std::string& version) {
  TRY(const log::Level level, log::parse_level(settings.config.text("runtime.log_level")));
  log::configure(level, settings.config.text("runtime.log_format") == "json" ? log::Format::json : log::Format::text);
  TRY(check_modes(settings.config, config::resolve_modes(settings.config)));
  TRY(check_exposure(settings.config));
  TRY(DataDirectory data, DataDirectory::open(absolute_below(settings.root, settings.config.text("data_dir"))));
  io::adopt_orphans();  // of tools: nothing of them outlives this process
  Server server(std::move(settings), std::move(data), version);
  TRY(server.open());
  return server.run();
}

}  // namespace compozy::app
