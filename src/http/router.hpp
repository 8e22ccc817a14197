// SPDX-License-Identifier: Apache-2.0
//
// Router: from method and path to a handler. Patterns are paths whose segments are literal, `{name}` (one segment) or,
// at the end, `{name...}` (the rest, may be empty). A literal segment wins over a parameter; parameters arrive decoded.
//
// Invariants: a pattern and method are added once (ASSERT); two patterns that differ only in parameter names are one.
// Owner: Server's builder; unchanged while the server runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.hpp"
#include "io/task.hpp"

namespace compozy::http {

using Handler = std::function<io::Task<Response>(Request)>;

struct RouteOptions {
  uint64_t body_bytes_max = 10U << 20U;
  // The handler may wait long: its request's stop token then fires as soon as the client goes away.
  bool watch_client = false;
  // Looks at the header before the body is read, so that strangers cost no memory, and notes who asks (user, key_name).
  // What it answers is sent in place of the handler's answer.
  std::function<std::optional<Response>(Request& head)> admit = nullptr;
};

struct Route {
  std::string method;
  std::string pattern;
  Handler handler;
  RouteOptions options;
};

class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  void add(std::string method, std::string pattern, Handler handler, RouteOptions options = {});

  using Params = std::vector<std::pair<std::string, std::string>>;
  struct Match {
    const Route* route = nullptr;  // null: no such path, or no such method there
    Params params;
    std::string allow;  // "GET, HEAD, POST": set when the path exists
  };
  Match match(std::string_view method, std::string_view path) const;  // HEAD falls back to GET

  std::vector<const Route*> routes() const;  // in the order of addition

 private:
  struct Node;
  static const Node* find(const Node& node, const std::vector<std::string_view>& segments, size_t index,
                          std::vector<std::string>& values);
  std::unique_ptr<Node> root_;
  std::vector<std::unique_ptr<Route>> routes_;
};

}  // namespace compozy::http
