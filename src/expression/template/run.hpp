// SPDX-License-Identifier: Apache-2.0
//
// Runs a parsed template. Private to template*.cpp.
#pragma once

#include "expression/template/code.hpp"

namespace compozy::expression {

Result<std::string> render_code(const Template::Code& code, const json::Value& context, const Environment& environment);
Result<json::Value> evaluate_code(const Template::Code& code, const json::Value& context,
                                  const Environment& environment);

}  // namespace compozy::expression
