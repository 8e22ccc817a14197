// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/rdb_file.hpp"

#include "base/text.hpp"
#include "redis/rdb/crc64.hpp"
#include "redis/rdb/rdb_bytes.hpp"
#include "redis/rdb/value_codec.hpp"

namespace compozy::redis {

namespace {

constexpr std::string_view kMagic = "REDIS";
enum Opcode : uint8_t {
  kFunction = 245,
  kModule = 247,
  kIdle = 248,
  kFrequency = 249,
  kRemark = 250,
  kSizes = 251,
  kDeadlineMs = 252,
  kDeadlineSeconds = 253,
  kSelect = 254,
  kEnd = 255,
};

class Loader {
 public:
  Loader(std::string_view bytes, Keyspace& space, RdbLoading how)
      : bytes_(bytes), in_(bytes), space_(space), how_(std::move(how)) {}

  Result<RdbLoaded> run() {
    TRY(whole([this] { return read_head(); }));
    while (!ended_) TRY(whole([this] { return read_item(); }));
    loaded_.end = position();
    if (how_.more) loaded_.rest = bytes_.substr(in_.position());
    return std::move(loaded_);
  }

 private:
  size_t position() const { return dropped_ + in_.position(); }

  // Reads one part of the file; when its bytes have not all come, once more with those that come then.
  template <class Read>
  Result<void> whole(Read read) {
    while (true) {
      const size_t start = in_.position();
      const auto done = read();
      if (done || !how_.more || !in_.ran_out()) return done;
      TRY(wait_for_more(start));
    }
  }

  // Until twice as much of the part is there, so that a large one is not read again for each of its pieces, or until
  // nothing comes any more: its end may be there.
  Result<void> wait_for_more(size_t start) {
    checksum_ = crc64(checksum_, bytes_.substr(0, start));
    dropped_ += start;
    arrived_ = std::string(bytes_.substr(start));
    const size_t had = arrived_.size();
    bool comes = true;
    while (arrived_.size() == had || (comes && arrived_.size() < 2 * had)) {
      TRY(comes, how_.more(arrived_));
    }
    bytes_ = arrived_;
    in_ = RdbReader(bytes_);
    return {};
  }

  Result<void> read_item() {
    uint8_t opcode = 0;
    if (!in_.byte(opcode)) return truncated();
    if (opcode == kEnd) return check_end();
    if (opcode >= kFunction) return read_opcode(opcode);
    TRY(read_key(opcode));
    return how_.between_keys ? how_.between_keys(position()) : Result<void>();
  }

  Failure corrupt(std::string_view what) const {
    return fail(Errc::corrupt_data,
                "the RDB file is corrupt at byte " + std::to_string(position()) + ": " + std::string(what));
  }
  Failure truncated() const { return corrupt("it ends too early"); }

  Result<void> read_head() {
    std::string_view head;
    int64_t version = 0;
    if (!in_.raw(9, head) || !head.starts_with(kMagic) || !parse_int64(head.substr(5), version)) {
      return corrupt("expected 'REDIS' and a version of four digits");
    }
    if (version < 1 || version > kRdbVersion) {
      return fail(Errc::newer_format, "the RDB file has version " + std::to_string(version) + ", versions up to " +
                                          std::to_string(kRdbVersion) + " can be read");
    }
    version_ = static_cast<int>(version);
    return {};
  }

  Result<void> read_opcode(uint8_t opcode) {
    uint64_t number = 0;
    std::string name;
    std::string value;
    uint8_t byte = 0;
    bool good = false;
    switch (opcode) {
      case kFunction:
        good = in_.string(value);
        if (good) loaded_.libraries.push_back(std::move(value));
        break;
      case kIdle: good = in_.length(number); break;
      case kFrequency: good = in_.byte(byte); break;
      case kRemark:
        good = in_.string(name) && in_.string(value);
        if (good) note(name, value);
        break;
      case kSizes: good = in_.length(number) && in_.length(number); break;
      case kDeadlineMs:
        good = in_.little_endian(8, number);
        if (good) deadline_ms_ = static_cast<int64_t>(number);
        break;
      case kDeadlineSeconds:
        good = in_.little_endian(4, number);
        if (good) deadline_ms_ = static_cast<int64_t>(number) * 1000;
        break;
      case kSelect:
        good = in_.length(number);
        if (good && number >= space_.database_count()) {
          return corrupt("database " + std::to_string(number) + " is beyond the setting 'databases'");
        }
        database_ = static_cast<size_t>(number);
        break;
      case kModule: return fail(Errc::unsupported, "the RDB file has data of a module");
      default: return corrupt("unknown opcode " + std::to_string(opcode));
    }
    if (!good) return truncated();
    return {};
  }

  void note(std::string_view name, const std::string& value) {
    int64_t number = 0;
    if (name == "repl-id") loaded_.history.id = value;
    if (!parse_int64(value, number) || number < 0) return;
    if (name == "repl-offset") loaded_.history.offset = static_cast<uint64_t>(number);
    if (name == "repl-stream-db") loaded_.history.database = static_cast<size_t>(number);
  }

  Result<void> read_key(uint8_t type) {
    std::string key;
    if (!in_.string(key)) return truncated();
    auto value = read_value(in_, type, space_.limits);
    if (!value) {
      return in_.ran_out() ? truncated() : corrupt("the value of '" + shorten(key, 100) + "' is not well formed");
    }
    const int64_t deadline_ms = std::exchange(deadline_ms_, -1);
    if (value->empty()) {
      ++loaded_.empty;
      if (how_.empty) how_.empty(key);
      return {};
    }
    if (deadline_ms >= 0 && deadline_ms < space_.now_ms() && !how_.keep_expired) {
      ++loaded_.expired;
      if (how_.expired) how_.expired(database_, key);
      return {};
    }
    Database& database = how_.databases != nullptr ? *(*how_.databases)[database_] : space_.database(database_);
    if (how_.merge) database.erase(key);
    if (database.exists(key)) return corrupt("the key '" + shorten(key, 100) + "' comes twice");
    value->add_to(database, key, deadline_ms);
    ++loaded_.keys;
    return {};
  }

  Result<void> check_end() {
    if (version_ >= 5) {
      const uint64_t counted = crc64(checksum_, bytes_.substr(0, in_.position()));
      uint64_t told = 0;
      if (!in_.little_endian(8, told)) return truncated();
      if (told != 0 && told != counted) return corrupt("RDB CRC error, its checksum is wrong");
    }
    ended_ = true;
    return {};
  }

  std::string_view bytes_;  // from the beginning, or of a file that arrives in parts, from the part that is read
  RdbReader in_;
  std::string arrived_;    // holds those bytes when they arrive in parts
  size_t dropped_ = 0;     // bytes before them
  uint64_t checksum_ = 0;  // of the bytes before them
  bool ended_ = false;
  Keyspace& space_;
  RdbLoading how_;
  int version_ = 0;
  size_t database_ = 0;
  int64_t deadline_ms_ = -1;
  RdbLoaded loaded_;
};

}  // namespace

void append_rdb_head(std::string& out, const RdbHead& head) {
  const std::string version = std::to_string(kRdbVersion);
  out.append(kMagic).append(4 - version.size(), '0').append(version);
  RdbWriter writer(out);
  const auto remark = [&](std::string_view name, std::string_view value) {
    writer.byte(kRemark);
    writer.string(name);
    writer.string(value);
  };
  remark("redis-ver", head.version);
  remark("redis-bits", "64");
  remark("ctime", std::to_string(head.created_s));
  remark("used-mem", std::to_string(head.used_memory));
  if (!head.history.id.empty()) {
    remark("repl-stream-db", std::to_string(head.history.database));
    remark("repl-id", head.history.id);
    remark("repl-offset", std::to_string(head.history.offset));
  }
  remark("aof-base", head.log_base ? "1" : "0");
  for (const std::string& code : head.libraries) {
    writer.byte(kFunction);
    writer.string(code);
  }
}

void append_rdb_select(std::string& out, size_t database) {
  RdbWriter writer(out);
  writer.byte(kSelect);
  writer.length(database);
}

void append_rdb_entry(std::string& out, const Entry& entry, bool compress) {
  RdbWriter writer(out, compress);
  if (entry.has_deadline()) {
    writer.byte(kDeadlineMs);
    writer.little_endian(static_cast<uint64_t>(entry.deadline_ms()), 8);
  }
  write_type(writer, entry);
  writer.string(entry.key());
  write_value(writer, entry);
}

void seal_rdb_part(std::string& part, uint64_t& checksum, bool last) {
  if (last) part += static_cast<char>(kEnd);
  checksum = crc64(checksum, part);
  if (last) RdbWriter(part).little_endian(checksum, 8);
}

std::string make_rdb(Keyspace& space, const RdbHead& head, bool compress) {
  std::string out;
  append_rdb_head(out, head);
  for (size_t i = 0; i < space.database_count(); ++i) {
    const Database& database = space.database(i);
    if (database.size() == 0) continue;
    append_rdb_select(out, i);
    RdbWriter writer(out);
    writer.byte(kSizes);
    writer.length(database.size());
    writer.length(database.volatile_size());
    database.for_each([&](const Entry& entry) { append_rdb_entry(out, entry, compress); });
  }
  uint64_t checksum = 0;
  seal_rdb_part(out, checksum, true);
  return out;
}

Result<RdbLoaded> load_rdb(std::string_view bytes, Keyspace& space, RdbLoading how) {
  return Loader(bytes, space, std::move(how)).run();
}

}  // namespace compozy::redis
