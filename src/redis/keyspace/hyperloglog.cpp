// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/hyperloglog.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace compozy::redis::hyperloglog {

namespace {

constexpr int kIndexBits = 14;
constexpr int kRankBits = 64 - kIndexBits;
constexpr uint8_t kSparseValueMax = 32;
constexpr uint32_t kShortRunMax = 64;
constexpr uint32_t kValueRunMax = 4;
constexpr uint64_t kHashSeed = 0xadc83b19ULL;
constexpr size_t kEncodingAt = 4;
constexpr size_t kEstimateAt = 8;

// MurmurHash64A by Austin Appleby, in the public domain.
uint64_t murmur(std::string_view text) {
  constexpr uint64_t kMultiplier = 0xc6a4a7935bd1e995ULL;
  uint64_t hash = kHashSeed ^ (text.size() * kMultiplier);
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, sizeof word);
    word *= kMultiplier;
    word ^= word >> 47;
    hash = (hash ^ (word * kMultiplier)) * kMultiplier;
  }
  if (i < text.size()) {
    uint64_t rest = 0;
    std::memcpy(&rest, text.data() + i, text.size() - i);
    hash = (hash ^ rest) * kMultiplier;
  }
  hash = (hash ^ (hash >> 47)) * kMultiplier;
  return hash ^ (hash >> 47);
}

uint8_t dense_register(const char* bytes, size_t index) {
  const auto* registers = reinterpret_cast<const uint8_t*>(bytes) + kHeader;
  const size_t byte = index * 6 / 8;
  const auto shift = static_cast<unsigned>(index * 6 % 8);
  unsigned pair = registers[byte];
  if (shift > 2) pair |= static_cast<unsigned>(registers[byte + 1]) << 8;
  return static_cast<uint8_t>((pair >> shift) & 63);
}

void set_dense_register(char* bytes, size_t index, uint8_t value) {
  auto* registers = reinterpret_cast<uint8_t*>(bytes) + kHeader;
  const size_t byte = index * 6 / 8;
  const auto shift = static_cast<unsigned>(index * 6 % 8);
  registers[byte] = static_cast<uint8_t>((registers[byte] & ~(63U << shift)) | (static_cast<unsigned>(value) << shift));
  if (shift <= 2) return;
  const unsigned rest = 8 - shift;
  registers[byte + 1] =
      static_cast<uint8_t>((registers[byte + 1] & ~(63U >> rest)) | (static_cast<unsigned>(value) >> rest));
}

// One run of the sparse form.
struct Run {
  enum class Kind : uint8_t { zeros, many_zeros, value };
  Kind kind = Kind::zeros;
  uint8_t value = 0;
  uint32_t length = 0;
  size_t size() const { return kind == Kind::many_zeros ? 2 : 1; }
};

// False: the bytes end within the run.
bool read_run(std::string_view bytes, size_t at, Run& run) {
  const auto first = static_cast<uint8_t>(bytes[at]);
  if ((first & 0x80) != 0) {
    run = {
        .kind = Run::Kind::value, .value = static_cast<uint8_t>(((first >> 2) & 31) + 1), .length = (first & 3U) + 1};
  } else if ((first & 0x40) != 0) {
    if (at + 1 >= bytes.size()) return false;
    run = {.kind = Run::Kind::many_zeros, .length = (((first & 63U) << 8) | static_cast<uint8_t>(bytes[at + 1])) + 1};
  } else {
    run = {.kind = Run::Kind::zeros, .length = (first & 63U) + 1};
  }
  return true;
}

char value_run(uint8_t value, uint32_t length) { return static_cast<char>(0x80U | ((value - 1U) << 2) | (length - 1)); }

void append_zeros(std::string& out, uint32_t length) {
  if (length == 0) return;
  if (length > kShortRunMax) {
    out += static_cast<char>(0x40U | ((length - 1) >> 8));
    out += static_cast<char>((length - 1) & 0xff);
  } else {
    out += static_cast<char>(length - 1);
  }
}

void append_value(std::string& out, uint8_t value, uint32_t length) {
  if (length > 0) out += value_run(value, length);
}

// Calls use(first register, run); false: corrupt.
template <class Use>
bool for_each_run(std::string_view bytes, Use use) {
  size_t register_at = 0;
  Run run;
  for (size_t at = kHeader; at < bytes.size(); at += run.size()) {
    if (!read_run(bytes, at, run) || register_at + run.length > kRegisters) return false;
    use(register_at, run);
    register_at += run.length;
  }
  return register_at == kRegisters;
}

// Joins neighbouring runs of one value around the place of a change.
void join_runs(std::string& bytes, size_t at) {
  Run run;
  Run next;
  for (int looked = 0; at < bytes.size() && looked < 5; ++looked) {
    if (!read_run(bytes, at, run)) return;
    if (run.kind == Run::Kind::value && at + 1 < bytes.size() && read_run(bytes, at + 1, next) &&
        next.kind == Run::Kind::value && next.value == run.value && run.length + next.length <= kValueRunMax) {
      bytes[at + 1] = value_run(run.value, run.length + next.length);
      bytes.erase(at, 1);
      continue;  // The joined run may join the one after it.
    }
    at += run.size();
  }
}

Outcome raise_after_growing(std::string& bytes, Pattern pattern) {
  if (!make_dense(bytes)) return Outcome::corrupt;
  raise_dense(bytes.data(), pattern);
  return Outcome::changed;
}

Outcome raise_sparse(std::string& bytes, Pattern pattern, size_t sparse_max) {
  if (pattern.count > kSparseValueMax) return raise_after_growing(bytes, pattern);
  uint32_t first = 0;
  size_t at = kHeader;
  size_t previous = kHeader;
  Run run;
  while (true) {
    if (at >= bytes.size() || !read_run(bytes, at, run)) return Outcome::corrupt;
    if (pattern.index < first + run.length) break;
    previous = at;
    at += run.size();
    first += run.length;
  }
  const bool is_value = run.kind == Run::Kind::value;
  if (is_value && run.value >= pattern.count) return Outcome::unchanged;
  std::string replacement;
  const uint32_t left = pattern.index - first;
  const uint32_t right = first + run.length - 1 - pattern.index;
  if (is_value) {
    append_value(replacement, run.value, left);
    append_value(replacement, pattern.count, 1);
    append_value(replacement, run.value, right);
  } else {
    append_zeros(replacement, left);
    append_value(replacement, pattern.count, 1);
    append_zeros(replacement, right);
  }
  if (replacement.size() > run.size() && bytes.size() + replacement.size() - run.size() > sparse_max) {
    return raise_after_growing(bytes, pattern);
  }
  bytes.replace(at, run.size(), replacement);
  join_runs(bytes, previous);
  forget_estimate(bytes.data());
  return Outcome::changed;
}

// The two series of the estimator.
double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  double before = 0;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (before != z);
  return z / 3;
}

double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  double before = 0;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (before != z);
  return z;
}

}  // namespace

std::string make_empty() {
  std::string bytes("HYLL\x01", 5);
  bytes.resize(kHeader, '\0');
  append_zeros(bytes, kRegisters);
  return bytes;
}

bool is_valid(std::string_view bytes) {
  if (bytes.size() < kHeader || !bytes.starts_with("HYLL") || static_cast<uint8_t>(bytes[kEncodingAt]) > 1)
    return false;
  return !is_dense(bytes) || bytes.size() == kDenseSize;
}

bool is_dense(std::string_view bytes) { return bytes[kEncodingAt] == 0; }

Pattern pattern_of(std::string_view element) {
  const uint64_t hash = murmur(element);
  const uint64_t rest = (hash >> kIndexBits) | (1ULL << kRankBits);  // the run of zeros ends somewhere
  return {static_cast<uint32_t>(hash & (kRegisters - 1)), static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

Outcome raise_dense(char* bytes, Pattern pattern) {
  if (dense_register(bytes, pattern.index) >= pattern.count) return Outcome::unchanged;
  set_dense_register(bytes, pattern.index, pattern.count);
  forget_estimate(bytes);
  return Outcome::changed;
}

Outcome raise(std::string& bytes, Pattern pattern, size_t sparse_max) {
  return is_dense(bytes) ? raise_dense(bytes.data(), pattern) : raise_sparse(bytes, pattern, sparse_max);
}

bool make_dense(std::string& bytes) {
  if (is_dense(bytes)) return true;
  std::string dense = bytes.substr(0, kHeader);
  dense[kEncodingAt] = 0;
  dense.resize(kDenseSize, '\0');
  const bool good = for_each_run(bytes, [&](size_t first, const Run& run) {
    for (uint32_t i = 0; run.kind == Run::Kind::value && i < run.length; ++i) {
      set_dense_register(dense.data(), first + i, run.value);
    }
  });
  if (good) bytes = std::move(dense);
  return good;
}

bool merge_into(Registers& registers, std::string_view bytes) {
  if (is_dense(bytes)) {
    for (size_t i = 0; i < kRegisters; ++i) registers[i] = std::max(registers[i], dense_register(bytes.data(), i));
    return true;
  }
  return for_each_run(bytes, [&](size_t first, const Run& run) {
    for (uint32_t i = 0; run.kind == Run::Kind::value && i < run.length; ++i) {
      registers[first + i] = std::max(registers[first + i], run.value);
    }
  });
}

bool read_registers(std::string_view bytes, Registers& registers) {
  registers.fill(0);
  return merge_into(registers, bytes);
}

uint64_t estimate(const Registers& registers) {
  constexpr double kScale = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr auto kCount = static_cast<double>(kRegisters);
  std::array<uint32_t, 64> histogram{};
  for (const uint8_t value : registers) ++histogram[value & 63];
  double z = kCount * tau((kCount - histogram[kRankBits + 1]) / kCount);
  for (size_t i = kRankBits; i >= 1; --i) {
    z += histogram[i];
    z *= 0.5;
  }
  z += kCount * sigma(histogram[0] / kCount);
  return static_cast<uint64_t>(std::llroundl(kScale * kCount * kCount / z));
}

std::optional<uint64_t> cached_estimate(std::string_view bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + kEstimateAt, sizeof value);
  if ((value >> 63) != 0) return std::nullopt;
  return value;
}

void cache_estimate(char* bytes, uint64_t estimate) { std::memcpy(bytes + kEstimateAt, &estimate, sizeof estimate); }

void forget_estimate(char* bytes) {
  bytes[kEstimateAt + 7] = static_cast<char>(static_cast<uint8_t>(bytes[kEstimateAt + 7]) | 0x80U);
}

std::string describe_runs(std::string_view bytes) {
  std::string text;
  Run run;
  for (size_t at = kHeader; at < bytes.size() && read_run(bytes, at, run); at += run.size()) {
    if (!text.empty()) text += ' ';
    if (run.kind == Run::Kind::value) {
      text += "v:" + std::to_string(run.value) + "," + std::to_string(run.length);
    } else {
      text += (run.kind == Run::Kind::zeros ? "z:" : "Z:") + std::to_string(run.length);
    }
  }
  return text;
}

}  // namespace compozy::redis::hyperloglog
