// SPDX-License-Identifier: Apache-2.0
//
// A run's events, as a page or as a stream of server-sent events.
//
// The stream's `id:` is the event's number in the run. A client that comes back with Last-Event-ID gets every durable
// event after it exactly once, in order, from the store or live, also when the run has ended; then the stream ends.
// Pieces of a model's text (`llm_chunk`) pass by without an id.
#include "api/respond.hpp"
#include "api/routes.hpp"
#include "base/text.hpp"
#include "http/sse.hpp"
#include "io/timer.hpp"

namespace compozy::api {

namespace {

constexpr size_t kPageBytes = 256U << 10U;

bool ends_stream(std::string_view kind) { return kind == "complete" || kind == "error"; }

// One client of one run.
class EventStream {
 public:
  EventStream(const Context& context, http::BodyWriter& body, std::string run_id, int64_t last)
      : context_(context), writer_(body), run_id_(std::move(run_id)), last_(last) {}

  io::Task<Result<void>> run() {
    while (!ended_) {
      const auto feed = context_.driver.subscribe(run_id_);  // first, so that nothing falls between it and the store
      CO_TRY(co_await write_stored());
      if (ended_) break;
      CO_TRY(co_await follow(*feed));
    }
    co_return Result<void>();
  }

 private:
  io::Task<Result<void>> write_stored() {
    while (true) {
      // A page waits here for as long as the client does not read: it is small, however large the events are.
      CO_TRY(const auto page, co_await context_.runs.events(run_id_, last_, store::kPageMax, kPageBytes));
      for (const store::EventRow& event : page) CO_TRY(co_await write(event.n, event.kind, event.body));
      if (page.empty()) break;
    }
    if (!ended_) {  // a client may have seen the last event already
      CO_TRY(const store::Run run, co_await context_.runs.get(run_id_));
      ended_ = run.ended_ms != 0 && run.last_event <= last_;
    }
    co_return Result<void>();
  }

  // Until the feed closes or an event is missing: then the store has it.
  io::Task<Result<void>> follow(workflow::Feed& feed) {
    while (!ended_) {
      io::Deadline deadline(context_.loop, context_.heartbeat_ms, writer_.stop());
      const auto event = co_await feed.pop(deadline.token());
      if (writer_.stop().stop_requested()) co_return fail(Errc::closed, "the client has gone, or the server stops");
      if (!event) {
        if (feed.is_closed()) co_return Result<void>();
        CO_TRY(co_await writer_.heartbeat());
      } else if (event->n == 0) {
        CO_TRY(co_await writer_.event("", event->kind, event->body));
      } else if (event->n == last_ + 1) {
        CO_TRY(co_await write(event->n, event->kind, event->body));
      } else if (event->n > last_) {
        co_return Result<void>();
      }
    }
    co_return Result<void>();
  }

  io::Task<Result<void>> write(int64_t n, const std::string& kind, const std::string& body) {
    CO_TRY(co_await writer_.event(std::to_string(n), kind, body));
    last_ = n;
    ended_ = ends_stream(kind);
    co_return Result<void>();
  }

  const Context& context_;
  http::SseWriter writer_;
  std::string run_id_;
  int64_t last_;
  bool ended_ = false;
};

Result<int64_t> last_event_id(const http::Request& request) {
  const auto header = request.headers.get("Last-Event-ID");
  if (!header || header->empty()) return 0;
  int64_t n = 0;
  if (!parse_int64(*header, n) || n < 0) {
    return fail(Errc::invalid_argument,
                "Last-Event-ID must be the number of an event, found '" + std::string(*header) + "'");
  }
  return n;
}

io::Task<http::Response> stream(const Context& context, http::Request request) {
  const auto last = last_event_id(request);
  if (!last) co_return problem(last.error());
  const std::string run_id(request.param("exec_id"));
  const auto run = co_await context.runs.get(run_id);
  if (!run) co_return problem(run.error());
  http::Response response =
      http::Response::stream(200, std::string(http::kSseType),
                             [&context, run_id, last = *last](http::BodyWriter& body) -> io::Task<Result<void>> {
                               EventStream events(context, body, run_id, last);
                               co_return co_await events.run();
                             });
  response.headers.set("Cache-Control", "no-cache");
  response.headers.set("X-Accel-Buffering", "no");
  co_return response;
}

io::Task<http::Response> page(const Context& context, http::Request request) {
  const auto after = query_integer(request, "after", 0, 0, INT64_MAX);
  const auto limit = query_integer(request, "limit", 100, 1, store::kPageMax);
  if (!after || !limit) co_return problem(!after ? after.error() : limit.error());
  const auto events = co_await context.runs.events(std::string(request.param("exec_id")), *after, *limit);
  if (!events) co_return problem(events.error());
  json::Value list = json::Value::array();
  for (const store::EventRow& event : *events) {
    list.push_back(json::Value::object({{"id", event.n},
                                        {"ts", format_rfc3339(event.at_ms)},
                                        {"type", event.kind},
                                        {"data", stored_json(event.body)}}));
  }
  co_return success(200, "events", json::Value::object({{"events", std::move(list)}}));
}

}  // namespace

void add_stream_routes(http::Router& router, const Context& context) {
  for (const char* kind : {"workflows", "agents", "tasks"}) {
    add_secured(router, context, "GET", std::string("/api/v0/executions/") + kind + "/{exec_id}/stream",
                with_context(context, stream));
  }
  add_secured(router, context, "GET", "/api/v0/executions/workflows/{exec_id}/events", with_context(context, page));
}

}  // namespace compozy::api
