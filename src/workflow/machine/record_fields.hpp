// SPDX-License-Identifier: Apache-2.0
//
// The fields of each record, once: writing, reading and the golden files derive from these lists. Private to
// record.cpp. A name here is part of a stored format: never rename one, and give a new one a meaning when absent.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "workflow/machine/record.hpp"

namespace compozy::workflow {

// Writes fields as members; empty texts, zeros, nulls and `false` are left out.
class FieldWriter {
 public:
  void operator()(std::string_view name, const std::string& field) {
    if (!field.empty()) object_.set(name, field);
  }
  void operator()(std::string_view name, int64_t field) {
    if (field != 0) object_.set(name, field);
  }
  void operator()(std::string_view name, bool field) {
    if (field) object_.set(name, true);
  }
  void operator()(std::string_view name, const json::Value& field) {
    if (!field.is_null()) object_.set(name, field);
  }
  void operator()(std::string_view name, Status field) { object_.set(name, status_name(field)); }
  void operator()(std::string_view name, OpKind field) {
    if (field != OpKind::activity) object_.set(name, field == OpKind::timer ? "timer" : "child");
  }
  void operator()(std::string_view name, project::TaskType field) { object_.set(name, project::task_type_name(field)); }
  void operator()(std::string_view, const Outcome& field) {
    (*this)("status", field.status);
    (*this)("output", field.output);
    (*this)("error", field.error);
  }

  json::Value take() && { return std::move(object_); }

 private:
  json::Object object_;
};

// Reads members into fields. An absent member leaves the field as constructed; a member of another kind is corrupt
// data.
class FieldReader {
 public:
  explicit FieldReader(const json::Value& body) : body_(body) {}

  void operator()(std::string_view name, std::string& field) {
    if (const json::Value* member = expect(name, json::Kind::string)) field = member->as_string();
  }
  void operator()(std::string_view name, int64_t& field) {
    if (const json::Value* member = expect(name, json::Kind::integer)) field = member->as_integer();
  }
  void operator()(std::string_view name, bool& field) {
    if (const json::Value* member = expect(name, json::Kind::boolean)) field = member->as_bool();
  }
  void operator()(std::string_view name, json::Value& field) { field = body_[name]; }
  void operator()(std::string_view name, Status& field) {
    auto status = parse_status(body_[name].string_or(""));
    if (status) {
      field = *status;
    } else {
      complain(name);
    }
  }
  void operator()(std::string_view name, OpKind& field) {
    const std::string kind = body_[name].string_or("");
    field = kind == "timer" ? OpKind::timer : kind == "child" ? OpKind::child : OpKind::activity;
  }
  void operator()(std::string_view name, project::TaskType& field) {
    for (size_t i = 0; i < project::kTaskTypes; ++i) {
      field = static_cast<project::TaskType>(i);
      if (project::task_type_name(field) == body_[name].string_or("")) return;
    }
    complain(name);
  }
  void operator()(std::string_view, Outcome& field) {
    (*this)("status", field.status);
    (*this)("output", field.output);
    (*this)("error", field.error);
  }

  Result<void> finish() const {
    if (complaint_.empty()) return {};
    return fail(Errc::corrupt_data, complaint_);
  }

 private:
  const json::Value* expect(std::string_view name, json::Kind kind) {
    const json::Value* member = body_.find(name);
    if (member != nullptr && member->kind() != kind) complain(name);
    return member != nullptr && member->kind() == kind ? member : nullptr;
  }
  void complain(std::string_view name) { complaint_ = "a record's field '" + std::string(name) + "' cannot be read"; }

  const json::Value& body_;
  std::string complaint_;
};

template <class T, class R>
concept Is = std::same_as<std::remove_const_t<T>, R>;

template <class V, Is<RunStarted> T>
void fields(V& v, T& r) {
  v("run_id", r.run_id);
  v("workflow", r.workflow);
  v("definition", r.definition);
  v("semantics", r.semantics);
  v("input", r.input);
  v("first_task", r.first_task);
  v("first_with", r.first_with);
  v("parent", r.parent);
  v("depth", r.depth);
}
template <class V, Is<TaskEntered> T>
void fields(V& v, T& r) {
  v("n", r.n);
  v("path", r.path);
  v("id", r.id);
  v("type", r.type);
  v("index", r.index);
  v("input", r.input);
  v("vars", r.vars);
}
template <class V, Is<OpOpened> T>
void fields(V& v, T& r) {
  v("op", r.op);
  v("kind", r.kind);
  v("path", r.path);
  v("role", r.role);
  v("spec", r.spec);
  v("due_ms", r.due_ms);
}
template <class V, Is<OpClosed> T>
void fields(V& v, T& r) {
  v("op", r.op);
  v("outcome", r.outcome);
  v("usage", r.usage);
}
template <class V, Is<ItemsExpanded> T>
void fields(V& v, T& r) {
  v("path", r.path);
  v("total", r.total);
  v("skipped", r.skipped);
  v("items", r.items);
}
template <class V, Is<RouteTaken> T>
void fields(V& v, T& r) {
  v("path", r.path);
  v("condition", r.condition);
  v("route", r.route);
}
template <class V, Is<TaskClosed> T>
void fields(V& v, T& r) {
  v("path", r.path);
  v("outcome", r.outcome);
  v("handled", r.handled);
  v("next", r.next);
  v("next_with", r.next_with);
  v("ends", r.ends);
}
template <class V, Is<SignalBuffered> T>
void fields(V& v, T& r) {
  v("inbox", r.inbox);
  v("name", r.name);
  v("payload", r.payload);
  v("received_ms", r.received_ms);
}
template <class V, Is<SignalConsumed> T>
void fields(V& v, T& r) {
  v("inbox", r.inbox);
  v("path", r.path);
}
template <class V, Is<ApprovalRequested> T>
void fields(V& v, T& r) {
  v("path", r.path);
  v("message", r.message);
}
template <class V, Is<ApprovalVoted> T>
void fields(V& v, T& r) {
  v("path", r.path);
  v("by", r.by);
  v("approve", r.approve);
  v("values", r.values);
  v("comment", r.comment);
}
template <class V, Is<Checkpoint> T>
void fields(V& v, T& r) {
  v("state", r.state);
}
template <class V, Is<Draining> T>
void fields(V&, T&) {}
template <class V, Is<Paused> T>
void fields(V&, T&) {}
template <class V, Is<Resumed> T>
void fields(V&, T&) {}
template <class V, Is<CancelRequested> T>
void fields(V& v, T& r) {
  v("reason", r.reason);
  v("shield", r.shield);
}
template <class V, Is<RunClosed> T>
void fields(V& v, T& r) {
  v("outcome", r.outcome);
}

}  // namespace compozy::workflow
