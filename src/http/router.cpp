// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"

namespace compozy::http {

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> any;   // {name}
  std::unique_ptr<Node> rest;  // {name...}
  std::map<std::string, const Route*, std::less<>> methods;
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return split(path, '/');
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }
bool is_rest(std::string_view segment) { return is_parameter(segment) && segment.ends_with("...}"); }

std::string_view name_of(std::string_view segment) {
  return segment.substr(1, segment.size() - (is_rest(segment) ? 5 : 2));
}

}  // namespace

void Router::add(std::string method, std::string pattern, Handler handler, RouteOptions options) {
  ASSERT(pattern.starts_with('/'));
  auto route =
      std::make_unique<Route>(Route{std::move(method), std::move(pattern), std::move(handler), std::move(options)});
  Node* node = root_.get();
  for (const auto segment : segments_of(route->pattern)) {
    ASSERT(node->rest == nullptr || !is_rest(segment) || !node->rest->methods.contains(route->method));
    auto& next = is_rest(segment)        ? node->rest
                 : is_parameter(segment) ? node->any
                                         : node->literals[std::string(segment)];
    if (!next) next = std::make_unique<Node>();
    node = next.get();
  }
  const bool added = node->methods.emplace(route->method, route.get()).second;
  ASSERT(added);
  routes_.push_back(std::move(route));
}

const Router::Node* Router::find(const Node& node, const std::vector<std::string_view>& segments, size_t index,
                                 std::vector<std::string>& values) {
  if (index == segments.size()) return node.methods.empty() ? nullptr : &node;
  const auto literal = node.literals.find(segments[index]);
  if (literal != node.literals.end()) {
    if (const Node* found = find(*literal->second, segments, index + 1, values)) return found;
  }
  if (node.any && !segments[index].empty()) {
    values.push_back(percent_decode(segments[index]));
    if (const Node* found = find(*node.any, segments, index + 1, values)) return found;
    values.pop_back();
  }
  if (!node.rest) return nullptr;
  std::string rest;
  for (size_t i = index; i < segments.size(); ++i) rest += (i == index ? "" : "/") + std::string(segments[i]);
  values.push_back(percent_decode(rest));
  return node.rest.get();
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  std::vector<std::string> values;
  const Node* node = find(*root_, segments_of(path), 0, values);
  if (node == nullptr) return match;
  auto found = node->methods.find(method);
  if (found == node->methods.end() && method == "HEAD") found = node->methods.find("GET");
  for (const auto& [name, route] : node->methods) {
    match.allow += (match.allow.empty() ? "" : ", ") + name;
    if (name == "GET" && !node->methods.contains("HEAD")) match.allow += ", HEAD";
  }
  if (found == node->methods.end()) return match;
  match.route = found->second;
  size_t next = 0;
  for (const auto segment : segments_of(match.route->pattern)) {
    if (is_parameter(segment)) match.params.emplace_back(std::string(name_of(segment)), std::move(values[next++]));
  }
  return match;
}

std::vector<const Route*> Router::routes() const {
  std::vector<const Route*> all;
  all.reserve(routes_.size());
  for (const auto& route : routes_) all.push_back(route.get());
  return all;
}

}  // namespace compozy::http
