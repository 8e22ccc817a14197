// SPDX-License-Identifier: Apache-2.0
//
// Template: the language of Go's text/template (pkg.go.dev/text/template, Go 1.23) with the functions of Sprig v3
// (masterminds.github.io/sprig) over JSON values. Pure: see Environment.
//
// Differences from Go, all of them deliberate:
//   - Names in a path may hold '-' and a path may index a list: `.tasks.my-task.output.items.0`.
//   - A missing path is an error that names the path and the nearest key, except where emptiness is what is asked:
//     `default`, `coalesce`, `empty`, `ternary`, `and`, `or`, `not`, `if`, `with`.
//   - Integers stay integers, and numbers of both kinds compare with each other.
//   - `set`, `unset`, `merge` on a variable change that variable; the context is never changed.
//   - `now` is an RFC 3339 text in UTC. `env`, `expandenv` and `getHostByName` do not exist: templates do no I/O.
//
// Types: a text that is exactly one `{{ pipeline }}` evaluates to the pipeline's value with its own type; every other
// text renders to a string, which becomes JSON when it starts with '{' or '[' and parses (so does a computed string).
// Thread: a Template is immutable and may be shared.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "expression/environment.hpp"
#include "expression/reference.hpp"
#include "json/value.hpp"

namespace compozy::expression {

class Template {
 public:
  // Errors carry line and column within `text`; `where.file` is "template".
  static Result<Template> parse(std::string_view text);

  Result<json::Value> evaluate(const json::Value& context, const Environment& environment) const;
  Result<std::string> render(const json::Value& context, const Environment& environment) const;

  // The names that it takes from its context: `.input`, `.tasks.<id>`, `index .tasks "<id>"`; where `.` is something
  // else, as inside range, only those after `$`.
  const std::vector<Reference>& references() const;
  std::vector<std::string> task_references() const { return tasks_of(references()); }

  struct Code;

 private:
  std::shared_ptr<const Code> code_;
};

// Whether a text holds an action at all; one that does not is its own value.
inline bool is_template(std::string_view text) { return text.find("{{") != std::string_view::npos; }

// Parses through a process-wide cache of the most recent texts (kTemplateCacheMax).
inline constexpr size_t kTemplateCacheMax = 1'024;
Result<Template> cached_template(std::string_view text);

// Evaluates every string in a tree of lists and objects; names stay as they are. Errors name the field.
Result<json::Value> render_tree(const json::Value& tree, const json::Value& context, const Environment& environment);

// Every string of a tree parses; adds the tasks that they refer to. For checks at load.
Result<void> check_tree(const json::Value& tree, std::vector<std::string>* task_references = nullptr);

}  // namespace compozy::expression
