// SPDX-License-Identifier: Apache-2.0
//
// HyperLogLog: estimates how many different elements were seen, in at most 12304 bytes of an ordinary string, in the
// very bytes that Redis keeps: "HYLL", encoding (0 dense, 1 sparse), 3 unused, 8 bytes of the last estimate (little
// endian; its highest bit says that it is out of date), then the 16384 registers:
//
//   dense    6 bits each, the lowest bits of a byte first
//   sparse   runs: 00nnnnnn n+1 zeros; 01nnnnnn nnnnnnnn n+1 zeros; 1vvvvvnn n+1 registers of v+1
//
// The estimator is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017).
// Pure: no thread, no keyspace. Whatever came from outside is checked: a corrupt one is said to be so.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace compozy::redis::hyperloglog {

inline constexpr size_t kRegisters = 16384;
inline constexpr size_t kHeader = 16;
inline constexpr size_t kDenseSize = kHeader + kRegisters * 6 / 8;

enum class Outcome : uint8_t { unchanged, changed, corrupt };
using Registers = std::array<uint8_t, kRegisters>;

std::string make_empty();
bool is_valid(std::string_view bytes);  // by its header and size
bool is_dense(std::string_view bytes);

// Which register an element belongs to, and the value it asks for.
struct Pattern {
  uint32_t index;
  uint8_t count;
};
Pattern pattern_of(std::string_view element);

// Raises a register. A sparse one that would grow beyond `sparse_max` bytes becomes dense.
Outcome raise(std::string& bytes, Pattern pattern, size_t sparse_max);
Outcome raise_dense(char* bytes, Pattern pattern);
bool make_dense(std::string& bytes);  // false: corrupt

bool read_registers(std::string_view bytes, Registers& registers);  // false: corrupt
bool merge_into(Registers& registers, std::string_view bytes);      // false: corrupt
uint64_t estimate(const Registers& registers);

std::optional<uint64_t> cached_estimate(std::string_view bytes);
void cache_estimate(char* bytes, uint64_t estimate);
void forget_estimate(char* bytes);

// The runs of a sparse one as PFDEBUG DECODE shows them.
std::string describe_runs(std::string_view bytes);

}  // namespace compozy::redis::hyperloglog
