// SPDX-License-Identifier: Apache-2.0
#include "web/web.hpp"

#include <algorithm>
#include <string>

#include "web/page.hpp"

namespace compozy::web {

namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

http::Response render(const PageFile& file, const http::Request& request) {
  const auto known = request.headers.get("If-None-Match");
  http::Response response =
      known && known->contains(file.etag)
          ? http::Response::empty(304)
          : http::Response::with_type(200, std::string(content_type(file.name)), std::string(file.text));
  response.headers.set("ETag", std::string(file.etag));
  response.headers.set("Cache-Control", "no-cache");
  response.headers.set("Content-Security-Policy", std::string(kPolicy));
  response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Referrer-Policy", "no-referrer");
  return response;
}

http::Handler serve(const PageFile& file) {
  return [&file](http::Request request) -> io::Task<http::Response> { co_return render(file, request); };
}

}  // namespace

void add_routes(http::Router& router) {
  for (const PageFile& file : page_files()) {
    router.add("GET", "/web/" + std::string(file.name), serve(file));
    if (file.name == "index.html") router.add("GET", "/", serve(file));
    if (file.name == "icon.svg") router.add("GET", "/favicon.ico", serve(file));
  }
}

}  // namespace compozy::web
