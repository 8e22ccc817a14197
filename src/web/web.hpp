// SPDX-License-Identifier: Apache-2.0
//
// The web page: plain files of src/web/page, carried by the binary. `/` is index.html, `/web/<file>` the others.
//
// The page itself is open to everybody who can connect; it holds nothing. What it shows comes from /api/v0, with the
// key that its reader gives it. A strict Content-Security-Policy lets it load from, and talk to, this server alone.
// Thread: the loop. Answers carry an ETag and are asked for again each time (no-cache), so a new binary shows at once.
#pragma once

#include "http/router.hpp"

namespace compozy::web {

void add_routes(http::Router& router);

}  // namespace compozy::web
