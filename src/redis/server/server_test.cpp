// SPDX-License-Identifier: Apache-2.0
#include "redis/server/server.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "redis/resp/reply_parser.hpp"

namespace compozy::redis {
namespace {

class Peer {
 public:
  explicit Peer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  explicit Peer(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~Peer() { ::close(fd_); }
  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  std::string receive() {
    std::array<char, 65536> part;
    while (true) {
      auto reply = parser_.next();
      if (!reply) return "broken";
      if (*reply) return (*reply)->to_string();
      const ssize_t size = ::recv(fd_, part.data(), part.size(), 0);
      if (size <= 0) return "closed";
      parser_.feed({part.data(), static_cast<size_t>(size)});
    }
  }
  std::string run(std::string_view line) {
    send(std::string(line) + "\r\n");
    return receive();
  }

 private:
  int fd_;
  ReplyParser parser_;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    std::string name = (std::filesystem::temp_directory_path() / "compozy-server-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    socket_ = directory_ + "/redis.sock";
    auto server = Server::start(engine_, {.unix_socket = socket_, .tcp_port = 0});
    EXPECT_TRUE(server.has_value());
    server_ = *std::move(server);
  }
  ~ServerTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  Engine engine_{{system_clock(), system_random()}};
  std::string directory_;
  std::string socket_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, ServesBothKindsOfSockets) {
  Peer local(socket_);
  Peer tcp(server_->port());
  EXPECT_EQ(local.run("SET k v"), "OK");
  EXPECT_EQ(tcp.run("GET k"), "\"v\"");
  EXPECT_NE(tcp.run("HELLO 3").find("\"proto\": (integer) 3"), std::string::npos);
}

TEST_F(ServerTest, AnswersAPipelineInOrder) {
  Peer peer(socket_);
  std::string input;
  for (int i = 0; i < 1000; ++i) input += "INCR n\r\n";
  peer.send(input);
  for (int i = 1; i <= 1000; ++i) ASSERT_EQ(peer.receive(), "(integer) " + std::to_string(i));
}

std::string multibulk(std::initializer_list<std::string_view> args) {
  std::string out;
  append_command(out, args);
  return out;
}

TEST_F(ServerTest, MixesInlineCommandsIntoAPipeline) {
  Peer peer(socket_);
  peer.send("ECHO one\r\nECHO two\r\n" + multibulk({"ECHO", "three"}) + "\r\n" + multibulk({"ECHO", "four"}) +
            "ECHO five\r\n");
  for (const auto* word : {"one", "two", "three", "four", "five"}) {
    EXPECT_EQ(peer.receive(), "\"" + std::string(word) + "\"");
  }
}

// A blocked client, and one that CLIENT PAUSE holds, go on with what they sent before.
TEST_F(ServerTest, KeepsWhatCameBehindACommandThatWaits) {
  Peer waiter(socket_);
  Peer other(socket_);
  waiter.send(multibulk({"BLPOP", "q", "0"}) + multibulk({"ECHO", "behind"}) + multibulk({"GET", "k"}) +
              "*2\r\n$3\r\nGE");
  EXPECT_EQ(other.run("SET k v"), "OK");
  waiter.send("T\r\n$1\r\nk\r\n");
  EXPECT_EQ(other.run("RPUSH q x"), "(integer) 1");
  EXPECT_EQ(waiter.receive(), "[\"q\", \"x\"]");
  EXPECT_EQ(waiter.receive(), "\"behind\"");
  EXPECT_EQ(waiter.receive(), "\"v\"");
  EXPECT_EQ(waiter.receive(), "\"v\"");
  EXPECT_EQ(other.run("CLIENT PAUSE 60000 WRITE"), "OK");
  waiter.send(multibulk({"ECHO", "before"}) + multibulk({"SET", "k", "w"}) + multibulk({"GET", "k"}));
  EXPECT_EQ(waiter.receive(), "\"before\"");
  EXPECT_EQ(other.run("CLIENT UNPAUSE"), "OK");
  EXPECT_EQ(waiter.receive(), "OK");
  EXPECT_EQ(waiter.receive(), "\"w\"");
}

TEST_F(ServerTest, AnswersWhatCameBeforeAProtocolError) {
  Peer peer(socket_);
  peer.send(multibulk({"ECHO", "one"}) + multibulk({"ECHO", "two"}) + "*1\r\n$x\r\n" + multibulk({"ECHO", "never"}));
  EXPECT_EQ(peer.receive(), "\"one\"");
  EXPECT_EQ(peer.receive(), "\"two\"");
  EXPECT_EQ(peer.receive(), "(error) ERR Protocol error: invalid bulk length");
  EXPECT_EQ(peer.receive(), "closed");
}

// What stands behind AUTH is parsed by the rules for clients that are known.
TEST_F(ServerTest, TakesALongCommandRightBehindAuth) {
  Peer first(socket_);
  EXPECT_EQ(first.run("CONFIG SET requirepass secret"), "OK");
  Peer peer(socket_);
  std::string many;
  append_command(many, std::vector<std::string_view>(20, "EXISTS"));
  peer.send(multibulk({"AUTH", "secret"}) + many);
  EXPECT_EQ(peer.receive(), "OK");
  EXPECT_EQ(peer.receive(), "(integer) 0");
}

// More keys than are near: their entries are fetched ahead, whichever database they are in by then.
TEST_F(ServerTest, AnswersFromManyKeysAndSeveralDatabases) {
  Peer peer(socket_);
  std::string input;
  for (int i = 0; i < 6000; ++i) input += multibulk({"SET", "key:" + std::to_string(i), std::to_string(i)});
  peer.send(input);
  for (int i = 0; i < 6000; ++i) ASSERT_EQ(peer.receive(), "OK");
  input.clear();
  for (int i = 0; i < 6000; i += 2) {
    input += multibulk({"SELECT", i % 4 == 0 ? "1" : "0"}) + multibulk({"GET", "key:" + std::to_string(i)}) +
             multibulk({"EVAL", "return KEYS[1]", "1", "key:" + std::to_string(i)});
  }
  peer.send(input);
  for (int i = 0; i < 6000; i += 2) {
    ASSERT_EQ(peer.receive(), "OK");
    ASSERT_EQ(peer.receive(), i % 4 == 0 ? "(nil)" : "\"" + std::to_string(i) + "\"");
    ASSERT_EQ(peer.receive(), "\"key:" + std::to_string(i) + "\"");
  }
}

TEST_F(ServerTest, CarriesLargeValuesBothWays) {
  Peer peer(socket_);
  const std::string value(20'000'000, 'x');
  std::thread sender(
      [&] { peer.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n"); });
  sender.join();
  EXPECT_EQ(peer.receive(), "OK");
  EXPECT_EQ(peer.run("STRLEN k"), "(integer) 20000000");
  EXPECT_EQ(peer.run("GET k").size(), value.size() + 2);
}

TEST_F(ServerTest, EndsAConnectionThatDoesNotSpeakTheProtocol) {
  Peer peer(socket_);
  peer.send("*1\r\n$x\r\n");
  EXPECT_EQ(peer.receive(), "(error) ERR Protocol error: invalid bulk length");
  EXPECT_EQ(peer.receive(), "closed");
}

TEST_F(ServerTest, DeliversMessagesAndWakesBlockedClients) {
  Peer listener(socket_);
  Peer waiter(socket_);
  Peer other(socket_);
  EXPECT_EQ(listener.run("SUBSCRIBE c"), "[\"subscribe\", \"c\", (integer) 1]");
  waiter.send("BLPOP q 0\r\nPING\r\n");
  EXPECT_EQ(other.run("PUBLISH c hello"), "(integer) 1");
  EXPECT_EQ(listener.receive(), "[\"message\", \"c\", \"hello\"]");
  other.run("RPUSH q x");
  EXPECT_EQ(waiter.receive(), "[\"q\", \"x\"]");
  EXPECT_EQ(waiter.receive(), "PONG");
}

TEST_F(ServerTest, SendsMessagesOfInProcessPublishers) {
  Peer listener(socket_);
  listener.run("SUBSCRIBE c");
  {
    const Engine::Hold hold(engine_);
    Session& session = engine_.open(nullptr);
    const std::vector<std::string_view> publish{"PUBLISH", "c", "inside"};
    engine_.execute(session, publish);
    engine_.close(session);
  }
  EXPECT_EQ(listener.receive(), "[\"message\", \"c\", \"inside\"]");
}

TEST_F(ServerTest, QuitsAndKills) {
  Peer quitter(socket_);
  EXPECT_EQ(quitter.run("QUIT"), "OK");
  EXPECT_EQ(quitter.receive(), "closed");
  Peer victim(socket_);
  const std::string id = victim.run("CLIENT ID").substr(10);
  Peer other(socket_);
  EXPECT_EQ(other.run("CLIENT KILL ID " + id), "(integer) 1");
  EXPECT_EQ(victim.receive(), "closed");
}

TEST_F(ServerTest, RefusesMoreClientsThanAllowed) {
  Peer first(socket_);
  EXPECT_EQ(first.run("CONFIG SET maxclients 1"), "OK");
  Peer second(socket_);
  EXPECT_EQ(second.receive(), "(error) ERR max number of clients reached");
  EXPECT_EQ(second.receive(), "closed");
}

TEST_F(ServerTest, SaysWhenAPortIsTaken) {
  const auto second = Server::start(engine_, {.tcp_port = server_->port()});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::address_in_use);
}

}  // namespace
}  // namespace compozy::redis
