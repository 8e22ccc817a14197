// SPDX-License-Identifier: Apache-2.0
//
// ApiClient: calls a running server, one request at a time, for commands. Blocks; owns its loop.
// The server and its key: --server and --api-key, else COMPOZY_BASE_URL and COMPOZY_API_KEY, else the files `address`
// and `api_key` that the project's server keeps in its data directory (--cwd, --data-dir, COMPOZY_DATA_DIR). Errors:
// unavailable when no server answers, with what to type; else the problem that the server named.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cli/command.hpp"
#include "http/client.hpp"
#include "http/sse.hpp"
#include "io/loop.hpp"
#include "json/value.hpp"

namespace compozy::cli {

class ApiClient {
 public:
  explicit ApiClient(const Invocation& invocation);
  ~ApiClient();

  // The `data` of a successful answer.
  Result<json::Value> call(const std::string& method, const std::string& path, const json::Value& body = {},
                           const http::Headers& headers = {});

  // Every event after `last`, in order, across lost connections (not where there never was one), until the run ends or
  // `see` answers false. Gives the kind of the last event.
  Result<std::string> follow(const std::string& exec_id, int64_t last,
                             const std::function<bool(const http::SseEvent&)>& see);

  const std::string& base_url() const { return base_url_; }

 private:
  http::Headers headers() const;
  Error explain(Error error) const;
  io::Task<Result<json::Value>> send(http::ClientRequest request);
  io::Task<Result<bool>> stream(std::string path, int64_t& last, std::string& kind, bool& met,
                                const std::function<bool(const http::SseEvent&)>& see);

  std::string base_url_;
  std::string key_;
  std::string key_source_;
  std::string data_dir_;
  std::string user_;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<http::Client> client_;
};

// The query of a list: --limit, 20 unless given, and those of the named options that are given, as in "status".
std::string list_query(const Invocation& invocation, std::initializer_list<std::string_view> names);

}  // namespace compozy::cli
