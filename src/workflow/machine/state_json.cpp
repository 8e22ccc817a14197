// SPDX-License-Identifier: Apache-2.0
//
// A state as JSON, for checkpoints: every field once, read and written by the same lists. Names are part of a stored
// format: never rename one, and give a new one a meaning when absent.
#include <algorithm>

#include "workflow/machine/record_fields.hpp"
#include "workflow/machine/state.hpp"

namespace compozy::workflow {

namespace {

template <class V, Is<ChildResult> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("index", x.index);
  v("outcome", x.outcome);
  v("children", x.children);
}
template <class V, Is<CastVote> T>
void fields(V& v, T& x) {
  v("by", x.by);
  v("approve", x.approve);
  v("values", x.values);
  v("comment", x.comment);
  v("at_ms", x.at_ms);
}
template <class V, Is<BufferedSignal> T>
void fields(V& v, T& x) {
  v("inbox", x.inbox);
  v("name", x.name);
  v("payload", x.payload);
  v("received_ms", x.received_ms);
}
template <class V, Is<OpenOp> T>
void fields(V& v, T& x) {
  v("path", x.path);
  v("kind", x.kind);
  v("due_ms", x.due_ms);
}
template <class V, Is<Frame> T>
void fields(V& v, T& x) {
  v("n", x.n);
  v("path", x.path);
  v("parent", x.parent);
  v("id", x.id);
  v("type", x.type);
  v("index", x.index);
  v("entered_ms", x.entered_ms);
  v("input", x.input);
  v("vars", x.vars);
  v("main_op", x.main_op);
  v("sleep_op", x.sleep_op);
  v("timeout_op", x.timeout_op);
  v("slept", x.slept);
  v("timed_out", x.timed_out);
  v("expanded", x.expanded);
  v("total", x.total);
  v("skipped", x.skipped);
  v("items", x.items);
  v("next_child", x.next_child);
  v("running", x.running);
  v("succeeded", x.succeeded);
  v("failed", x.failed);
  v("handled", x.handled);
  v("next_id", x.next_id);
  v("next_with", x.next_with);
  v("last_error", x.last_error);
  v("signal", x.signal);
  v("signals_seen", x.signals_seen);
  v("requested", x.requested);
}
template <class V, Is<State> T>
void fields(V& v, T& x) {
  v("status", x.status);
  v("paused", x.paused);
  v("at_ms", x.at_ms);
  v("started_ms", x.started_ms);
  v("run_id", x.run_id);
  v("workflow", x.workflow);
  v("definition", x.definition);
  v("input", x.input);
  v("parent", x.parent);
  v("depth", x.depth);
  v("next_task", x.next_task);
  v("next_with", x.next_with);
  v("last_error", x.last_error);
  v("tasks", x.tasks);
  v("usage", x.usage);
  v("last_op", x.last_op);
  v("last_n", x.last_n);
}

template <class T>
json::Value write(const T& item) {
  FieldWriter writer;
  fields(writer, item);
  return std::move(writer).take();
}
template <class T>
json::Value write_list(const T& items) {
  json::Array list;
  for (const auto& item : items) list.push_back(write(item));
  return json::Value(std::move(list));
}

template <class T>
Result<T> read(const json::Value& body) {
  T item;
  FieldReader reader(body);
  fields(reader, item);
  TRY(reader.finish());
  return item;
}
template <class T>
Result<void> read_list(const json::Value& list, T& items) {
  if (!list.is_array()) return {};
  for (const json::Value& body : list.as_array()) {
    TRY(auto item, read<typename T::value_type>(body));
    items.push_back(std::move(item));
  }
  return {};
}

Outcome read_outcome(const json::Value& body) {
  auto status = parse_status(body["status"].string_or(""));
  return {.status = status.value_or(Status::failed), .output = body["output"], .error = body["error"]};
}
json::Value write_outcome(const Outcome& outcome) {
  FieldWriter writer;
  writer("outcome", outcome);
  return std::move(writer).take();
}

json::Value write_frame(const Frame& frame) {
  json::Value body = write(frame);
  if (frame.outcome) body.set("outcome", write_outcome(*frame.outcome));
  if (!frame.results.empty()) body.set("results", write_list(frame.results));
  if (!frame.votes.empty()) body.set("votes", write_list(frame.votes));
  return body;
}

Result<Frame> read_frame(const json::Value& body) {
  TRY(Frame frame, read<Frame>(body));
  if (body["outcome"].is_object()) frame.outcome = read_outcome(body["outcome"]);
  TRY(read_list(body["results"], frame.results));
  TRY(read_list(body["votes"], frame.votes));
  return frame;
}

}  // namespace

json::Value to_json(const State& state) {
  json::Value body = write(state);
  if (state.unhandled) body.set("unhandled", write_outcome(*state.unhandled));
  if (state.canceling) body.set("canceling", write_outcome(*state.canceling));
  json::Value visits = json::Value::object();
  for (const auto& [id, count] : state.visits) visits.set(id, count);
  body.set("visits", std::move(visits));
  std::vector<const Frame*> frames;
  for (const auto& [path, frame] : state.frames) frames.push_back(&frame);
  std::ranges::sort(frames, {}, &Frame::n);
  json::Array open;
  for (const Frame* frame : frames) open.push_back(write_frame(*frame));
  body.set("frames", std::move(open));
  std::vector<int64_t> numbers;
  for (const auto& [op, unused] : state.ops) numbers.push_back(op);
  std::ranges::sort(numbers);
  json::Array ops;
  for (const int64_t op : numbers) ops.push_back(write(state.ops.at(op)).set("op", op));
  body.set("ops", std::move(ops));
  if (!state.signals.empty()) body.set("signals", write_list(state.signals));
  return body;
}

Result<State> state_from_json(const json::Value& value) {
  if (!value.is_object()) return fail(Errc::corrupt_data, "a checkpoint's state is not an object");
  TRY(State state, read<State>(value));
  if (value["unhandled"].is_object()) state.unhandled = read_outcome(value["unhandled"]);
  if (value["canceling"].is_object()) state.canceling = read_outcome(value["canceling"]);
  if (value["visits"].is_object()) {
    for (const auto& [id, count] : value["visits"].as_object()) state.visits[std::string(id)] = count.integer_or(0);
  }
  if (value["frames"].is_array()) {
    for (const json::Value& body : value["frames"].as_array()) {
      TRY(Frame frame, read_frame(body));
      std::string path = frame.path;
      state.frames.emplace(std::move(path), std::move(frame));
    }
  }
  if (value["ops"].is_array()) {
    for (const json::Value& body : value["ops"].as_array()) {
      TRY(OpenOp op, read<OpenOp>(body));
      state.ops.emplace(body["op"].integer_or(0), std::move(op));
    }
  }
  TRY(read_list(value["signals"], state.signals));
  return state;
}

}  // namespace compozy::workflow
