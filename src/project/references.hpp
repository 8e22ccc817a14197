// SPDX-License-Identifier: Apache-2.0
//
// The older directives `$ref`, `$use` and `$merge`, expanded on the YAML tree before anything else reads it.
//
//   $ref: local::tools.#(id=="x")        the node is replaced; its other keys are merged over it
//   $use: agent(resource::agent::#(id=="x"))   the node found becomes the value of `agent`
//   $merge: [ {...}, {$ref: ...} ]       maps are merged deeply, later over earlier; lists are joined
//   $merge: {sources: [...], strategy: deep|shallow|concat|prepend|unique, key_conflict: last|first|error}
// `local` is the file itself, `global` is compozy.yaml, `resource` are the autoloaded files. Private to project/.
#pragma once

#include <functional>

#include "project/diagnostics.hpp"

namespace compozy::project {

struct ReferenceScope {
  const Node* local = nullptr;
  const Node* global = nullptr;
  // An autoloaded resource by type and id, or null.
  std::function<const Node*(std::string_view type, std::string_view id)> resource;
};

void expand_references(Node& node, const ReferenceScope& scope, const std::string& path, Diagnostics& diagnostics);

}  // namespace compozy::project
