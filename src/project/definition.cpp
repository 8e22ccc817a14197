// SPDX-License-Identifier: Apache-2.0
#include "project/definition.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "json/print.hpp"
#include "project/definition_fields.hpp"

namespace compozy::project {
namespace {

template <class Items>
auto* find_by_id(const Items& items, std::string_view id) {
  auto found = std::ranges::find(items, id, [](const auto& item) { return std::string_view(item.id); });
  return found == items.end() ? nullptr : &*found;
}

// Writes a struct's fields as members. Empty texts, lists, nulls and `false` are left out.
class Writer {
 public:
  void operator()(std::string_view name, const std::string& field) {
    if (!field.empty()) object_.set(name, field);
  }
  void operator()(std::string_view name, int64_t field) { object_.set(name, field); }
  void operator()(std::string_view name, double field) { object_.set(name, field); }
  void operator()(std::string_view name, bool field) {
    if (field) object_.set(name, true);
  }
  void operator()(std::string_view name, const json::Value& field) {
    if (!field.is_null()) object_.set(name, field);
  }
  template <class E>
    requires std::is_enum_v<E>
  void operator()(std::string_view name, E field) {
    object_.set(name, enum_name(field));
  }
  template <HasFields T>
  void operator()(std::string_view name, const T& field) {
    object_.set(name, write(field));
  }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>& field) {
    if (field) object_.set(name, write(*field));
  }
  template <class T>
  void operator()(std::string_view name, const std::vector<T>& field) {
    if (field.empty()) return;
    json::Array items;
    items.reserve(field.size());
    for (const T& item : field) items.push_back(write(item));
    object_.set(name, std::move(items));
  }

  json::Value take() && { return std::move(object_); }

  static json::Value write(const std::string& item) { return item; }
  static json::Value write(const std::pair<std::string, std::string>& item) {
    return json::Value::array({item.first, item.second});
  }
  template <HasFields T>
  static json::Value write(const T& item) {
    Writer writer;
    fields(writer, item);
    return std::move(writer).take();
  }

 private:
  json::Object object_;
};

// Reads members into a struct's fields. A missing member leaves the field as constructed; another kind is an error.
class Reader {
 public:
  explicit Reader(const json::Value& value) : value_(value) {
    if (!value.is_object()) error_ = Error{.code = Errc::corrupt_data, .message = "expected an object"};
  }

  void operator()(std::string_view name, std::string& field) { read(name, field); }
  void operator()(std::string_view name, int64_t& field) { read(name, field); }
  void operator()(std::string_view name, double& field) { read(name, field); }
  void operator()(std::string_view name, bool& field) { read(name, field); }
  void operator()(std::string_view name, json::Value& field) { read(name, field); }
  template <class E>
    requires std::is_enum_v<E>
  void operator()(std::string_view name, E& field) {
    std::string text;
    if (!read(name, text)) return;
    auto parsed = enum_from_name<E>(text);
    if (!parsed) return refuse(name, "unknown name '" + text + "'");
    field = *parsed;
  }
  template <HasFields T>
  void operator()(std::string_view name, T& field) {
    read(name, field);
  }
  template <class T>
  void operator()(std::string_view name, std::optional<T>& field) {
    T item;
    if (read(name, item)) field = std::move(item);
  }
  template <class T>
  void operator()(std::string_view name, std::vector<T>& field) {
    const json::Value* found = error_ ? nullptr : value_.find(name);
    if (found == nullptr) return;
    if (!found->is_array()) return refuse(name, "expected a list");
    for (const json::Value& entry : found->as_array()) {
      T item;
      if (!store(name, entry, item)) return;
      field.push_back(std::move(item));
    }
  }

  const std::optional<Error>& error() const { return error_; }

 private:
  template <class T>
  bool read(std::string_view name, T& field) {
    const json::Value* found = error_ ? nullptr : value_.find(name);
    return found != nullptr && store(name, *found, field);
  }
  void refuse(std::string_view name, std::string message) {
    if (!error_) error_ = Error{.code = Errc::corrupt_data, .message = std::move(message)}.in_field(name);
  }
  bool store(std::string_view name, const json::Value& found, std::string& field) {
    if (!found.is_string()) return refuse(name, "expected a string"), false;
    field = found.as_string();
    return true;
  }
  bool store(std::string_view name, const json::Value& found, int64_t& field) {
    if (!found.is_integer()) return refuse(name, "expected an integer"), false;
    field = found.as_integer();
    return true;
  }
  bool store(std::string_view name, const json::Value& found, double& field) {
    if (!found.is_number()) return refuse(name, "expected a number"), false;
    field = found.as_double();
    return true;
  }
  bool store(std::string_view name, const json::Value& found, bool& field) {
    if (!found.is_bool()) return refuse(name, "expected true or false"), false;
    field = found.as_bool();
    return true;
  }
  bool store(std::string_view, const json::Value& found, json::Value& field) {
    field = found;
    return true;
  }
  bool store(std::string_view name, const json::Value& found, std::pair<std::string, std::string>& field) {
    if (found.size() != 2 || !found.at(0).is_string() || !found.at(1).is_string()) {
      return refuse(name, "expected a pair of strings"), false;
    }
    field = {found.at(0).as_string(), found.at(1).as_string()};
    return true;
  }
  template <HasFields T>
  bool store(std::string_view name, const json::Value& found, T& field) {
    Reader inner(found);
    fields(inner, field);
    if (inner.error_) error_ = std::move(*inner.error_).in_field(name);
    return !error_;
  }

  const json::Value& value_;
  std::optional<Error> error_;
};

}  // namespace

std::string_view task_type_name(TaskType type) { return enum_name(type); }
std::string_view strategy_name(Strategy strategy) { return enum_name(strategy); }
std::string_view collection_mode_name(CollectionMode mode) { return enum_name(mode); }
std::string_view overlap_name(Overlap overlap) { return enum_name(overlap); }
std::string_view memory_operation_name(MemoryOperation operation) { return enum_name(operation); }

int64_t Policy::all_attempts_ms() const {
  if (start_to_close_ms == 0) return 0;
  int64_t total = start_to_close_ms * retry.attempts;
  double pause = static_cast<double>(retry.initial_ms);
  for (int64_t attempt = 1; attempt < retry.attempts; ++attempt) {
    total += std::min(static_cast<int64_t>(pause), retry.maximum_ms);
    pause = std::min(pause * retry.backoff, static_cast<double>(retry.maximum_ms));
  }
  // Pauses are longer than planned by their jitter, and where the peer wishes so.
  constexpr int64_t kSlackMs = 60'000;
  return total + kSlackMs * retry.attempts;
}

const Action* Agent::find_action(std::string_view action) const { return find_by_id(actions, action); }
const Task* Workflow::find_task(std::string_view task) const { return find_by_id(tasks, task); }
const Agent* Workflow::find_agent(std::string_view agent) const { return find_by_id(agents, agent); }
const Tool* Workflow::find_tool(std::string_view tool) const { return find_by_id(tools, tool); }
const Memory* Workflow::find_memory(std::string_view memory) const { return find_by_id(memories, memory); }

json::Value to_json(const Workflow& workflow) {
  json::Value body = Writer::write(workflow);
  body.set("format", kDefinitionFormat);
  return body;
}

Result<Workflow> workflow_from_json(const json::Value& value) {
  const int64_t format = value["format"].integer_or(0);
  if (format > kDefinitionFormat) {
    return fail(Errc::newer_format, "workflow definition has format " + std::to_string(format) +
                                        ", this binary reads " + std::to_string(kDefinitionFormat));
  }
  if (format < 1) return fail(Errc::corrupt_data, "workflow definition has no format number");
  Reader reader(value);
  Workflow workflow;
  fields(reader, workflow);
  if (reader.error()) return fail(Error(*reader.error()).with_context("workflow definition"));
  return workflow;
}

std::string content_hash(const Workflow& workflow) { return sha256_hex(json::print_canonical(to_json(workflow))); }

}  // namespace compozy::project
