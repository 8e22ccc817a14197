// SPDX-License-Identifier: Apache-2.0
#include "http/codec.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>

#include "base/text.hpp"

namespace compozy::http {

namespace beast = boost::beast::http;

namespace {

using BeastCode = boost::system::error_code;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

// What both directions share: fields and body go straight into our own types.
template <bool isRequest>
class Collector : public beast::basic_parser<isRequest> {
 public:
  Headers headers;
  std::string body;

  void on_field_impl(beast::field, boost::beast::string_view name, boost::beast::string_view value,
                     BeastCode&) override {
    // What comes behind the body is no header: nobody has looked at it, neither we nor a proxy before us.
    if (header_done_) return;
    headers.add(std::string(view(name)), std::string(view(value)));
  }
  void on_header_impl(BeastCode&) override { header_done_ = true; }
  void on_body_init_impl(const boost::optional<uint64_t>&, BeastCode&) override {}
  size_t on_body_impl(boost::beast::string_view bytes, BeastCode&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(uint64_t, boost::beast::string_view, BeastCode&) override {}
  size_t on_chunk_body_impl(uint64_t, boost::beast::string_view bytes, BeastCode&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_finish_impl(BeastCode&) override {}

 private:
  bool header_done_ = false;
};

class RequestCollector final : public Collector<true> {
 public:
  Request head;

  void on_request_impl(beast::verb, boost::beast::string_view method, boost::beast::string_view target, int version,
                       BeastCode&) override {
    head.method = view(method);
    head.target = view(target);
    head.version_minor = version % 10;
    std::string_view local = head.target;
    // The absolute form, as a client of a proxy sends it: what counts is the path (RFC 9112, 3.2.2).
    if (local.starts_with("http://")) local.remove_prefix(std::min(local.find('/', 7), local.size()));
    const size_t question = local.find('?');
    head.path = local.substr(0, question);
    if (question != std::string_view::npos) head.query = local.substr(question + 1);
  }
  void on_response_impl(int, boost::beast::string_view, int, BeastCode&) override {}
};

class ResponseCollector final : public Collector<false> {
 public:
  int status = 0;

  void on_request_impl(beast::verb, boost::beast::string_view, boost::beast::string_view, int, BeastCode&) override {}
  void on_response_impl(int code, boost::beast::string_view, int, BeastCode&) override { status = code; }
};

// The header is parsed once it is there as a whole: its limit is then exact. Gives nothing while it is incomplete.
Result<std::optional<std::string_view>> whole_header(std::string_view bytes, size_t bytes_max) {
  const size_t end = bytes.substr(0, bytes_max).find("\r\n\r\n");
  if (end != std::string_view::npos) return bytes.substr(0, end + 4);
  if (bytes.size() < bytes_max) return std::nullopt;
  return fail(Errc::too_large, "the HTTP header is larger than " + std::to_string(bytes_max) + " bytes");
}

Failure body_too_large(uint64_t bytes_max) {
  return fail(Errc::too_large, "the HTTP body is larger than " + std::to_string(bytes_max) + " bytes");
}

template <class Parser>
Result<size_t> put(Parser& parser, std::string_view bytes, uint64_t body_max) {
  size_t consumed = 0;
  while (!parser.is_done() && consumed < bytes.size()) {
    BeastCode code;
    const size_t n = parser.put(boost::asio::const_buffer(bytes.data() + consumed, bytes.size() - consumed), code);
    consumed += n;
    if (code == beast::error::need_more) return consumed;
    if (code == beast::error::body_limit) return body_too_large(body_max);
    if (code) return fail(Errc::parse_error, "malformed HTTP message: " + code.message());
    if (n == 0) break;
  }
  return consumed;
}

// A message begins with a token (a method, or "HTTP"); anything else, as of a TLS client, is refused without waiting.
bool may_begin(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

// Where two readers could disagree on where a request ends or to whom it goes, it is refused (RFC 9112, 3.2, 6.1, 6.3).
Result<void> check_request(const Headers& headers, int version_minor) {
  size_t hosts = 0;
  size_t codings = 0;
  bool is_chunked = false;
  bool has_length = false;
  for (const auto& [name, value] : headers) {
    if (equals_ignoring_case(name, "Host")) ++hosts;
    if (equals_ignoring_case(name, "Content-Length")) has_length = true;
    if (!equals_ignoring_case(name, "Transfer-Encoding")) continue;
    ++codings;
    is_chunked = equals_ignoring_case(trim(value), "chunked");
  }
  if (hosts > 1 || (hosts == 0 && version_minor > 0))
    return fail(Errc::parse_error, "a request has exactly one Host, found " + std::to_string(hosts));
  if (codings > 0 && (codings > 1 || !is_chunked || has_length || version_minor == 0))
    return fail(Errc::parse_error, "the only Transfer-Encoding of a request is 'chunked', alone and in HTTP/1.1");
  return {};
}

template <class Parser>
Result<size_t> put_header(Parser& parser, std::string_view bytes, size_t header_max) {
  if (!bytes.empty() && !may_begin(bytes.front()) && bytes != "\r")
    return fail(Errc::parse_error, "malformed HTTP message: it begins with no method or version");
  TRY(const auto header, whole_header(bytes, header_max));
  if (!header) return size_t{0};
  BeastCode code;
  const size_t n = parser.put(boost::asio::const_buffer(header->data(), header->size()), code);
  if (code || !parser.is_header_done()) {
    return fail(Errc::parse_error, "malformed HTTP header: " + (code ? code.message() : std::string("incomplete")));
  }
  return n;
}

constexpr uint32_t kHeaderMaxOfBeast = 1U << 30U;  // ours is checked before Beast sees a byte

bool has_line_break(std::string_view value) { return value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos; }

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const size_t start = out.size();
  out.append(value);
  if (has_line_break(value)) {
    for (size_t i = start; i < out.size(); ++i) {
      if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
    }
  }
  out.append("\r\n");
}

}  // namespace

struct RequestParser::Impl {
  RequestCollector parser;
  size_t header_max = 0;
  uint64_t body_max = 0;
  bool started = false;
};

RequestParser::RequestParser(size_t header_bytes_max) : impl_(std::make_unique<Impl>()) {
  impl_->header_max = header_bytes_max;
  impl_->parser.header_limit(kHeaderMaxOfBeast);
  impl_->parser.body_limit(boost::none);
}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

Result<size_t> RequestParser::feed(std::string_view bytes) {
  auto& impl = *impl_;
  impl.started = impl.started || !bytes.empty();
  if (impl.parser.is_header_done()) {
    // Beast compares a given length only with the limit that was set before the header.
    if (impl.parser.content_length().value_or(0) > impl.body_max) return body_too_large(impl.body_max);
    return put(impl.parser, bytes, impl.body_max);
  }
  // Blank lines between pipelined requests are let pass (RFC 9112, 2.2).
  size_t blank = 0;
  while (bytes.substr(blank).starts_with("\r\n")) blank += 2;
  TRY(const size_t consumed, put_header(impl.parser, bytes.substr(blank), impl.header_max));
  if (impl.parser.is_header_done()) {
    TRY(check_request(impl.parser.headers, impl.parser.head.version_minor));
    impl.parser.eager(true);
  }
  return blank + consumed;
}

bool RequestParser::has_header() const { return impl_->parser.is_header_done(); }
bool RequestParser::is_done() const { return impl_->parser.is_done(); }
bool RequestParser::has_started() const { return impl_->started; }

void RequestParser::limit_body(uint64_t bytes_max) {
  impl_->body_max = bytes_max;
  impl_->parser.body_limit(bytes_max);
}

bool RequestParser::expects_continue() {
  const auto expect = request().headers.get("Expect");
  return expect && equals_ignoring_case(*expect, "100-continue");
}

bool RequestParser::keeps_alive() const { return impl_->parser.keep_alive(); }

Request& RequestParser::request() {
  auto& parser = impl_->parser;
  if (parser.headers.size() > 0) parser.head.headers = std::exchange(parser.headers, {});
  if (!parser.body.empty()) parser.head.body = std::exchange(parser.body, {});
  return parser.head;
}

struct ResponseParser::Impl {
  ResponseCollector parser;
  size_t header_max = 0;
};

ResponseParser::ResponseParser(size_t header_bytes_max, bool answers_head) : impl_(std::make_unique<Impl>()) {
  impl_->header_max = header_bytes_max;
  impl_->parser.header_limit(kHeaderMaxOfBeast);
  impl_->parser.body_limit(boost::none);
  impl_->parser.skip(answers_head);
}
ResponseParser::~ResponseParser() = default;
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;

Result<size_t> ResponseParser::feed(std::string_view bytes) {
  auto& impl = *impl_;
  size_t consumed = 0;
  if (!impl.parser.is_header_done()) {
    TRY(consumed, put_header(impl.parser, bytes, impl.header_max));
    if (!impl.parser.is_header_done()) return consumed;
    impl.parser.eager(true);
  }
  TRY(const size_t more, put(impl.parser, bytes.substr(consumed), UINT64_MAX));
  return consumed + more;
}

Result<void> ResponseParser::feed_end() {
  auto& parser = impl_->parser;
  if (parser.is_done()) return {};
  BeastCode code = beast::error::partial_message;
  if (parser.got_some()) parser.put_eof(code);
  if (code) return fail(Errc::closed, "the peer closed the connection in the middle of its answer");
  return {};
}

bool ResponseParser::has_header() const { return impl_->parser.is_header_done(); }
bool ResponseParser::is_done() const { return impl_->parser.is_done(); }
bool ResponseParser::keeps_alive() const { return impl_->parser.keep_alive(); }
int ResponseParser::status() const { return impl_->parser.status; }
const Headers& ResponseParser::headers() const { return impl_->parser.headers; }
std::string ResponseParser::take_body() { return std::exchange(impl_->parser.body, {}); }

std::string render_response_head(const Response& response, ResponseHead head) {
  std::string out;
  out.reserve(256 + response.body.size());
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason_phrase(response.status));
  out.append("\r\n");
  for (const auto& [name, value] : response.headers) append_field(out, name, value);
  const bool may_have_body = response.status >= 200 && response.status != 204 && response.status != 304;
  if (head.framing == Framing::chunked) {
    append_field(out, "Transfer-Encoding", "chunked");
  } else if (head.framing == Framing::length && may_have_body) {
    append_field(out, "Content-Length", std::to_string(head.length));
  }
  if (!head.keep_alive) append_field(out, "Connection", "close");
  return out.append("\r\n");
}

std::string render_request_head(std::string_view method, std::string_view target, const Headers& headers) {
  std::string out;
  out.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  for (const auto& [name, value] : headers) append_field(out, name, value);
  return out.append("\r\n");
}

std::string render_chunk(std::string_view bytes) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16);
  std::string out(digits.data(), end.ptr);
  out.reserve(out.size() + bytes.size() + 4);
  return out.append("\r\n").append(bytes).append("\r\n");
}

}  // namespace compozy::http
