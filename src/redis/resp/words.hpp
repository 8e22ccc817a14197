// SPDX-License-Identifier: Apache-2.0
//
// Words of a line as Redis reads them from inline requests and redis.conf: separated by spaces, quoted with "…" (with
// \n, \r, \t, \b, \a and \xHH) or with '…' (only \' is special).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace compozy::redis {

// False: the quotes are unbalanced.
bool split_words(std::string_view line, std::vector<std::string>& words);
// The word in double quotes, so that split_words() reads it back: "a\nb".
std::string quote_word(std::string_view word);

}  // namespace compozy::redis
