// SPDX-License-Identifier: Apache-2.0
#include "web/web.hpp"

#include "io/loop.hpp"
#include "web/page.hpp"

namespace compozy::web {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

http::Response get(const std::string& path, const std::string& known_etag = {}) {
  http::Router router;
  add_routes(router);
  const auto match = router.match("GET", path);
  if (match.route == nullptr) return http::Response::empty(404);
  http::Request request{.method = "GET", .target = path, .path = path};
  if (!known_etag.empty()) request.headers.set("If-None-Match", known_etag);
  http::Response response;
  io::Loop loop;
  io::spawn(
      loop,
      [](const http::Handler& handler, http::Request asked, http::Response& out, io::Loop& running) -> io::Task<void> {
        out = co_await handler(std::move(asked));
        running.stop();
      }(match.route->handler, std::move(request), response, loop));
  loop.run();
  return response;
}

TEST(Web, TheRootIsThePageAndItsFilesHaveTheirTypes) {
  const http::Response root = get("/");
  EXPECT_EQ(root.status, 200);
  EXPECT_EQ(root.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(root.body, HasSubstr("<!doctype html>"));
  EXPECT_EQ(get("/web/app.js").headers.get("Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(get("/web/style.css").headers.get("Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(get("/web/icon.svg").headers.get("Content-Type"), "image/svg+xml");
  EXPECT_EQ(get("/web/none.js").status, 404);
}

TEST(Web, NothingButThisServerMayBeLoadedOrCalled) {
  for (const PageFile& file : page_files()) {
    const http::Response response = get("/web/" + std::string(file.name));
    const std::string policy(response.headers.get("Content-Security-Policy").value_or(""));
    EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
    EXPECT_THAT(policy, HasSubstr("connect-src 'self'"));
    EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
    EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
  }
}

TEST(Web, AnUnchangedFileIsNotSentAgain) {
  const http::Response first = get("/web/app.js");
  EXPECT_EQ(first.headers.get("Cache-Control"), "no-cache");
  const std::string etag(first.headers.get("ETag").value_or(""));
  ASSERT_GT(etag.size(), 2U);
  const http::Response again = get("/web/app.js", etag);
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(get("/web/app.js", "\"other\"").status, 200);
}

// A page that a run's data could write into would hand its reader's key to whoever wrote that data.
TEST(Web, NoFileInsertsMarkupFromText) {
  size_t total = 0;
  for (const PageFile& file : page_files()) {
    total += file.text.size();
    for (const char* banned : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://"})
      EXPECT_THAT(std::string(file.text), Not(HasSubstr(banned))) << file.name;
  }
  EXPECT_LT(total, 150U << 10U);
}

}  // namespace
}  // namespace compozy::web
