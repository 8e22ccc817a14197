// SPDX-License-Identifier: Apache-2.0
#include "workflow/machine/record.hpp"

#include <array>

#include "workflow/machine/record_fields.hpp"

namespace compozy::workflow {

namespace {

constexpr std::array<std::string_view, 8> kStatusNames{"PENDING", "RUNNING", "WAITING",   "PAUSED",
                                                       "SUCCESS", "FAILED",  "TIMED_OUT", "CANCELED"};

// In the order of the Record variant.
struct KindRow {
  int64_t kind;
  std::string_view name;
};
constexpr std::array kKinds{KindRow{1, "run_started"},
                            KindRow{2, "task_entered"},
                            KindRow{3, "op_opened"},
                            KindRow{4, "op_closed"},
                            KindRow{5, "items_expanded"},
                            KindRow{6, "route_taken"},
                            KindRow{7, "task_closed"},
                            KindRow{8, "signal_buffered"},
                            KindRow{9, "signal_consumed"},
                            KindRow{10, "approval_voted"},
                            KindRow{11, "paused"},
                            KindRow{12, "resumed"},
                            KindRow{13, "cancel_requested"},
                            KindRow{14, "checkpoint"},
                            KindRow{15, "run_closed"},
                            KindRow{16, "draining"},
                            KindRow{17, "approval_requested"}};
static_assert(kKinds.size() == std::variant_size_v<Record>);

constexpr int64_t kFormat = 1;

template <size_t I = 0>
Result<Record> read_alternative(size_t index, const json::Value& body) {
  if constexpr (I < std::variant_size_v<Record>) {
    if (index != I) return read_alternative<I + 1>(index, body);
    std::variant_alternative_t<I, Record> record;
    FieldReader reader(body);
    fields(reader, record);
    TRY(reader.finish());
    return Record(std::move(record));
  } else {
    return fail(Errc::internal, "no record alternative");
  }
}

}  // namespace

std::string_view status_name(Status status) { return kStatusNames[static_cast<size_t>(status)]; }

Result<Status> parse_status(std::string_view name) {
  for (size_t i = 0; i < kStatusNames.size(); ++i) {
    if (kStatusNames[i] == name) return static_cast<Status>(i);
  }
  std::string known;
  for (const std::string_view status : kStatusNames) known += (known.empty() ? "" : ", ") + std::string(status);
  return fail(Errc::invalid_argument,
              "expected " + known + ", found '" + std::string(name) + "'" + did_you_mean(name, kStatusNames));
}

bool is_terminal(Status status) { return status >= Status::success; }

json::Value make_error(std::string_view code, std::string_view message, json::Value details) {
  json::Value error = json::Value::object({{"message", message}, {"code", code}});
  if (!details.is_null()) error.set("details", std::move(details));
  return error;
}

int64_t record_kind(const Record& record) { return kKinds[record.index()].kind; }
std::string_view record_name(const Record& record) { return kKinds[record.index()].name; }

json::Value to_json(const Records& records) {
  json::Array items;
  items.reserve(records.items.size());
  for (const Record& record : records.items) {
    FieldWriter writer;
    std::visit([&](const auto& alternative) { fields(writer, alternative); }, record);
    items.push_back(json::Value::array({record_kind(record), std::move(writer).take()}));
  }
  return json::Value::object({{"format", kFormat}, {"at", records.at_ms}, {"records", std::move(items)}});
}

Result<Records> records_from_json(const json::Value& value) {
  if (value["format"].integer_or(0) != kFormat || !value["records"].is_array()) {
    return fail(Errc::newer_format, "the records have format " + std::to_string(value["format"].integer_or(0)) +
                                        ", this binary reads " + std::to_string(kFormat));
  }
  Records records{.at_ms = value["at"].integer_or(0), .items = {}};
  for (const json::Value& item : value["records"].as_array()) {
    const int64_t kind = item.at(0).integer_or(0);
    size_t index = 0;
    while (index < kKinds.size() && kKinds[index].kind != kind) ++index;
    if (index == kKinds.size()) {
      return fail(Errc::newer_format, "record kind " + std::to_string(kind) + " is not known to this binary");
    }
    TRY(Record record, read_alternative(index, item.at(1)));
    records.items.push_back(std::move(record));
  }
  return records;
}

}  // namespace compozy::workflow
