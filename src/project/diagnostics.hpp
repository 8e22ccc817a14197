// SPDX-License-Identifier: Apache-2.0
//
// Collects what is wrong with a project while it is loaded: everything, not just the first, up to kErrorsMax.
#pragma once

#include <string>
#include <vector>

#include "project/node.hpp"

namespace compozy::project {

class Diagnostics {
 public:
  static constexpr size_t kErrorsMax = 50;

  void add(Error error) {
    ++count_;
    if (errors_.size() < kErrorsMax) errors_.push_back(std::move(error));
  }
  void add(const Mark& mark, std::string field, std::string message, Errc code = Errc::validation_failed) {
    if (field.starts_with('.')) field.erase(0, 1);  // of a part that stands alone in its file
    add(Error{.code = code, .message = std::move(message), .where = mark.location(), .field = std::move(field)});
  }
  void add(const Node& node, std::string field, std::string message, Errc code = Errc::validation_failed) {
    add(node.mark, std::move(field), std::move(message), code);
  }
  // An error found inside a text of `node`: its own line and column move into the message.
  void add_inside(const Node& node, std::string field, Error error) {
    if (error.where.known()) error.message += " (" + error.where.to_string() + ")";
    if (!error.field.empty()) field += (error.field.starts_with('[') ? "" : ".") + error.field;
    add(node, std::move(field), std::move(error.message), error.code);
  }

  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  std::vector<Error> take() && { return std::move(errors_); }

 private:
  std::vector<Error> errors_;
  size_t count_ = 0;
};

}  // namespace compozy::project
