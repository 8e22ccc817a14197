// SPDX-License-Identifier: Apache-2.0
//
// The routes of each resource. Private to api/.
#pragma once

#include "api/api.hpp"

namespace compozy::api {

void add_operation_routes(http::Router& router, const Context& context);
void add_workflow_routes(http::Router& router, const Context& context);
void add_execution_routes(http::Router& router, const Context& context);
void add_stream_routes(http::Router& router, const Context& context);
void add_hook_routes(http::Router& router, const Context& context);
void add_schedule_routes(http::Router& router, const Context& context);
void add_memory_routes(http::Router& router, const Context& context);

// A handler behind the API key: 401 without a valid one.
http::Handler secured(const Context& context, http::Handler handler);

json::Value run_view(const store::Run& run);
json::Value task_view(const store::TaskRow& task);

}  // namespace compozy::api
