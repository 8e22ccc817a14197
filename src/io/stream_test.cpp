// SPDX-License-Identifier: Apache-2.0
#include "io/stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "io/resolve.hpp"
#include "io/timer.hpp"

namespace compozy::io {
namespace {

using StreamPtr = std::unique_ptr<Stream>;

struct Pair {
  StreamPtr client;
  StreamPtr server;
};

Task<Result<Pair>> connected_pair(Loop& loop, Listener& listener) {
  Pair pair;
  CO_TRY(pair.client, co_await connect_tcp(loop, "127.0.0.1", listener.port()));
  CO_TRY(pair.server, co_await listener.accept({}));
  co_return pair;
}

class TcpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    listener_ = listen_tcp(loop_, "127.0.0.1", 0).value();
    pair_ = run_until(loop_, connected_pair(loop_, *listener_)).value();
  }
  Loop loop_;
  std::unique_ptr<Listener> listener_;
  Pair pair_;
};

Task<Result<std::string>> say_and_hear(Stream& client, Stream& server) {
  CO_TRY(co_await client.write_all("hello"));
  CO_TRY(co_await client.shutdown());
  CO_TRY(auto heard, co_await read_to_end(server, 100));
  CO_TRY(co_await server.write_all(heard + " back"));
  CO_TRY(co_await server.shutdown());
  co_return co_await read_to_end(client, 100);
}

TEST_F(TcpTest, AHalfClosedSocketStillReceives) {
  EXPECT_EQ(run_until(loop_, say_and_hear(*pair_.client, *pair_.server)).value(), "hello back");
}

Task<Result<std::string>> pump(Loop& loop, Stream& from, Stream& to, std::string bytes) {
  TaskScope scope(loop);
  const auto write = [](Stream& stream, std::string text) -> Task<void> {
    EXPECT_TRUE((co_await stream.write_all(text)).has_value());
    EXPECT_TRUE((co_await stream.shutdown()).has_value());
  };
  scope.spawn(write(from, std::move(bytes)));
  auto heard = co_await read_to_end(to, 64U << 20U);
  co_await scope.join();
  co_return heard;
}

TEST_F(TcpTest, CarriesMoreThanTheSocketBuffersHold) {
  std::string bytes(20U << 20U, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 % 251);
  EXPECT_EQ(run_until(loop_, pump(loop_, *pair_.client, *pair_.server, bytes)).value(), bytes);
}

TEST_F(TcpTest, AReadEndsWhenItIsStopped) {
  std::stop_source source;
  std::array<char, 10> buffer{};
  loop_.post([&source] { source.request_stop(); });
  EXPECT_EQ(run_until(loop_, pair_.server->read_some(buffer, source.get_token())).error().code, Errc::cancelled);
}

TEST_F(TcpTest, AReadEndsWhenAnotherThreadStopsIt) {
  std::stop_source source;
  std::array<char, 10> buffer{};
  std::thread stopper([&source] { source.request_stop(); });
  EXPECT_EQ(run_until(loop_, pair_.server->read_some(buffer, source.get_token())).error().code, Errc::cancelled);
  stopper.join();
}

TEST_F(TcpTest, CloseEndsAPendingReadAsClosed) {
  std::array<char, 10> buffer{};
  loop_.post([this] { pair_.server->close(); });
  const auto outcome = run_until(loop_, pair_.server->read_some(buffer, {}));
  EXPECT_EQ(outcome.error().code, Errc::closed);
  EXPECT_EQ(run_until(loop_, pair_.server->write_all("x", {})).error().code, Errc::closed);
}

Task<Result<void>> write_for_ever(Stream& stream, std::stop_token stop) {
  const std::string chunk(65536, 'x');
  for (;;) CO_TRY(co_await stream.write_all(chunk, stop));
}

TEST_F(TcpTest, AWriteToAPeerThatReadsNothingEndsWhenStopped) {
  const auto work = [this](std::stop_token stop) { return write_for_ever(*pair_.client, stop); };
  EXPECT_EQ(run_until(loop_, with_timeout(loop_, 30, "writing", {}, work)).error().code, Errc::timeout);
}

TEST_F(TcpTest, AWriteToAPeerThatWentAwayIsAnErrorNotASignal) {
  pair_.server.reset();
  const auto outcome = run_until(loop_, write_for_ever(*pair_.client, {}));
  EXPECT_EQ(outcome.error().code, Errc::closed);
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("127.0.0.1:"));
}

TEST_F(TcpTest, KnowsThatAnIdlePeerLeft) {
  EXPECT_FALSE(pair_.client->is_stale());
  pair_.server.reset();
  EXPECT_TRUE(pair_.client->is_stale());
}

TEST_F(TcpTest, ABusyPortIsNamed) {
  const auto second = listen_tcp(loop_, "127.0.0.1", listener_->port());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::address_in_use);
  EXPECT_THAT(second.error().message, ::testing::HasSubstr("'127.0.0.1:" + std::to_string(listener_->port()) + "'"));
}

TEST_F(TcpTest, ARefusedConnectionNamesTheAddress) {
  const uint16_t port = listener_->port();
  listener_->close();
  const auto outcome = run_until(loop_, connect_tcp(loop_, "127.0.0.1", port));
  EXPECT_EQ(outcome.error().code, Errc::unavailable);
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr(std::to_string(port)));
}

TEST_F(TcpTest, CloseEndsAPendingAccept) {
  loop_.post([this] { listener_->close(); });
  EXPECT_EQ(run_until(loop_, listener_->accept({})).error().code, Errc::closed);
}

TEST(Resolve, KnowsLocalhostAndNumbersAndRefusesTheRest) {
  Loop loop;
  // Also where /etc/hosts does not say so, as in a bare container.
  EXPECT_EQ(run_until(loop, resolve(loop, "localhost", 80, 5000, {})).value().front().to_string(), "127.0.0.1:80");
  EXPECT_EQ(run_until(loop, resolve(loop, "db.LOCALHOST", 80, 5000, {})).value().front().to_string(), "127.0.0.1:80");
  EXPECT_EQ(run_until(loop, resolve(loop, "::1", 80, 5000, {})).value().front().to_string(), "[::1]:80");
  const auto unknown = run_until(loop, resolve(loop, "no such host.invalid", 80, 5000, {}));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message, ::testing::HasSubstr("no such host.invalid"));
}

class UnixTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "compozy_unix_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    path_ = dir_ + "/s";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  Loop loop_;
  std::string dir_;
  std::string path_;
};

Task<Result<Pair>> connected_pair(Loop& loop, Listener& listener, std::string path) {
  Pair pair;
  CO_TRY(pair.client, co_await connect_unix(loop, path));
  CO_TRY(pair.server, co_await listener.accept({}));
  co_return pair;
}

TEST_F(UnixTest, ConnectsAndIsPrivateAndCleansUp) {
  {
    const auto listener = listen_unix(loop_, path_).value();
    EXPECT_EQ(std::filesystem::status(path_).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const auto pair = run_until(loop_, connected_pair(loop_, *listener, path_)).value();
    EXPECT_EQ(run_until(loop_, say_and_hear(*pair.client, *pair.server)).value(), "hello back");
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixTest, ReplacesADeadSocketButNotALiveOneNorAFile) {
  const auto first = listen_unix(loop_, path_).value();
  EXPECT_EQ(listen_unix(loop_, path_).error().code, Errc::address_in_use);
  std::filesystem::rename(path_, path_ + "2");  // close() will not find it: what a crash leaves
  first->close();
  EXPECT_TRUE(listen_unix(loop_, path_ + "2").has_value());
  EXPECT_EQ(listen_unix(loop_, dir_ + "/" + std::string(200, 'x')).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace compozy::io
