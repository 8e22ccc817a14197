// SPDX-License-Identifier: Apache-2.0
#include "io/tls.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>

#include "io/timer.hpp"

namespace compozy::io {
namespace {

// A self-signed certificate for `name` ("DNS:localhost"), as PEM files in a directory of their own.
class Certificate {
 public:
  explicit Certificate(const char* name) {
    std::string pattern = ::testing::TempDir() + "compozy_tls_XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* const subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name);
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
    std::FILE* file = std::fopen(certificate_file().c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(key_file().c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() { std::filesystem::remove_all(dir_); }
  std::string certificate_file() const { return dir_ + "/cert.pem"; }
  std::string key_file() const { return dir_ + "/key.pem"; }

 private:
  std::string dir_;
};

Task<void> echo(Listener& listener, TlsContext context, std::stop_token stop) {
  auto raw = co_await listener.accept(stop);
  if (!raw) co_return;
  auto stream = co_await tls_accept(*std::move(raw), context, stop);
  if (!stream) co_return;
  auto heard = co_await read_to_end(**stream, 8U << 20U, stop);
  if (!heard) co_return;
  EXPECT_TRUE((co_await (*stream)->write_all(*heard)).has_value());
  EXPECT_TRUE((co_await (*stream)->shutdown()).has_value());
}

Task<Result<std::string>> talk(Loop& loop, Listener& listener, TlsContext server, TlsContext client, std::string host,
                               std::string text) {
  TaskScope scope(loop);
  scope.spawn(echo(listener, server, scope.token()));
  auto stream = co_await connect_tls(loop, host, listener.port(), client);
  Result<std::string> heard;
  if (stream) {
    const auto sent = co_await (*stream)->write_all(text);
    EXPECT_TRUE(sent.has_value());
    EXPECT_TRUE((co_await (*stream)->shutdown()).has_value());
    heard = co_await read_to_end(**stream, 8U << 20U);
  } else {
    heard = fail(stream.error());
  }
  scope.stop();
  co_await scope.join();
  co_return heard;
}

class TlsTest : public ::testing::Test {
 protected:
  Result<std::string> talk_as(const Certificate& served, const Certificate& trusted, std::string text = "hi") {
    const auto listener = listen_tcp(loop_, "127.0.0.1", 0).value();
    const auto server = TlsContext::server(served.certificate_file(), served.key_file()).value();
    const auto client = TlsContext::client(trusted.certificate_file()).value();
    return run_until(loop_, talk(loop_, *listener, server, client, "127.0.0.1", std::move(text)));
  }
  Loop loop_;
};

TEST_F(TlsTest, CarriesBytesBothWays) {
  const Certificate certificate("IP:127.0.0.1");
  EXPECT_EQ(talk_as(certificate, certificate).value(), "hi");
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(talk_as(certificate, certificate, large).value(), large);
}

TEST_F(TlsTest, RefusesACertificateOfAnUnknownAuthority) {
  const auto outcome = talk_as(Certificate("IP:127.0.0.1"), Certificate("IP:127.0.0.1"));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Errc::unavailable);
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("self-signed certificate"));
}

TEST_F(TlsTest, RefusesACertificateForAnotherName) {
  const Certificate certificate("DNS:elsewhere.example");
  const auto outcome = talk_as(certificate, certificate);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("IP address mismatch"));
}

Task<Result<std::string>> plain_server(Loop& loop, Listener& listener, TlsContext client) {
  TaskScope scope(loop);
  const auto answer = [](Listener& l) -> Task<void> {
    auto stream = co_await l.accept({});
    EXPECT_TRUE((co_await (*stream)->write_all("HTTP/1.1 400 Bad Request\r\n\r\n")).has_value());
  };
  scope.spawn(answer(listener));
  auto stream = co_await connect_tls(loop, "127.0.0.1", listener.port(), client);
  co_await scope.join();
  if (!stream) co_return fail(stream.error());
  co_return "connected";
}

TEST_F(TlsTest, SaysSoWhenThePeerDoesNotSpeakTls) {
  const auto listener = listen_tcp(loop_, "127.0.0.1", 0).value();
  const auto outcome = run_until(loop_, plain_server(loop_, *listener, TlsContext::client().value()));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_THAT(outcome.error().message, ::testing::HasSubstr("TLS"));
}

TEST_F(TlsTest, ASilentPeerIsATimeout) {
  const auto listener = listen_tcp(loop_, "127.0.0.1", 0).value();
  const auto outcome = run_until(
      loop_, connect_tls(loop_, "127.0.0.1", listener->port(), TlsContext::client().value(), {.timeout_ms = 20}));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Errc::timeout);
}

TEST_F(TlsTest, MissingFilesAreNamed) {
  EXPECT_THAT(TlsContext::server("/none.pem", "/none.key").error().message, ::testing::HasSubstr("/none.pem"));
  EXPECT_THAT(TlsContext::client("/none.pem").error().message, ::testing::HasSubstr("/none.pem"));
}

}  // namespace
}  // namespace compozy::io
