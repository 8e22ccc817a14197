// SPDX-License-Identifier: Apache-2.0
#include "store/large_values.hpp"

#include "base/hash.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::store {

namespace {

constexpr char kMark = '@';

class Lifter {
 public:
  explicit Lifter(std::vector<LargeValue>& large) : large_(large) {}

  // `value` is too large: takes out those of its parts that are too large by themselves, or else all of it.
  json::Value lift(json::Value value, const json::Value& path) {
    bool is_parted = false;
    const auto part = [&](json::Value& child, json::Value step) {
      if (!child.is_string() && !child.is_array() && !child.is_object()) return;
      if (json::print(child).size() <= kInlineMax) return;
      json::Value below = path;
      below.push_back(std::move(step));
      child = lift(std::move(child), below);
      is_parted = true;
    };
    if (value.is_object()) {
      for (auto& [name, child] : value.mutable_object()) part(child, name);
    } else if (value.is_array()) {
      int64_t index = 0;
      for (json::Value& child : value.mutable_array()) part(child, index++);
    }
    if (is_parted) return value;
    LargeValue taken{.hash = {}, .text = json::print(value)};
    taken.hash = sha256_hex(taken.text);
    places_.push_back(json::Value::array({path, taken.hash}));
    large_.push_back(std::move(taken));
    return {};
  }

  const json::Value& places() const { return places_; }

 private:
  std::vector<LargeValue>& large_;
  json::Value places_ = json::Value::array();
};

Result<json::Value> read_blob(sql::Reader& reader, const std::string& hash) {
  TRY(auto rows, reader.query("SELECT bytes FROM blobs WHERE hash = ?1", hash));
  TRY(const bool found, rows.next());
  if (!found) return fail(Errc::corrupt_data, "blob " + hash + " is not in the database");
  return json::parse(rows.blob(0), json::kStoredDepthMax);
}

// Puts the value back where it was; false when there is no such place.
bool put_back(json::Value& root, const json::Value& path, json::Value value) {
  json::Value* at = &root;
  for (const json::Value& step : path.as_array()) {
    if (step.is_string() && at->is_object()) {
      at = at->mutable_object().find(step.as_string());
    } else if (step.is_integer() && at->is_array() && std::cmp_less(step.as_integer(), at->size())) {
      at = &at->mutable_array()[static_cast<size_t>(step.as_integer())];
    } else {
      at = nullptr;
    }
    if (at == nullptr) return false;
  }
  *at = std::move(value);
  return true;
}

Result<std::string> whole_text(sql::Reader& reader, std::string_view column) {
  const size_t line = column.find('\n');
  if (line == std::string_view::npos) return fail(Errc::corrupt_data, "a column of large values has no second line");
  TRY(const json::Value places, json::parse(column.substr(1, line - 1), json::kStoredDepthMax));
  TRY(json::Value value, json::parse(column.substr(line + 1), json::kStoredDepthMax));
  for (const json::Value& place : places.as_array()) {
    TRY(json::Value part, read_blob(reader, place.at(1).string_or("")));
    if (!put_back(value, place.at(0), std::move(part)))
      return fail(Errc::corrupt_data, "a large value has no place: " + json::print(place.at(0)));
  }
  return json::print(value);
}

}  // namespace

std::string print_lifting(const json::Value& value, std::vector<LargeValue>& large) {
  std::string text = json::print(value);
  std::string lifted = lift_printed(text, value, large);
  return lifted.empty() ? text : lifted;
}

std::string lift_printed(const std::string& text, const json::Value& value, std::vector<LargeValue>& large) {
  if (text.size() <= kInlineMax) return {};
  Lifter lifter(large);
  const json::Value rest = lifter.lift(value, json::Value::array());
  return kMark + json::print(lifter.places()) + '\n' + json::print(rest);
}

Result<void> write_large(sql::Transaction& transaction, int64_t run_no, std::span<const LargeValue> large,
                         int64_t at_ms) {
  for (const LargeValue& value : large) {
    TRY(transaction.execute("INSERT OR IGNORE INTO blobs (hash, bytes, created_ms) VALUES (?1, ?2, ?3)", value.hash,
                            sql::Blob{value.text}, at_ms));
    TRY(transaction.execute("INSERT OR IGNORE INTO blob_uses (run_no, hash) VALUES (?1, ?2)", run_no, value.hash));
  }
  return {};
}

Result<void> make_whole(sql::Reader& reader, std::initializer_list<std::string*> columns) {
  for (std::string* column : columns) {
    if (!column->starts_with(kMark)) continue;
    TRY(*column, whole_text(reader, *column));
  }
  return {};
}

}  // namespace compozy::store
