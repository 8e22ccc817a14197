// SPDX-License-Identifier: Apache-2.0
#include "workflow/machine/program.hpp"

#include <utility>

#include "base/text.hpp"
#include "json/extent.hpp"
#include "json/print.hpp"

namespace compozy::workflow {

Result<std::shared_ptr<const Program>> Program::load(project::Workflow workflow, json::Value host_env) {
  std::shared_ptr<Program> program(new Program(std::move(workflow), std::move(host_env)));
  const project::Workflow& loaded = program->workflow_;
  program->hash_ = project::content_hash(loaded);
  program->text_ = json::print(project::to_json(loaded));
  program->names_collection_ = program->text_.contains("_collection_i");
  TRY(program->compile(loaded.input_schema, "config.input"));
  for (const project::Task& task : loaded.tasks) TRY(program->compile_task(task));
  for (const project::Agent& agent : loaded.agents) {
    for (const project::Action& action : agent.actions) {
      TRY(program->compile(action.input_schema, "agent '" + agent.id + "' action '" + action.id + "' input"));
      TRY(program->compile(action.output_schema, "agent '" + agent.id + "' action '" + action.id + "' output"));
    }
  }
  return program;
}

Result<void> Program::compile_task(const project::Task& task) {
  TRY(compile(task.input_schema, "task '" + task.id + "' input"));
  TRY(compile(task.output_schema, "task '" + task.id + "' output"));
  TRY(compile(task.form, "approval '" + task.id + "' form"));
  containers_have_env_ |= !task.tasks.empty() && !task.env.is_null();
  for (const project::Task& child : task.tasks) TRY(compile_task(child));
  return {};
}

Result<void> Program::compile(const json::Value& document, const std::string& where) {
  if (document.is_null()) return {};
  auto schema = json::Schema::compile(document);
  if (!schema) return fail(std::move(schema).error().with_context(where));
  schemas_.emplace(&document, std::move(*schema));
  return {};
}

const project::Task* Program::find_task(std::string_view path) const {
  const project::Task* task = nullptr;
  for (const std::string_view segment : split(path, '/')) {
    const std::string id = replace_all(std::string(segment.substr(0, segment.rfind('#'))), "%2F", "/");
    const std::vector<project::Task>& siblings = task == nullptr ? workflow_.tasks : task->tasks;
    if (task != nullptr && (task->type == project::TaskType::collection || task->type == project::TaskType::wait ||
                            task->type == project::TaskType::loop)) {
      task = task->child();
    } else {
      const project::Task* found = nullptr;
      for (const project::Task& sibling : siblings) {
        if (sibling.id == id) found = &sibling;
      }
      // A name that was rendered: where it stands among its siblings follows.
      int64_t index = -1;
      if (found == nullptr && segment.ends_with(']')) {
        const size_t open = segment.rfind('[') + 1;
        (void)parse_int64(segment.substr(open, segment.size() - open - 1), index);
      }
      if (index >= 0 && std::cmp_less(index, siblings.size())) found = &siblings[static_cast<size_t>(index)];
      task = found;
    }
    if (task == nullptr) return nullptr;
  }
  return task;
}

const json::Schema* Program::schema(const json::Value& document) const {
  const auto found = schemas_.find(&document);
  return found == schemas_.end() ? nullptr : &found->second;
}

Result<json::Value> Program::check_input(const json::Value& input) const {
  json::Value given = input.is_null() ? json::Value::object() : input;
  if (!given.is_object()) {
    return fail(Errc::validation_failed,
                "the input must be an object, found " + std::string(json::kind_name(given.kind())));
  }
  if (auto fits = json::check_extent(given); !fits) return fail(std::move(fits).error().with_context("the input"));
  const json::Schema* check = schema(workflow_.input_schema);
  if (check == nullptr) return given;
  json::Value complete = check->with_defaults(given);
  if (auto result = check->check(complete); !result) {
    return fail(std::move(result).error().with_context("input of workflow '" + workflow_.id + "'"));
  }
  return complete;
}

}  // namespace compozy::workflow
