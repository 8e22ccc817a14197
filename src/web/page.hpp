// SPDX-License-Identifier: Apache-2.0
//
// The files of the page as the build put them into the binary. Private to web/.
#pragma once

#include <span>
#include <string_view>

namespace compozy::web {

struct PageFile {
  std::string_view name;  // "app.js"
  std::string_view etag;  // with its quotes
  std::string_view text;
};

std::span<const PageFile> page_files();  // sorted by name

}  // namespace compozy::web
