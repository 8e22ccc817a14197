// SPDX-License-Identifier: Apache-2.0
#include "project/project.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>

#include "base/text.hpp"
#include "json/schema.hpp"
#include "project/builder.hpp"
#include "project/references.hpp"
#include "project/yaml.hpp"

namespace compozy::project {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProjectFile = "compozy.yaml";
constexpr std::array<std::string_view, 7> kResourceKinds{"agent",  "tool",     "memory", "model",
                                                         "schema", "workflow", "task"};

Result<std::string> read_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return fail(system_error("read", path.string(), error.value()));
  if (size > kFileBytesMax) return fail(Errc::too_large, "'" + path.string() + "' is larger than 4 MiB");
  std::ifstream stream(path, std::ios::binary);
  std::string text(size, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(size));
  if (!stream) return fail(Errc::io_error, "cannot read '" + path.string() + "'");
  return text;
}

// `**` spans folders, `*` and `?` stay within one name.
bool path_matches(std::string_view pattern, std::string_view path) {
  const size_t slash = pattern.find('/');
  const std::string_view head = pattern.substr(0, slash);
  if (head == "**") {
    if (slash == std::string_view::npos) return true;
    const std::string_view rest = pattern.substr(slash + 1);
    for (std::string_view tail = path;;) {
      if (path_matches(rest, tail)) return true;
      const size_t next = tail.find('/');
      if (next == std::string_view::npos) return false;
      tail.remove_prefix(next + 1);
    }
  }
  const size_t cut = path.find('/');
  if ((slash == std::string_view::npos) != (cut == std::string_view::npos)) return false;
  if (!glob_match(head, path.substr(0, cut))) return false;
  return slash == std::string_view::npos || path_matches(pattern.substr(slash + 1), path.substr(cut + 1));
}

class Loader {
 public:
  explicit Loader(const std::string& path) : given_(path) {}

  std::expected<Project, std::vector<Error>> run() {
    if (read_project()) {
      read_workflows();
      autoload();
      fill_shelf();
      expand();
      build();
    }
    if (!diagnostics_.empty()) {
      std::vector<Error> errors = std::move(diagnostics_).take();
      std::ranges::sort(errors, {}, [](const Error& error) {
        return std::tuple(error.where.file, error.where.line, error.where.column, error.message);
      });
      return std::unexpected(std::move(errors));
    }
    return std::move(project_);
  }

 private:
  std::optional<Node> read_yaml(const std::string& relative) { return read_yaml(relative, diagnostics_); }
  std::optional<Node> read_yaml(const std::string& relative, Diagnostics& diagnostics) {
    auto text = read_file(root_ / relative);
    if (!text) return diagnostics.add(std::move(text).error()), std::nullopt;
    project_.files.push_back(relative);
    auto node = parse_yaml(*text, relative);
    if (!node) return diagnostics.add(std::move(node).error()), std::nullopt;
    return *std::move(node);
  }

  bool read_project() {
    std::error_code error;
    fs::path path = fs::absolute(given_, error);
    if (fs::is_regular_file(path, error)) path = path.parent_path();
    root_ = path.lexically_normal();
    if (!root_.has_filename() && root_.has_relative_path()) root_ = root_.parent_path();  // "dir/", as "." gives
    project_.root = root_.string();
    if (!fs::is_regular_file(root_ / kProjectFile, error)) {
      diagnostics_.add(
          Error{.code = Errc::not_found,
                .message = "there is no compozy.yaml in '" + project_.root + "'; `compozy init` makes one"});
      return false;
    }
    auto node = read_yaml(std::string(kProjectFile));
    if (!node) return false;
    file_ = *std::move(node);
    if (!check_fields(file_, kProjectFields, "", diagnostics_)) return false;
    project_.name = file_.text("name");
    project_.version = file_.find("version") != nullptr ? scalar_text(*file_.find("version")) : "";
    project_.description = file_.text("description");
    check_author(file_, diagnostics_);
    const bool good = !project_.name.empty() && project_.name.size() <= 63 && is_plain_name(project_.name, "-");
    if (file_.find("name") != nullptr && (!good || (project_.name[0] >= '0' && project_.name[0] <= '9'))) {
      diagnostics_.add(*file_.find("name"), "name",
                       "expected letters, digits, '-' and '_', not starting with a digit, at most 63");
    }
    for (const FieldRow& row : server_sections()) {
      const Node* section = file_.find(row.name);
      if (section != nullptr)
        project_.sections.push_back({std::string(row.name), section->json(), section->mark.location()});
    }
    read_runtime();
    return true;
  }

  void read_runtime() {
    const Node* runtime = file_.find("runtime");
    if (runtime == nullptr || !check_fields(*runtime, kRuntimeFields, "runtime", diagnostics_)) return;
    json::Value server_side;  // of the configuration, in the section that projects and servers share
    for (const std::string_view name : {"log_level", "log_format", "max_memory_mb"}) {
      if (runtime->find(name) != nullptr) server_side.set(name, runtime->json(name));
    }
    if (!server_side.is_null()) project_.sections.push_back({"runtime", server_side, runtime->mark.location()});
    constexpr std::array<std::string_view, 3> kTypes{"bun", "node", "deno"};
    RuntimeConfig& out = project_.runtime;
    out.type = runtime->text("type");
    if (!out.type.empty() && std::ranges::find(kTypes, out.type) == kTypes.end()) {
      diagnostics_.add(*runtime->find("type"), "runtime.type",
                       "unknown runtime '" + out.type + "'" + did_you_mean(out.type, kTypes));
    }
    out.entrypoint = runtime->text("entrypoint");
    if (const Node* list = runtime->find("permissions"); list != nullptr && list->is_list()) {
      for (const Node& item : list->items) out.permissions.push_back(scalar_text(item));
    }
    if (runtime->find("tool_execution_timeout") != nullptr)
      out.tool_timeout_ms = duration_of(*runtime, "tool_execution_timeout");
    if (runtime->find("task_execution_timeout_max") != nullptr)
      out.task_timeout_max_ms = duration_of(*runtime, "task_execution_timeout_max");
    out.task_timeout_ms = std::min(out.task_timeout_ms, out.task_timeout_max_ms);
    if (const Node* usual = runtime->find("task_execution_timeout_default"); usual != nullptr) {
      out.task_timeout_ms = duration_of(*runtime, "task_execution_timeout_default");
      if (out.task_timeout_ms > out.task_timeout_max_ms)
        diagnostics_.add(*usual, "runtime.task_execution_timeout_default", "is longer than task_execution_timeout_max");
    }
    out.max_memory_mb = integer_of(*runtime, "max_memory_mb", 0);
    out.native_tools = runtime->json("native_tools");
    const Node* native = runtime->find("native_tools");
    if (native != nullptr && check_fields(*native, kNativeToolsFields, "runtime.native_tools", diagnostics_)) {
      if (const Node* exec = native->find("exec"))
        check_fields(*exec, kNativeExecFields, "runtime.native_tools.exec", diagnostics_);
    }
  }

  void read_workflows() {
    const Node* list = file_.find("workflows");
    if (list == nullptr || !list->is_list()) return;
    for (size_t i = 0; i < list->items.size(); ++i) {
      const Node& entry = list->items[i];
      const std::string path = "workflows[" + std::to_string(i) + ']';
      if (!check_fields(entry, kWorkflowSourceFields, path, diagnostics_)) continue;
      const std::string source = fs::path(entry.text("source")).lexically_normal().string();
      std::error_code error;
      if (source.starts_with("..") || source.starts_with('/')) {
        diagnostics_.add(entry, path + ".source", "'" + source + "' must be below the project's folder");
      } else if (!fs::is_regular_file(root_ / source, error)) {
        diagnostics_.add(*entry.find("source"), path + ".source",
                         "there is no file '" + source + "' in the project's folder");
      } else if (auto node = read_yaml(source)) {
        workflow_files_.push_back(*std::move(node));
      }
    }
  }

  void autoload() {
    const Node* config = file_.find("autoload");
    if (config == nullptr || !check_fields(*config, kAutoloadFields, "autoload", diagnostics_)) return;
    if (config->json("watch_enabled").bool_or(false)) {
      diagnostics_.add(*config->find("watch_enabled"), "autoload.watch_enabled",
                       "files are read when the server starts; restart it after a change", Errc::unsupported);
    }
    if (!config->json("enabled").bool_or(false)) return;
    const bool strict = strict_ = config->json("strict").bool_or(true);
    const auto patterns = [&](std::string_view name) {
      std::vector<std::string> out;
      if (const Node* list = config->find(name); list != nullptr && list->is_list()) {
        for (const Node& item : list->items) out.push_back(scalar_text(item));
      }
      return out;
    };
    const auto include = patterns("include");
    const auto exclude = patterns("exclude");
    if (include.empty())
      diagnostics_.add(*config, "autoload", "needs 'include', a list of patterns such as 'agents/*.yaml'");
    for (const std::string& file : matching_files(include, exclude)) {
      Diagnostics of_file;
      load_resource(file, strict ? diagnostics_ : of_file, strict);
      for (Error& error : std::move(of_file).take()) project_.skipped.push_back(std::move(error));
    }
  }

  std::vector<std::string> matching_files(const std::vector<std::string>& include,
                                          const std::vector<std::string>& exclude) {
    std::set<std::string> out;
    std::error_code error;
    size_t seen = 0;
    for (auto it = fs::recursive_directory_iterator(root_, error); !error && it != fs::recursive_directory_iterator();
         it.increment(error)) {
      const std::string relative = it->path().lexically_relative(root_).string();
      const std::string name = it->path().filename().string();
      if (it->is_directory(error) && (name.starts_with('.') || name == "node_modules")) it.disable_recursion_pending();
      if (!it->is_regular_file(error) || name.starts_with('.') || name.ends_with('~') || relative == kProjectFile)
        continue;
      if (++seen > kFilesMax) break;
      const auto matches = [&](const std::string& pattern) {
        return path_matches(pattern.starts_with("./") ? pattern.substr(2) : pattern, relative);
      };
      if (std::ranges::any_of(include, matches) && !std::ranges::any_of(exclude, matches)) out.insert(relative);
    }
    return {out.begin(), out.end()};
  }

  // Not strict: a file that cannot be read, or whose fields are wrong, is left out.
  void load_resource(const std::string& file, Diagnostics& diagnostics, bool strict) {
    if (std::ranges::find(project_.files, file) != project_.files.end()) return;  // a workflow that is listed as well
    auto node = read_yaml(file, diagnostics);
    if (!node) return;
    const std::string kind = node->text("resource");
    if (std::ranges::find(kResourceKinds, kind) == kResourceKinds.end()) {
      const std::string what =
          kind.empty() ? "an autoloaded file needs 'resource'" : "resource '" + kind + "' is not supported";
      diagnostics.add(*node, "resource",
                      what + "; expected agent, tool, memory, model, schema, task or workflow" +
                          did_you_mean(kind, kResourceKinds));
      return;
    }
    if (!strict) {
      const ObjectKind& fields = kind == "agent"    ? kAgentFields
                                 : kind == "tool"   ? kToolFields
                                 : kind == "memory" ? kMemoryFields
                                 : kind == "model"  ? kModelFields
                                                    : kWorkflowFields;
      if (kind != "schema" && kind != "task") check_fields(*node, fields, "", diagnostics);
      if (!diagnostics.empty()) return;
    }
    if (kind == "workflow") {
      workflow_files_.push_back(*std::move(node));
    } else {
      put_on_shelf(kind, *std::move(node), "");
    }
  }

  void put_on_shelf(const std::string& kind, Node node, const std::string& path) {
    const std::string id = node.text("id");
    if (id.empty()) {
      if (kind == "schema") return diagnostics_.add(node, path, "a schema needs 'id'");
      return;  // its own check says so
    }
    auto& shelf = shelf_.by_kind[kind];
    if (auto found = shelf.find(id); found != shelf.end()) {
      return diagnostics_.add(
          node, path,
          kind + " '" + id + "' is defined twice; the first is in " + found->second.mark.location().to_string());
    }
    shelf.emplace(id, std::move(node));
  }

  void fill_shelf() {
    for (auto [list, kind] :
         {std::pair{"tools", "tool"}, {"memories", "memory"}, {"agents", "agent"}, {"schemas", "schema"}}) {
      const Node* nodes = file_.find(list);
      if (nodes == nullptr || !nodes->is_list()) continue;
      for (size_t i = 0; i < nodes->items.size(); ++i)
        put_on_shelf(kind, nodes->items[i], std::string(list) + '[' + std::to_string(i) + ']');
    }
    shelf_.project = project_.name;
    shelf_.runtime = project_.runtime;
    shelf_.root = project_.root;
    shelf_.env = file_.json("env");
    const Node* config = file_.find("config");
    bool total_is_set = false;
    if (config != nullptr && check_fields(*config, kOptionsFields, "config", diagnostics_)) {
      apply_options(*config, shelf_.policy, total_is_set, shelf_.on_error, "config", diagnostics_);
      check_source_of_truth(*config, "config", diagnostics_);
    }
  }

  void expand() {
    const Node global = file_;
    const ReferenceScope resources{
        .local = &global, .global = &global, .resource = [this](std::string_view kind, std::string_view id) {
          return shelf_.find(kind, id);
        }};
    for (auto& [kind, shelf] : shelf_.by_kind) {
      if (kind == "schema") continue;
      for (auto& [id, node] : shelf) expand_references(node, resources, "", diagnostics_);
    }
    for (Node& workflow : workflow_files_) {
      const Node local = workflow;
      ReferenceScope scope = resources;
      scope.local = &local;
      expand_references(workflow, scope, "", diagnostics_);
    }
  }

  void build_models() {
    std::vector<std::pair<std::string, const Node*>> nodes;
    if (const Node* list = file_.find("models"); list != nullptr && list->is_list()) {
      for (size_t i = 0; i < list->items.size(); ++i)
        nodes.emplace_back("models[" + std::to_string(i) + ']', &list->items[i]);
    }
    if (auto shelf = shelf_.by_kind.find("model"); shelf != shelf_.by_kind.end()) {
      for (const auto& [id, node] : shelf->second) nodes.emplace_back("", &node);
    }
    std::optional<size_t> chosen;
    std::set<std::string> ids;
    for (const auto& [path, node] : nodes) {
      project_.models.push_back(build_model(*node, path, diagnostics_));
      const std::string& id = project_.models.back().id;
      if (!id.empty() && !ids.insert(id).second)
        diagnostics_.add(*node, path + ".id", "model '" + id + "' is defined twice");
      if (!node->json("default").bool_or(false)) continue;
      if (chosen) diagnostics_.add(*node, path + ".default", "a project has at most one default model");
      chosen = project_.models.size() - 1;
    }
    if (!chosen && project_.models.size() == 1) chosen = 0;
    shelf_.models = project_.models;
    if (chosen) shelf_.default_model = &shelf_.models[*chosen];
  }

  void build() {
    build_models();
    if (auto memories = shelf_.by_kind.find("memory"); memories != shelf_.by_kind.end()) {
      for (const auto& [id, node] : memories->second) project_.memories.push_back(build_memory(node, "", diagnostics_));
    }
    std::map<std::string, std::string> signals;
    std::map<std::string, std::string> slugs;
    for (const Node& file : workflow_files_) {
      Builder builder(file, shelf_, diagnostics_);
      Workflow workflow = builder.build();
      child_runs_.insert(child_runs_.end(), builder.child_runs().begin(), builder.child_runs().end());
      if (const Workflow* other = project_.find_workflow(workflow.id); other != nullptr && !workflow.id.empty()) {
        diagnostics_.add(file, "id", "workflow '" + workflow.id + "' is defined twice in this project");
      }
      for (const Trigger& trigger : workflow.triggers) {
        for (const Webhook& webhook : trigger.webhook) {
          const auto [found, is_new] = slugs.emplace(webhook.slug, workflow.id);
          if (!is_new) {
            diagnostics_.add(
                trigger_node(file, workflow, trigger), "triggers",
                "the slug '" + webhook.slug + "' belongs to a webhook of the workflow '" + found->second + "'");
          }
        }
        if (trigger.name.empty()) continue;
        auto [found, is_new] = signals.emplace(trigger.name, workflow.id);
        if (!is_new) {
          diagnostics_.add(trigger_node(file, workflow, trigger), "triggers",
                           "signal '" + trigger.name + "' already starts the workflow '" + found->second + "'");
        }
      }
      project_.workflows.push_back(std::move(workflow));
    }
    build_direct_agents();
    build_direct_tasks();
    check_child_runs();
    check_unused_resources();
    if (workflow_files_.empty() && diagnostics_.empty()) {
      diagnostics_.add(file_, "workflows", "the project has no workflow");
    }
  }

  // Where a trigger stands; each of the file's triggers is one of the workflow's.
  static const Node& trigger_node(const Node& file, const Workflow& workflow, const Trigger& trigger) {
    const auto position = static_cast<size_t>(&trigger - workflow.triggers.data());
    const Node* triggers = file.find("triggers");
    return triggers != nullptr && position < triggers->items.size() ? triggers->items[position] : file;
  }

  void check_child_runs() {
    std::vector<std::string> ids;
    for (const Workflow& workflow : project_.workflows) ids.push_back(workflow.id);
    for (const ChildRunUse& use : child_runs_) {
      if (std::ranges::find(ids, use.workflow) != ids.end()) continue;
      diagnostics_.add(use.mark, use.field,
                       "there is no workflow '" + use.workflow + "'" + did_you_mean(use.workflow, ids));
    }
  }

  // `file` with one task that asks the agent. What is wrong with it is reported where the agent stands.
  void build_direct_agent(Node file, const std::string& workflow, const std::string& agent) {
    const auto text = [](std::string value) {
      Node node;
      node.scalar = std::move(value);
      return node;
    };
    Node task;
    task.shape = Node::Shape::map;
    task.set("id", text(agent));
    task.set("agent", text(agent));
    task.set("prompt", text("-"));
    Node tasks;
    tasks.shape = Node::Shape::list;
    tasks.items.push_back(std::move(task));
    std::erase_if(file.members, [](const Node::Member& member) {
      constexpr std::array<std::string_view, 5> kKept{"id", "schemas", "config", "agents", "tools"};
      return std::ranges::find(kKept, member.name) == kKept.end();
    });
    if (file.find("id") == nullptr) file.set("id", text(agent));
    file.set("tasks", std::move(tasks));
    Diagnostics unused;
    DirectBase base{.workflow = workflow, .definition = Builder(file, shelf_, unused).build()};
    if (base.definition.tasks.empty() || base.definition.find_agent(agent) == nullptr) return;
    std::erase_if(base.definition.agents, [&](const Agent& other) { return other.id != agent; });
    project_.agents.push_back(std::move(base));
  }

  void build_direct_agents() {
    if (!diagnostics_.empty()) return;
    for (const auto& [id, node] : shelf_.by_kind["agent"]) {
      Node file;
      file.shape = Node::Shape::map;
      build_direct_agent(std::move(file), "", id);
    }
    for (const Node& file : workflow_files_) {
      const Node* agents = file.find("agents");
      if (agents == nullptr || !agents->is_list()) continue;
      for (const Node& agent : agents->items) {
        if (agent.is_map()) build_direct_agent(file, file.text("id"), agent.text("id"));
      }
    }
  }

  void build_direct_tasks() {
    for (const auto& [id, node] : shelf_.by_kind["task"]) {
      Node tasks;
      tasks.shape = Node::Shape::list;
      tasks.mark = node.mark;
      tasks.items.push_back(node);
      Node file;
      file.shape = Node::Shape::map;
      file.mark = node.mark;
      file.set("id", *node.find("id"));
      file.set("tasks", std::move(tasks));
      Diagnostics of_task;
      Builder builder(file, shelf_, of_task);
      DirectBase base{.workflow = {}, .definition = builder.build()};
      if (!of_task.empty()) {
        for (Error& error : std::move(of_task).take()) {
          if (error.field.starts_with("tasks[0].")) error.field.erase(0, 9);  // it stands alone in its file
          strict_ ? diagnostics_.add(std::move(error)) : project_.skipped.push_back(std::move(error));
        }
        continue;
      }
      child_runs_.insert(child_runs_.end(), builder.child_runs().begin(), builder.child_runs().end());
      if (!base.definition.tasks.empty()) project_.tasks.push_back(std::move(base));
    }
  }

  // A broken part that no workflow uses yet is reported all the same.
  void check_unused_resources() {
    for (const std::string kind : {"agent", "tool", "schema"}) {
      auto shelf = shelf_.by_kind.find(kind);
      if (shelf == shelf_.by_kind.end()) continue;
      for (const auto& [id, node] : shelf->second) {
        const bool used = kind != "schema" && std::ranges::any_of(project_.workflows, [&](const Workflow& workflow) {
                            return workflow.find_agent(id) != nullptr || workflow.find_tool(id) != nullptr;
                          });
        if (!used) Builder(file_, shelf_, diagnostics_).check_alone(kind, node);
      }
    }
  }

  std::string given_;
  fs::path root_;
  Diagnostics diagnostics_;
  Node file_;
  std::vector<Node> workflow_files_;
  Shelf shelf_;
  bool strict_ = true;  // of autoload
  std::vector<ChildRunUse> child_runs_;
  Project project_;
};

}  // namespace

const Workflow* Project::find_workflow(std::string_view id) const {
  auto found = std::ranges::find(workflows, id, [](const Workflow& workflow) { return std::string_view(workflow.id); });
  return found == workflows.end() ? nullptr : &*found;
}

std::expected<Project, std::vector<Error>> load_project(const std::string& path) { return Loader(path).run(); }

std::string describe(const std::vector<Error>& errors) {
  std::string out;
  for (const Error& error : errors) out += error.to_string() + '\n';
  return out;
}

}  // namespace compozy::project
