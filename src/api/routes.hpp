// SPDX-License-Identifier: Apache-2.0
//
// The routes of each resource. Private to api/.
#pragma once

#include "api/api.hpp"

namespace compozy::api {

void add_operation_routes(http::Router& router, const Context& context);
void add_workflow_routes(http::Router& router, const Context& context);
void add_execution_routes(http::Router& router, const Context& context);
void add_direct_routes(http::Router& router, const Context& context);
void add_stream_routes(http::Router& router, const Context& context);
void add_hook_routes(http::Router& router, const Context& context);
void add_schedule_routes(http::Router& router, const Context& context);
void add_memory_routes(http::Router& router, const Context& context);
void add_audit_routes(http::Router& router, const Context& context);

// A handler that is given the context as well.
template <class Handler>
http::Handler with_context(const Context& context, Handler handler) {
  return [&context, handler](http::Request request) { return handler(context, std::move(request)); };
}

// A route behind the API key: 401 without a valid one, before a body is read. Where keys are off, requests of pages
// from elsewhere get 403.
void add_secured(http::Router& router, const Context& context, std::string method, std::string pattern,
                 http::Handler handler, http::RouteOptions options = {});

// A handler whose success is written to the audit trail: who, what, to which run or workflow, and the request's body
// where it is no longer than kAuditDetailMax bytes. Goes inside add_secured().
inline constexpr size_t kAuditDetailMax = 4'096;
std::string actor_of(const http::Request& request);
http::Handler audited(const Context& context, std::string action, http::Handler handler);

// Starting a run, whatever of. `runs` is the URL that the run's id follows.
inline constexpr std::string_view kWorkflowRuns = "/api/v0/executions/workflows/";
struct SyncLimits {
  int64_t usual_s = 0;
  int64_t max_s = 0;
};
struct Waiting {
  std::string_view runs;
  int64_t timeout_s = 0;
  std::stop_token stop;
};
Result<void> set_idempotency(workflow::StartRequest& start, const http::Request& request, const json::Value& body);
Result<int64_t> read_timeout(const json::Value& body, SyncLimits limits);
io::Task<http::Response> answer_started(const Context& context, workflow::StartRequest start, std::string_view runs);
io::Task<http::Response> answer_ended(const Context& context, workflow::StartRequest start, Waiting waiting,
                                      json::Value (*view)(const store::Run&));

json::Value run_view(const store::Run& run);
json::Value task_view(const store::TaskRow& task);

}  // namespace compozy::api
