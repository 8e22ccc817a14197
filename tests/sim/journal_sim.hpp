// SPDX-License-Identifier: Apache-2.0
//
// The journal, its database and the machine under one seed. See journal_sim.cpp.
#pragma once

#include <cstdint>
#include <string>

namespace compozy::workflow {

// Nothing, or which invariant was violated.
std::string simulate_journal(uint64_t seed);

}  // namespace compozy::workflow
