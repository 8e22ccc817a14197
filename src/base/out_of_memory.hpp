// SPDX-License-Identifier: Apache-2.0
//
// out_of_memory(): the system gives no more memory. Says so on standard error and aborts: nothing that goes on without
// memory can be trusted, and what was acknowledged is on disk. Also what operator new calls, see main.cpp.
#pragma once

namespace compozy {

[[noreturn]] void out_of_memory();

}  // namespace compozy
