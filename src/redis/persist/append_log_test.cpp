// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/append_log.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "redis/resp/reply_parser.hpp"

namespace compozy::redis {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

// A disk whose room the test decides.
struct Disk {
  std::atomic<int64_t> room{INT64_MAX};
};
class FakeFile final : public LogFile {
 public:
  FakeFile(std::unique_ptr<LogFile> real, Disk& disk) : real_(std::move(real)), disk_(disk) {}
  Result<void> append(std::string_view bytes) override {
    if (disk_.room < static_cast<int64_t>(bytes.size())) return fail(system_error("write", "log", ENOSPC));
    disk_.room -= static_cast<int64_t>(bytes.size());
    return real_->append(bytes);
  }
  Result<void> sync() override { return real_->sync(); }
  Result<void> reserve(uint64_t) override {
    if (disk_.room < 1024) return fail(system_error("reserve", "log", ENOSPC));
    return {};
  }
  uint64_t size() const override { return real_->size(); }

 private:
  std::unique_ptr<LogFile> real_;
  Disk& disk_;
};

// One life of a server on a directory.
class Server {
 public:
  explicit Server(AppendLog::Options options, std::string fsync = "everysec")
      : engine_({system_clock(), system_random(), settings(fsync)}) {
    auto log = AppendLog::open(engine_, std::move(options));
    if (log) {
      log_ = *std::move(log);
    } else {
      error_ = log.error();
    }
    const Engine::Hold hold(engine_);
    session_ = &engine_.open(nullptr);
  }
  static Settings settings(const std::string& fsync) {
    Settings result;
    result.appendfsync = fsync;
    return result;
  }
  std::string run(const std::vector<std::string>& args) {
    std::vector<std::string_view> views(args.begin(), args.end());
    std::string bytes;
    {
      const Engine::Hold hold(engine_);
      engine_.execute(*session_, views);
      bytes = std::exchange(session_->outbox.bytes, {});
    }
    ReplyParser parser;
    parser.feed(bytes);
    auto reply = parser.next();
    return reply && *reply ? (*reply)->to_string() : "none";
  }
  void cron() {
    const Engine::Hold hold(engine_);
    engine_.cron();
  }
  bool rewriting() { return run({"INFO", "persistence"}).find("aof_rewrite_in_progress:1") != std::string::npos; }
  void commit() {
    Lsn lsn = 0;
    {
      const Engine::Hold hold(engine_);
      lsn = engine_.last_lsn();
    }
    EXPECT_TRUE(log_->commit(lsn).has_value());
  }
  AppendLog* log() { return log_.get(); }
  const Error& error() const { return error_; }

 private:
  Engine engine_;
  std::unique_ptr<AppendLog> log_;
  Error error_;
  Session* session_ = nullptr;
};

class AppendLogTest : public testing::Test {
 protected:
  AppendLogTest() {
    std::string name = (fs::temp_directory_path() / "compozy-log-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  ~AppendLogTest() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  AppendLog::Options options() { return {.directory = directory_}; }
  std::string incremental(int seq = 1) const {
    return directory_ + "/appendonlydir/appendonly.aof." + std::to_string(seq) + ".incr.aof";
  }
  static std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string directory_;
};

TEST_F(AppendLogTest, BringsEverythingBack) {
  {
    Server server(options());
    server.run({"SET", "s", "v"});
    server.run({"SELECT", "3"});
    server.run({"RPUSH", "l", "a", "b"});
    server.run({"MULTI"});
    server.run({"HSET", "h", "f", "1"});
    server.run({"HINCRBY", "h", "f", "4"});
    server.run({"EXEC"});
    server.run({"EVAL", "redis.call('ZADD', 'z', 1.5, 'm') redis.call('SADD', 'set', 'x') return 1", "0"});
    server.run({"SET", "gone", "x", "PX", "1"});
  }
  Server server(options());
  ASSERT_NE(server.log(), nullptr) << server.error().message;
  EXPECT_EQ(server.run({"GET", "s"}), "\"v\"");
  server.run({"SELECT", "3"});
  EXPECT_EQ(server.run({"LRANGE", "l", "0", "-1"}), "[\"a\", \"b\"]");
  EXPECT_EQ(server.run({"HGET", "h", "f"}), "\"5\"");
  EXPECT_EQ(server.run({"ZSCORE", "z", "m"}), "\"1.5\"");
  EXPECT_EQ(server.run({"SCARD", "set"}), "(integer) 1");
}

TEST_F(AppendLogTest, CommitsUpToWhatWasAsked) {
  Server server(options(), "no");
  server.run({"SET", "a", "1"});
  server.commit();
  EXPECT_THAT(content(incremental()), HasSubstr("SET\r\n$1\r\na\r\n$1\r\n1\r\n"));
}

TEST_F(AppendLogTest, CutsACommandThatACrashLeftUnfinished) {
  {
    Server server(options());
    server.run({"SET", "a", "1"});
  }
  const std::string whole = content(incremental());
  {
    std::ofstream file(incremental(), std::ios::app | std::ios::binary);
    file << "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n2\r\n";
  }
  {
    Server server(options());
    ASSERT_NE(server.log(), nullptr) << server.error().message;
    EXPECT_EQ(server.run({"GET", "a"}), "\"1\"");
    EXPECT_EQ(server.run({"GET", "b"}), "(nil)");
    EXPECT_EQ(content(incremental()), whole);
  }
  for (size_t cut = whole.size() - 1; cut > whole.size() - 20; --cut) {
    fs::resize_file(incremental(), cut);
    Server server(options());
    ASSERT_NE(server.log(), nullptr) << cut;
    EXPECT_EQ(server.run({"DBSIZE"}), "(integer) 0");
    std::ofstream(incremental(), std::ios::binary) << whole;
  }
}

TEST_F(AppendLogTest, RefusesALogThatIsCorruptInTheMiddle) {
  {
    Server server(options());
    server.run({"SET", "a", "1"});
    server.run({"SET", "b", "2"});
  }
  std::string bytes = content(incremental());
  bytes[bytes.find("SET") - 4] = 'X';
  std::ofstream(incremental(), std::ios::binary) << bytes;
  const Server server(options());
  EXPECT_EQ(server.error().code, Errc::corrupt_data);
  EXPECT_THAT(server.error().message, HasSubstr("is corrupt at byte"));
}

TEST_F(AppendLogTest, SaysWhereAnRdbBaseIsDamaged) {
  fs::create_directories(directory_ + "/appendonlydir");
  std::ofstream(directory_ + "/appendonlydir/appendonly.aof.manifest") << "file b.rdb seq 1 type b\n";
  for (const char* bytes : {"REDIS0010", ""}) {
    std::ofstream(directory_ + "/appendonlydir/b.rdb") << bytes;
    const Server server(options());
    EXPECT_EQ(server.error().code, Errc::corrupt_data) << bytes;
    EXPECT_THAT(server.error().to_string(), HasSubstr(directory_ + "/appendonlydir/b.rdb")) << bytes;
  }
}

TEST_F(AppendLogTest, DoesNotBeginAnewBesideFilesWhoseManifestIsGone) {
  const std::string manifest = directory_ + "/appendonlydir/appendonly.aof.manifest";
  {
    const Server server(options());
  }
  fs::remove(manifest);
  {
    Server server(options());  // They held nothing yet: a crash in a first start leaves them so.
    ASSERT_TRUE(server.log());
    server.run({"SET", "a", "1"});
  }
  fs::remove(manifest);
  const Server server(options());
  EXPECT_EQ(server.error().code, Errc::corrupt_data);
  EXPECT_THAT(server.error().message, HasSubstr("appendonly.aof.manifest is missing"));
  EXPECT_GT(content(incremental()).size(), 0U) << "it is left as it was";
}

TEST_F(AppendLogTest, RefusesWritesOnAFullDiskAndRecovers) {
  Disk disk;
  AppendLog::Options with_disk = options();
  with_disk.open_file = [&disk](const std::string& path) -> Result<std::unique_ptr<LogFile>> {
    TRY(auto real, open_log_file(path));
    return std::make_unique<FakeFile>(std::move(real), disk);
  };
  {
    Server server(with_disk);
    ASSERT_NE(server.log(), nullptr);
    EXPECT_EQ(server.run({"SET", "a", "1"}), "OK");
    server.commit();
    disk.room = 0;
    EXPECT_EQ(server.run({"SET", "b", "2"}), "OK");  // The first one finds out.
    EXPECT_FALSE(server.log()->commit(server.log()->durable_lsn() + 1).has_value());
    EXPECT_THAT(server.run({"SET", "c", "3"}), HasSubstr("MISCONF Errors writing to the AOF file: "));
    EXPECT_EQ(server.run({"GET", "b"}), "\"2\"");
    disk.room = INT64_MAX;
    EXPECT_TRUE(server.log()->commit(server.log()->durable_lsn() + 1).has_value());
    EXPECT_EQ(server.run({"SET", "c", "3"}), "OK");
  }
  disk.room = 0;
  Server server(with_disk);
  ASSERT_NE(server.log(), nullptr) << "it starts on a full disk too";
  EXPECT_EQ(server.run({"MGET", "a", "b", "c"}), "[\"1\", \"2\", \"3\"]");
  EXPECT_THAT(server.run({"SET", "d", "4"}), HasSubstr("MISCONF Errors writing to the AOF file: "));
  disk.room = INT64_MAX;
  while (server.run({"SET", "d", "4"}) != "OK") std::this_thread::yield();  // the log's own thread finds out
}

TEST_F(AppendLogTest, RewritesWhileCommandsGoOn) {
  {
    Server server(options());
    for (int i = 0; i < 3000; ++i) server.run({"SET", "k" + std::to_string(i), "old"});
    server.run({"RPUSH", "list", "a", "b"});
    server.run({"HSET", "hash", "f", "v"});
    server.run({"SADD", "set", "m"});
    server.run({"ZADD", "zset", "2.5", "m"});
    server.run({"SET", "ttl", "x", "PX", "1000000"});
    EXPECT_THAT(server.run({"BGREWRITEAOF"}), HasSubstr("started"));
    EXPECT_THAT(server.run({"BGREWRITEAOF"}), HasSubstr("already in progress"));
    int step = 0;
    while (server.rewriting()) {
      server.run({"SET", "k" + std::to_string(step % 1000), "new"});
      server.run({"DEL", "k" + std::to_string(2999 - step % 1000)});
      server.run({"RPUSH", "list", "c"});
      server.run({"LPOP", "list"});
      ++step;
      server.cron();
    }
    EXPECT_FALSE(fs::exists(incremental(1)));
    EXPECT_TRUE(fs::exists(directory_ + "/appendonlydir/appendonly.aof.2.base.rdb"));
    server.run({"SET", "after", "1"});
    server.run({"COPY", "list", "list2"});
  }
  Server again(options());
  ASSERT_NE(again.log(), nullptr) << again.error().message;
  EXPECT_EQ(again.run({"GET", "k0"}), "\"new\"");
  EXPECT_EQ(again.run({"GET", "k1500"}), "\"old\"");
  EXPECT_EQ(again.run({"EXISTS", "k2999"}), "(integer) 0");
  EXPECT_EQ(again.run({"LLEN", "list"}), "(integer) 2");
  EXPECT_EQ(again.run({"HGET", "hash", "f"}), "\"v\"");
  EXPECT_EQ(again.run({"ZSCORE", "zset", "m"}), "\"2.5\"");
  EXPECT_EQ(again.run({"GET", "after"}), "\"1\"");
  EXPECT_NE(again.run({"PTTL", "ttl"}), "(integer) -1");
}

TEST_F(AppendLogTest, GivesUpARewriteWhenEverythingIsFlushed) {
  {
    Server server(options());
    for (int i = 0; i < 100; ++i) server.run({"SET", "k" + std::to_string(i), "v"});
    server.run({"BGREWRITEAOF"});
    server.run({"FLUSHALL"});
    server.run({"SET", "left", "1"});
    while (server.rewriting()) server.cron();
  }
  Server again(options());
  EXPECT_EQ(again.run({"DBSIZE"}), "(integer) 1");
}

// A log in the hands of one test.
class Switched {
 public:
  explicit Switched(AppendLog::Options options) {
    auto log = AppendLog::off(engine_, std::move(options));
    EXPECT_TRUE(log.has_value());
    log_ = *std::move(log);
    const Engine::Hold hold(engine_);
    session_ = &engine_.open(nullptr);
  }
  void run(const std::vector<std::string_view>& args) {
    const Engine::Hold hold(engine_);
    engine_.execute(*session_, args);
    session_->outbox.bytes.clear();
  }
  void settle() {
    for (bool busy = true; busy;) {
      const Engine::Hold hold(engine_);
      engine_.cron();
      const auto lines = log_->info();
      busy = std::ranges::any_of(lines, [](const auto& line) {
        return (line.first == "aof_rewrite_in_progress" || line.first == "aof_rewrite_scheduled") && line.second == "1";
      });
    }
  }
  std::string switch_on() {
    const Engine::Hold hold(engine_);
    return log_->switch_on();
  }
  void switch_off() {
    const Engine::Hold hold(engine_);
    log_->switch_off();
  }
  Engine& engine() { return engine_; }
  AppendLog& log() { return *log_; }

 private:
  Engine engine_{{system_clock(), system_random()}};
  std::unique_ptr<AppendLog> log_;
  Session* session_ = nullptr;
};

TEST_F(AppendLogTest, CanBeSwitchedOnAndOffWhileTheServerRuns) {
  {
    Switched server(options());
    server.run({"SET", "before", "1"});
    EXPECT_FALSE(fs::exists(directory_ + "/appendonlydir"));
    EXPECT_EQ(server.switch_on(), "");
    EXPECT_TRUE(fs::exists(directory_ + "/appendonlydir/temp-appendonly.aof.incr"));
    EXPECT_FALSE(fs::exists(directory_ + "/appendonlydir/appendonly.aof.manifest"));
    server.run({"SET", "meanwhile", "2"});
    server.settle();
    EXPECT_FALSE(fs::exists(directory_ + "/appendonlydir/temp-appendonly.aof.incr"));
    server.run({"SET", "after", "3"});
    server.switch_off();
    server.run({"SET", "lost", "4"});
  }
  Server again(options());
  ASSERT_NE(again.log(), nullptr) << again.error().message;
  EXPECT_EQ(again.run({"MGET", "before", "meanwhile", "after", "lost"}), "[\"1\", \"2\", \"3\", (nil)]");
}

TEST_F(AppendLogTest, ALogThatIsSwitchedOffBeforeItsFirstRewriteLeavesNothing) {
  Switched server(options());
  server.run({"SET", "a", "1"});
  EXPECT_EQ(server.switch_on(), "");
  server.switch_off();
  server.settle();
  EXPECT_FALSE(fs::exists(directory_ + "/appendonlydir/temp-appendonly.aof.incr"));
  EXPECT_FALSE(fs::exists(directory_ + "/appendonlydir/appendonly.aof.manifest"));
  EXPECT_EQ(server.switch_on(), "");
  server.settle();
  EXPECT_TRUE(fs::exists(directory_ + "/appendonlydir/appendonly.aof.1.base.rdb"));
}

TEST_F(AppendLogTest, WritesABaseOnRequestWithoutALog) {
  {
    Switched server(options());
    server.run({"SET", "a", "1"});
    {
      const Engine::Hold hold(server.engine());
      EXPECT_EQ(server.log().rewrite(false).refused, "");
      EXPECT_THAT(server.log().rewrite(false).refused, HasSubstr("already in progress"));
    }
    server.settle();
  }
  EXPECT_EQ(content(directory_ + "/appendonlydir/appendonly.aof.manifest"),
            "file appendonly.aof.1.base.rdb seq 1 type b\n");
  Server again(options());
  EXPECT_EQ(again.run({"GET", "a"}), "\"1\"");
}

TEST_F(AppendLogTest, ARewriteThatATransactionAsksForWaitsForItsEnd) {
  {
    Server server(options());
    server.run({"MULTI"});
    server.run({"INCR", "n"});
    server.run({"BGREWRITEAOF"});
    server.run({"INCR", "n"});
    EXPECT_THAT(server.run({"EXEC"}), HasSubstr("rewriting scheduled"));
    server.cron();
    while (server.rewriting()) server.cron();
  }
  Server again(options());
  EXPECT_EQ(again.run({"GET", "n"}), "\"2\"");
}

TEST_F(AppendLogTest, TakesOverTheSingleFileOfOlderServers) {
  std::ofstream(directory_ + "/appendonly.aof") << "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
  {
    Server server(options());
    EXPECT_EQ(server.run({"GET", "a"}), "\"1\"");
    server.run({"SET", "b", "2"});
  }
  EXPECT_FALSE(fs::exists(directory_ + "/appendonly.aof"));
  EXPECT_TRUE(fs::exists(directory_ + "/appendonlydir/appendonly.aof"));
  Server again(options());
  EXPECT_EQ(again.run({"MGET", "a", "b"}), "[\"1\", \"2\"]");
}

TEST_F(AppendLogTest, SelectsTheDatabaseBeforeATransactionBegins) {
  Server server(options());
  server.run({"MULTI"});
  server.run({"SET", "a", "1"});
  server.run({"SET", "b", "2"});
  server.run({"EXEC"});
  server.commit();
  EXPECT_TRUE(content(incremental()).starts_with("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$5\r\nMULTI\r\n"));
}

TEST_F(AppendLogTest, ManyThreadsCommitInGroups) {
  Engine engine({system_clock(), system_random(), Server::settings("always")});
  auto log = AppendLog::open(engine, options());
  ASSERT_TRUE(log.has_value());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&engine, &log] {
      Session* session = nullptr;
      {
        const Engine::Hold hold(engine);
        session = &engine.open(nullptr);
      }
      const std::vector<std::string_view> args{"INCR", "n"};
      for (int i = 0; i < 100; ++i) {
        Lsn lsn = 0;
        {
          const Engine::Hold hold(engine);
          engine.execute(*session, args);
          session->outbox.bytes.clear();
          lsn = session->outbox.lsn;
        }
        ASSERT_TRUE((*log)->commit(lsn).has_value());
        ASSERT_GE((*log)->durable_lsn(), lsn);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  log->reset();
  Server again(options());
  EXPECT_EQ(again.run({"GET", "n"}), "\"400\"");
}

}  // namespace
}  // namespace compozy::redis
