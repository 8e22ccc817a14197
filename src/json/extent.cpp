// SPDX-License-Identifier: Apache-2.0
#include "json/extent.hpp"

#include <string>

namespace compozy::json {
namespace {

class Weigher {
 public:
  Weigher(size_t weight_max, size_t depth_max) : weight_max_(weight_max), depth_max_(depth_max) {}

  // False when a limit is reached.
  bool add(const Value& value, size_t depth) {
    extent.weight += kNodeWeight;
    if (value.is_string()) {
      extent.weight += value.size();
    } else if (value.is_array()) {
      if (!enter(depth)) return false;
      for (const Value& item : value.as_array()) {
        if (!add(item, depth + 1)) return false;
      }
    } else if (value.is_object()) {
      if (!enter(depth)) return false;
      for (const auto& [name, member] : value.as_object()) {
        extent.weight += name.size();
        if (!add(member, depth + 1)) return false;
      }
    }
    return extent.weight <= weight_max_;
  }

  Extent extent;

 private:
  bool enter(size_t depth) {
    extent.too_deep = depth >= depth_max_;
    return !extent.too_deep && extent.weight <= weight_max_;
  }

  size_t weight_max_;
  size_t depth_max_;
};

}  // namespace

Extent extent_of(const Value& value, size_t weight_max, size_t depth_max) {
  Weigher weigher(weight_max, depth_max);
  weigher.add(value, 0);
  return weigher.extent;
}

Result<void> check_extent(const Extent& extent) {
  if (extent.too_deep) {
    return fail(Errc::too_large, "the value nests deeper than " + std::to_string(kValueDepthMax) + " levels");
  }
  if (extent.weight > kValueWeightMax) {
    return fail(Errc::too_large, "the value is larger than " + std::to_string(kValueWeightMax >> 20U) + " MiB");
  }
  return {};
}

Result<void> check_extent(const Value& value) { return check_extent(extent_of(value)); }

}  // namespace compozy::json
