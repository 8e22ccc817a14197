// SPDX-License-Identifier: Apache-2.0
//
// EitherStop: a stop that is requested when either of two others is, or by its owner through source().
#pragma once

#include <stop_token>

namespace compozy::io {

class EitherStop {
 public:
  EitherStop(const std::stop_token& a, const std::stop_token& b) : on_a_(a, Pass{source_}), on_b_(b, Pass{source_}) {}
  std::stop_source source() const { return source_; }
  std::stop_token token() const { return source_.get_token(); }

 private:
  struct Pass {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };
  std::stop_source source_;
  std::stop_callback<Pass> on_a_;
  std::stop_callback<Pass> on_b_;
};

}  // namespace compozy::io
