// SPDX-License-Identifier: Apache-2.0
//
// LZF, the compression of strings in RDB files. Source of the format: oldhome.schmorp.de/marc/liblzf.html.
// Thread: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace compozy::redis {

// Nothing when the input is corrupt or does not give exactly `size` bytes.
std::optional<std::string> lzf_decompress(std::string_view input, size_t size);

}  // namespace compozy::redis
