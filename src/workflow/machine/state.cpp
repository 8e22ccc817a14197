// SPDX-License-Identifier: Apache-2.0
#include "workflow/machine/state.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace compozy::workflow {

namespace {

// Applies one record. Unknown paths and ops are ignored: a fold must never fail on what was once committed.
class Fold {
 public:
  Fold(State& state, int64_t at_ms) : state_(state), at_ms_(at_ms) {}

  void operator()(const RunStarted& r) {
    state_.status = Status::running;
    state_.started_ms = at_ms_;
    state_.run_id = r.run_id;
    state_.workflow = r.workflow;
    state_.definition = r.definition;
    state_.input = r.input;
    state_.next_task = r.first_task;
    state_.next_with = r.first_with;
    state_.parent = r.parent;
    state_.depth = r.depth;
    state_.tasks = json::Value::object();
  }

  void operator()(const TaskEntered& r) {
    Frame frame{.n = r.n,
                .path = r.path,
                .parent = parent_path(r.path),
                .id = r.id,
                .type = r.type,
                .index = r.index,
                .entered_ms = at_ms_,
                .input = r.input,
                .vars = r.vars};
    state_.last_n = r.n;
    if (frame.parent.empty()) {
      ++state_.visits[r.id];
      state_.next_task.clear();
      state_.next_with = {};
    } else if (Frame* parent = state_.find_frame(frame.parent)) {
      ++parent->running;
      parent->next_child = std::max(parent->next_child, r.index + 1);
      parent->next_id.clear();
      parent->next_with = {};
    }
    json::Value view =
        json::Value::object({{"id", r.id}, {"status", status_name(Status::running)}, {"input", r.input}});
    state_.tasks.set(r.id, std::move(view));
    state_.frames.insert_or_assign(r.path, std::move(frame));
  }

  void operator()(const OpOpened& r) {
    state_.last_op = r.op;
    state_.ops[r.op] = {.path = r.path, .kind = r.kind, .due_ms = r.due_ms};
    Frame* frame = state_.find_frame(r.path);
    if (frame == nullptr) return;
    (r.role == "sleep" ? frame->sleep_op : r.role == "timeout" ? frame->timeout_op : frame->main_op) = r.op;
  }

  void operator()(const OpClosed& r) {
    const auto found = state_.ops.find(r.op);
    if (found == state_.ops.end()) return;
    Frame* frame = state_.find_frame(found->second.path);
    state_.ops.erase(found);
    if (!r.usage.is_null()) state_.usage = add_usage(std::move(state_.usage), r.usage);
    if (frame == nullptr) return;
    const bool fired = r.outcome.status == Status::success;
    if (frame->sleep_op == r.op) {
      frame->sleep_op = 0;
      frame->slept = fired;
    } else if (frame->timeout_op == r.op) {
      frame->timeout_op = 0;
      frame->timed_out = fired;
    } else if (frame->main_op == r.op) {
      frame->main_op = 0;
      frame->outcome = r.outcome;
    }
  }

  void operator()(const ItemsExpanded& r) {
    Frame* frame = state_.find_frame(r.path);
    if (frame == nullptr) return;
    frame->expanded = true;
    frame->total = r.total;
    frame->skipped = r.skipped;
    frame->items = r.items;
  }

  void operator()(const RouteTaken&) {}

  void operator()(const TaskClosed& r) {
    const auto found = state_.frames.find(r.path);
    if (found == state_.frames.end()) return;
    const Frame frame = std::move(found->second);
    state_.frames.erase(found);
    const json::Value children = frame.expanded ? children_view(frame) : json::Value();
    state_.tasks.set(frame.id, task_view(frame, r.outcome, children));
    if (frame.parent.empty()) {
      state_.next_task = r.next;
      state_.next_with = r.next_with;
      if (!state_.canceling) state_.last_error = r.outcome.error;
      if (r.outcome.status != Status::success && !r.handled) state_.unhandled = r.outcome;
      return;
    }
    Frame* parent = state_.find_frame(frame.parent);
    if (parent == nullptr) return;
    --parent->running;
    const bool succeeded = r.outcome.status == Status::success;
    ++(succeeded ? parent->succeeded : r.handled ? parent->handled : parent->failed);
    parent->next_id = r.next;
    parent->next_with = r.next_with;
    parent->last_error = r.outcome.error;
    if (r.ends) parent->next_child = parent->total;
    parent->results.push_back({.id = frame.id, .index = frame.index, .outcome = r.outcome, .children = children});
  }

  void operator()(const SignalBuffered& r) {
    state_.signals.push_back({.inbox = r.inbox, .name = r.name, .payload = r.payload, .received_ms = r.received_ms});
  }

  void operator()(const SignalConsumed& r) {
    const auto found = std::ranges::find(state_.signals, r.inbox, &BufferedSignal::inbox);
    Frame* frame = state_.find_frame(r.path);
    if (found == state_.signals.end() || frame == nullptr) return;
    frame->signal =
        json::Value::object({{"name", found->name},
                             {"payload", found->payload},
                             {"metadata", json::Value::object({{"signal_id", found->inbox},
                                                               {"received_at_utc", format_rfc3339(found->received_ms)},
                                                               {"workflow_id", state_.workflow},
                                                               {"source", "signal"}})}});
    ++frame->signals_seen;
    state_.signals.erase(found);
  }

  void operator()(const ApprovalRequested& r) {
    if (Frame* frame = state_.find_frame(r.path)) frame->requested = true;
  }
  void operator()(const ApprovalVoted& r) {
    if (Frame* frame = state_.find_frame(r.path)) {
      frame->votes.push_back(
          {.by = r.by, .approve = r.approve, .values = r.values, .comment = r.comment, .at_ms = at_ms_});
    }
  }

  void operator()(const Draining&) { state_.draining = true; }
  void operator()(const Checkpoint& r) {
    // What cannot be read leaves the state as the records before made it; the reader of records has checked it.
    if (auto state = state_from_json(r.state)) state_ = *std::move(state);
  }

  void operator()(const Paused&) { state_.paused = true; }
  void operator()(const Resumed&) { state_.paused = false; }
  void operator()(const CancelRequested& r) {
    if (r.shield.empty()) return;  // ends with the same records
    json::Value error = make_error("canceled", r.reason);
    state_.canceling = {.status = Status::canceled, .output = {}, .error = error};
    state_.next_task = r.shield;
    state_.next_with = {};
    state_.last_error = std::move(error);
  }

  void operator()(const RunClosed& r) {
    state_.status = r.outcome.status;
    state_.outcome = r.outcome;
    state_.frames.clear();
    state_.ops.clear();
    state_.signals.clear();
  }

 private:
  State& state_;
  int64_t at_ms_;
};

}  // namespace

Frame* State::find_frame(const std::string& path) {
  const auto found = frames.find(path);
  return found == frames.end() ? nullptr : &found->second;
}

std::vector<std::string> State::open_paths_below(const std::string& path) const {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const auto& [name, frame] : frames) {
    if (path.empty() || (name.size() > path.size() && name.starts_with(path) && name[path.size()] == '/')) {
      found.emplace_back(frame.n, name);
    }
  }
  std::ranges::sort(found, std::greater{});  // a child enters after its parent
  std::vector<std::string> paths;
  paths.reserve(found.size());
  for (auto& [n, name] : found) paths.push_back(std::move(name));
  return paths;
}

void evolve_one(State& state, const Record& record, int64_t at_ms) { std::visit(Fold(state, at_ms), record); }

void evolve(State& state, const Records& records) {
  state.at_ms = std::max(state.at_ms, records.at_ms);
  for (const Record& record : records.items) evolve_one(state, record, records.at_ms);
}

json::Value task_view(const Frame& frame, const Outcome& outcome, const json::Value& children) {
  json::Value view =
      json::Value::object({{"id", frame.id}, {"status", status_name(outcome.status)}, {"input", frame.input}});
  view.set("output", outcome.output);
  if (!outcome.error.is_null()) view.set("error", outcome.error);
  if (!children.is_null()) view.set("children", children);
  return view;
}

json::Value children_view(const Frame& frame) {
  json::Object children;
  for (const ChildResult& result : frame.results) {
    json::Value view =
        json::Value::object({{"output", result.outcome.output}, {"status", status_name(result.outcome.status)}});
    if (!result.outcome.error.is_null()) view.set("error", result.outcome.error);
    if (!result.children.is_null()) view.set("children", result.children);
    children.set(result.id, std::move(view));
  }
  return children;
}

std::string child_path(const std::string& parent, std::string_view id, int64_t visit, std::optional<int64_t> index) {
  std::string path = parent.empty() ? std::string() : parent + '/';
  // A rendered id may hold anything; '/' alone would change what the path means.
  path += replace_all(std::string(id), "/", "%2F") + '#' + std::to_string(visit);
  if (index) path += '[' + std::to_string(*index) + ']';
  return path;
}

std::string parent_path(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

json::Value add_usage(json::Value total, const json::Value& usage) {
  for (const json::Value& entry : usage.is_array() ? usage.as_array() : json::Array{usage}) {
    json::Value* row = nullptr;
    for (json::Value& existing : total.mutable_array()) {
      if (existing["provider"] == entry["provider"] && existing["model"] == entry["model"]) row = &existing;
    }
    if (row == nullptr) {
      total.push_back(entry);
      continue;
    }
    for (const auto& [name, value] : entry.as_object()) {
      if (value.is_integer()) row->set(name, (*row)[name].integer_or(0) + value.as_integer());
    }
  }
  return total;
}

}  // namespace compozy::workflow
