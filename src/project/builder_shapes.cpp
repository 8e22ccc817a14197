// SPDX-License-Identifier: Apache-2.0
//
// Whether what expressions take from the result of a task can be in it: `.tasks.<id>.output.<name>` and further down.
// Only what no run can have is an error: the output of a tool, say, may hold anything.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "project/builder.hpp"

namespace compozy::project {

bool id_may_be(const std::string& id, const std::string& wanted) {
  if (!expression::is_template(id)) return id == wanted;
  std::string pattern;
  for (size_t at = 0; at < id.size();) {
    const size_t open = std::min(id.find("{{", at), id.size());
    for (char c : id.substr(at, open - at))
      pattern +=
          std::string_view("*?[\\").find(c) == std::string_view::npos ? std::string(1, c) : std::string("\\") + c;
    if (open == id.size()) break;
    pattern += '*';
    const size_t close = id.find("}}", open);
    at = close == std::string::npos ? id.size() : close + 2;
  }
  return glob_match(pattern, wanted);
}

namespace {

using Names = std::vector<std::string_view>;
using Path = std::span<const std::string>;

// The names that something may have. `is_open`: others as well.
struct Shape {
  bool is_open = true;
  Names names;
};
Shape exactly(Names names) { return {.is_open = false, .names = std::move(names)}; }

bool has_children(const Task& task) { return task.type != TaskType::wait && !task.tasks.empty(); }

// The child that a name may mean, if any.
const Task* child_of(const Task& task, std::string_view name) {
  const auto found =
      std::ranges::find_if(task.tasks, [&](const Task& child) { return id_may_be(child.id, std::string(name)); });
  return found == task.tasks.end() ? nullptr : &*found;
}

void append_children(const Task& task, Names& names) {
  for (const Task& child : task.tasks) names.emplace_back(child.id);
}

Shape answer_of(const Task& task, const Workflow& workflow) {
  const Agent* agent = workflow.find_agent(task.agent);
  const Action* action = agent == nullptr ? nullptr : agent->find_action(task.action);
  const bool is_text =
      agent != nullptr && (action == nullptr || (action->output_schema.is_null() && !action->json_mode));
  return is_text ? exactly({"response"}) : Shape{};
}

// What a task gives before its `outputs`.
Shape raw_output(const Task& task, const Workflow& workflow) {
  switch (task.type) {
    case TaskType::basic: return answer_of(task, workflow);
    case TaskType::router: return exactly({"condition", "route_taken", "router_type"});
    case TaskType::parallel:
    case TaskType::composite: return exactly({"progress_info", "outputs", "results", "failed"});
    case TaskType::collection: return exactly({"progress_info", "outputs", "results", "failed", "collection_metadata"});
    case TaskType::wait: return exactly({"wait_status", "signal", "processor_output"});
    case TaskType::signal: return exactly({"signal_dispatched", "signal_id"});
    case TaskType::loop: return exactly({"iterations", "stopped_by", "last", "results"});
    case TaskType::approval: return exactly({"approved", "values", "votes"});
    case TaskType::workflow: return task.detached ? exactly({"exec_id", "workflow_id"}) : Shape{};
    case TaskType::aggregate:
    case TaskType::memory: break;
  }
  return {};
}

// What a task that has failed gives: of a container its children's results, of a loop its last iteration's.
Names failed_output(const Task& task, const Workflow& workflow) {
  const bool is_loop = task.type == TaskType::loop;
  if (!has_children(task)) return {};
  return is_loop ? failed_output(*task.child(), workflow) : raw_output(task, workflow).names;
}

// What `.tasks.<id>.output` holds.
Shape output_of(const Task& task, const Workflow& workflow) {
  Shape shape = raw_output(task, workflow);
  if (task.outputs.is_object()) {
    shape = exactly(failed_output(task, workflow));
    for (const auto& [name, value] : task.outputs.as_object()) shape.names.emplace_back(name);
  } else if (!task.outputs.is_null()) {
    return {};
  }
  if (task.type == TaskType::loop) {
    for (const std::string_view name : failed_output(task, workflow)) shape.names.push_back(name);
  }
  const bool may_skip = task.type != TaskType::router && task.type != TaskType::wait && !task.condition.empty();
  if (may_skip) shape.names.emplace_back("skipped");
  return shape;
}

// The name in `path` that cannot be there, with those that can.
struct Misnomer {
  std::string holder;
  std::string name;
  Names names;
};

constexpr std::array<std::string_view, 6> kWorkflowMembers{"id", "exec_id", "input", "output", "status", "error"};
constexpr std::array<std::string_view, 2> kProjectMembers{"id", "name"};
constexpr std::array<std::string_view, 3> kSignalMembers{"name", "payload", "metadata"};
constexpr std::array<std::string_view, 10> kParentMembers{"id",  "type",   "input",  "with",  "action",
                                                          "env", "status", "output", "error", "parent"};

// What a name of the context always holds; empty = anything.
std::span<const std::string_view> holder_of(std::string_view root) {
  if (root == "workflow") return kWorkflowMembers;
  if (root == "project") return kProjectMembers;
  if (root == "signal") return kSignalMembers;
  if (root == "parent" || root == "current") return kParentMembers;
  return {};
}

class Shapes {
 public:
  explicit Shapes(const Workflow& workflow) : workflow_(workflow) {}

  // Below `.tasks.<id>`, or `.children.<id>`.
  std::optional<Misnomer> result(const Task& task, Path path, const std::string& holder, bool is_child = false) const {
    if (path.empty()) return std::nullopt;
    Names names{"output", "status", "error"};
    if (!is_child) names.insert(names.end(), {"id", "input"});
    if (has_children(task)) names.emplace_back("children");
    if (auto wrong = misnomer(names, path, holder)) return wrong;
    const std::string below = holder + '.' + path[0];
    if (path[0] == "children") return children(task, path.subspan(1), below);
    return path[0] == "output" ? output(task, path.subspan(1), below) : std::nullopt;
  }

  std::optional<Misnomer> children(const Task& task, Path path, const std::string& holder) const {
    if (path.empty()) return std::nullopt;
    const Task* child = child_of(task, path[0]);
    if (child != nullptr) return result(*child, path.subspan(1), holder + '.' + path[0], true);
    return Misnomer{.holder = holder, .name = path[0], .names = child_names(task)};
  }

  // The outputs of a container's children by id, as its own `outputs` sees them.
  std::optional<Misnomer> outputs_by_child(const Task& task, Path path, const std::string& holder) const {
    if (path.empty()) return std::nullopt;
    const Task* child = child_of(task, path[0]);
    if (child != nullptr) return value(output_of(*child, workflow_), path.subspan(1), holder + '.' + path[0]);
    return Misnomer{.holder = holder, .name = path[0], .names = child_names(task)};
  }

  std::optional<Misnomer> raw(const Task& task, Path path, const std::string& holder) const {
    return value(raw_output(task, workflow_), path, holder);
  }

 private:
  static Names child_names(const Task& task) {
    Names names;
    append_children(task, names);
    return names;
  }

  static std::optional<Misnomer> misnomer(const Names& names, Path path, const std::string& holder) {
    if (path.empty() || std::ranges::find(names, path[0]) != names.end()) return std::nullopt;
    return Misnomer{.holder = holder, .name = path[0], .names = names};
  }

  static std::optional<Misnomer> value(const Shape& shape, Path path, const std::string& holder) {
    return shape.is_open ? std::nullopt : misnomer(shape.names, path, holder);
  }

  std::optional<Misnomer> output(const Task& task, Path path, const std::string& holder) const {
    Shape shape = output_of(task, workflow_);
    if (path.empty() || shape.is_open) return std::nullopt;
    const bool is_own = std::ranges::find(shape.names, path[0]) != shape.names.end();
    const std::string below = holder + '.' + path[0];
    if (is_own && path[0] == "outputs" && task.outputs.is_null() && has_children(task) && task.type != TaskType::loop)
      return outputs_by_child(task, path.subspan(1), below);
    if (is_own) return std::nullopt;
    if (!has_children(task)) return misnomer(shape.names, path, holder);
    if (path[0] == "output") return output(task, path.subspan(1), below);
    if (const Task* child = child_of(task, path[0])) return result(*child, path.subspan(1), below, true);
    append_children(task, shape.names);
    return misnomer(shape.names, path, holder);
  }

  const Workflow& workflow_;
};

}  // namespace

// The task of a place, as it was built.
const Task* Builder::task_at(int64_t place) const {
  const Place& at = places_[static_cast<size_t>(place)];
  if (at.parent < 0) return workflow_.find_task(at.id);
  const Task* parent = task_at(at.parent);
  if (parent == nullptr) return nullptr;
  const auto found = std::ranges::find(parent->tasks, at.id, &Task::id);
  return found == parent->tasks.end() ? nullptr : &*found;
}

void Builder::check_shape(const TaskUse& use, bool after) {
  const expression::Reference& reference = use.reference;
  const Shapes shapes(workflow_);
  for (const std::vector<std::string>& path : reference.paths) {
    std::optional<Misnomer> wrong;
    if (!reference.task.empty()) {
      for (const int64_t place : places_of(reference.task)) {
        const Task* task = task_at(place);
        wrong = task == nullptr ? std::nullopt : shapes.result(*task, path, ".tasks." + reference.task);
        if (!wrong) break;  // one of several with this id has it
      }
    } else if (const auto holder = holder_of(reference.root); !holder.empty()) {
      if (!path.empty() && std::ranges::find(holder, path[0]) == holder.end())
        wrong = Misnomer{.holder = "." + reference.root, .name = path[0], .names = {holder.begin(), holder.end()}};
    } else if (const Task* task = after && use.place >= 0 ? task_at(use.place) : nullptr; task != nullptr) {
      const bool in_outputs = use.field.starts_with(places_[static_cast<size_t>(use.place)].path + ".outputs");
      if (reference.root == "children" && has_children(*task)) wrong = shapes.children(*task, path, ".children");
      if (reference.root == "output" && in_outputs) {
        const bool by_child = has_children(*task) && task->type != TaskType::loop;
        wrong = by_child ? shapes.outputs_by_child(*task, path, ".output") : shapes.raw(*task, path, ".output");
      }
    }
    if (!wrong) continue;
    std::string names;
    for (const std::string_view name : wrong->names) names.append(names.empty() ? "" : ", ").append(name);
    const std::string near = did_you_mean(wrong->name, wrong->names);
    diagnostics_.add(use.mark, use.field,
                     "there is no '" + wrong->name + "' in '" + wrong->holder + "'" +
                         (near.empty() ? "; it can have " + shorten(names, 200) : near));
    return;  // once is enough
  }
}

}  // namespace compozy::project
