// SPDX-License-Identifier: Apache-2.0
//
// ASSERT(condition): a broken invariant is a defect, never a user's mistake. It is on in release: it prints where and
// aborts, and recovery replays from disk. Whatever a user, a peer or a disk can cause is a Result instead.
#pragma once

namespace compozy {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line, const char* function);

}  // namespace compozy

#define ASSERT(condition)                            \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::compozy::assertion_failed(#condition, __FILE__, __LINE__, static_cast<const char*>(__func__)))
