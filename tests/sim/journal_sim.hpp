// SPDX-License-Identifier: Apache-2.0
//
// The journal, its database and the machine under one seed. See journal_sim.cpp.
#pragma once

#include <cstdint>
#include <string>

namespace compozy::workflow {

struct SimReport {
  std::string trouble = {};  // which invariant was violated; empty = none
  std::string trace = {};    // what happened, in order: the same seed gives the same text
};

SimReport simulate_journal(uint64_t seed);

}  // namespace compozy::workflow
