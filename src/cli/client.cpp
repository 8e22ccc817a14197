// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"

#include "base/text.hpp"
#include "cli/output.hpp"
#include "io/file.hpp"
#include "io/timer.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::cli {

namespace {

constexpr int64_t kReconnectMs = 500;
constexpr int kReconnects = 60;  // half a minute without a server, then we give up

std::string first_line(const std::string& path) {
  const auto text = io::read_file(path);
  return text ? std::string(trim(std::string_view(*text).substr(0, text->find('\n')))) : std::string();
}

// Where the project's server keeps its data, as far as that can be known without reading the project.
std::string data_directory_of(const Invocation& invocation) {
  const std::string root = invocation.value("--cwd", ".");
  std::string path = invocation.value("--data-dir", invocation.environment("COMPOZY_DATA_DIR"));
  if (path.empty()) path = ".compozy";
  return path.starts_with('/') ? path : root + "/" + path;
}

Error with_hint(Error error) {
  if (error.code == Errc::unavailable)
    error.message += "; is the server running? `compozy start --standalone` starts one, --server names another";
  return error;
}

// The error that a problem+json names, as the server meant it.
Error error_of(int status, const std::string& body) {
  const auto problem = json::parse(body);
  Error error{.code = status == 404 ? Errc::not_found : Errc::internal,
              .message = "the server answered " + std::to_string(status)};
  if (!problem) return error;
  for (const ErrcRow& row : kErrcTable) {
    if (row.name == (*problem)["code"].string_or("")) error.code = row.code;
  }
  error.message = (*problem)["detail"].string_or(error.message);
  return error;
}

}  // namespace

ApiClient::ApiClient(const Invocation& invocation)
    : base_url_(invocation.value("--server", invocation.environment("COMPOZY_BASE_URL"))),
      key_(invocation.value("--api-key", invocation.environment("COMPOZY_API_KEY"))),
      user_(invocation.environment("USER")),
      loop_(std::make_unique<io::Loop>()),
      client_(std::make_unique<http::Client>(*loop_, http::ClientOptions{})) {
  data_dir_ = data_directory_of(invocation);
  const bool own_key = !key_.empty();
  key_source_ = invocation.has("--api-key") ? "--api-key" : "COMPOZY_API_KEY";
  if (!own_key) {
    key_ = first_line(data_dir_ + "/api_key");
    key_source_ = "'" + data_dir_ + "/api_key'";
  }
  // A key from elsewhere goes only where its owner says, never to an address that a folder names.
  if (base_url_.empty() && !own_key) base_url_ = first_line(data_dir_ + "/address");
  if (base_url_.empty()) base_url_ = "http://127.0.0.1:5001";
  while (base_url_.ends_with('/')) base_url_.pop_back();
}

ApiClient::~ApiClient() = default;

http::Headers ApiClient::headers() const {
  http::Headers headers{{"Accept", "application/json"}};
  if (!key_.empty()) headers.add("Authorization", "Bearer " + key_);
  if (!user_.empty()) headers.add("X-Compozy-User", user_);  // for the audit trail of a server without keys
  return headers;
}

Result<json::Value> ApiClient::call(const std::string& method, const std::string& path, const json::Value& body,
                                    const http::Headers& extra) {
  http::ClientRequest request{.method = method, .url = base_url_ + path, .headers = headers(), .body = {}};
  request.first_byte_timeout_ms = 330'000;
  for (const auto& [name, value] : extra) request.headers.add(name, value);
  if (!body.is_null()) {
    request.body = json::print(body);
    request.headers.add("Content-Type", "application/json");
  }
  return io::run_until(*loop_, send(std::move(request)));
}

io::Task<Result<json::Value>> ApiClient::send(http::ClientRequest request) {
  auto response = co_await client_->send(std::move(request));
  if (!response) co_return fail(with_hint(std::move(response).error()));
  if (response->status >= 400) co_return fail(explain(error_of(response->status, response->body)));
  const auto answer = json::parse(response->body);
  if (!answer || !answer->is_object()) {
    co_return fail(Errc::unavailable, "what answers at " + base_url_ + " is no Compozy server; --server names another");
  }
  co_return (*answer)["data"];
}

// Says of a refused key where this one came from, and of a missing one where keys are looked for.
Error ApiClient::explain(Error error) const {
  if (error.code != Errc::unauthenticated) return error;
  if (key_.empty()) {
    error.message = "the server at " + base_url_ + " asks for an API key, and there is none in '" + data_dir_ +
                    "/api_key'; go to the project's folder or name it with --cwd DIR, or give --api-key KEY or "
                    "COMPOZY_API_KEY";
  } else {
    error.message = "the server at " + base_url_ + " does not know this API key; " + key_source_ + " gave it";
  }
  return error;
}

Result<std::string> ApiClient::follow(const std::string& exec_id, int64_t last,
                                      const std::function<bool(const http::SseEvent&)>& see) {
  std::string kind;
  bool met = false;
  for (int lost = 0; lost < kReconnects; ++lost) {
    const int64_t before = last;
    const Result<bool> ended = io::run_until(
        *loop_,
        stream("/api/v0/executions/workflows/" + http::percent_encode(exec_id) + "/stream", last, kind, met, see));
    if (ended && *ended) return kind;
    const bool away = !ended && (ended.error().code == Errc::closed || ended.error().code == Errc::unavailable);
    if (!ended && (!away || !met)) return fail(with_hint(ended.error()));
    if (last > before) lost = 0;
    if (lost == 0) note("the connection is lost; waiting for the server");
    io::run_until(*loop_, io::sleep(*loop_, kReconnectMs)).value();
  }
  return fail(Errc::unavailable,
              "the server at " + base_url_ + " does not answer; event " + std::to_string(last) + " was the last");
}

// True when the run has ended, false when the connection did.
io::Task<Result<bool>> ApiClient::stream(std::string path, int64_t& last, std::string& kind, bool& met,
                                         const std::function<bool(const http::SseEvent&)>& see) {
  http::ClientRequest request{.method = "GET", .url = base_url_ + path, .headers = headers(), .body = {}};
  if (last > 0) request.headers.add("Last-Event-ID", std::to_string(last));
  CO_TRY(const auto response, co_await client_->open(std::move(request)));
  if (response->status() >= 400) {
    CO_TRY(const std::string body, co_await response->read_all(1U << 20U));
    co_return fail(explain(error_of(response->status(), body)));
  }
  met = true;
  http::SseParser parser;
  while (true) {
    CO_TRY(const std::string piece, co_await response->read_body_chunk());
    if (piece.empty()) co_return kind == "complete" || kind == "error";
    CO_TRY(parser.feed(piece));
    while (auto event = parser.next()) {
      if (event->event != "llm_chunk") {
        (void)parse_int64(event->id, last);
        kind = event->event;
      }
      if (!see(*event)) co_return true;
    }
  }
}

std::string list_query(const Invocation& invocation, std::initializer_list<std::string_view> names) {
  std::string query = "?limit=" + http::percent_encode(invocation.value("--limit", "20"));
  for (const std::string_view name : names) {
    const std::string option = "--" + std::string(name);
    if (invocation.has(option)) query += "&" + std::string(name) + "=" + http::percent_encode(invocation.value(option));
  }
  return query;
}

}  // namespace compozy::cli
