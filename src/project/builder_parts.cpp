// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>

#include "base/article.hpp"
#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "project/builder.hpp"
#include "project/builtin_tools.hpp"
#include "project/model_params.hpp"

namespace compozy::project {
namespace {

constexpr std::array<std::string_view, 2> kProviders{"openai", "mock"};
constexpr std::array<std::string_view, 3> kMemoryTypes{"token_based", "message_count_based", "buffer"};
// Speak the chat-completions protocol, so `provider: openai` with their `api_url` reaches them.
constexpr std::array<std::string_view, 6> kCompatible{"groq", "ollama", "deepseek", "xai", "cerebras", "openrouter"};
constexpr std::array<std::string_view, 6> kScriptSuffixes{".ts", ".js", ".mjs", ".cjs", ".mts", ".cts"};

template <size_t N>
void check_names(const Node& map, const std::array<std::string_view, N>& known, std::string_view what,
                 const std::string& path, Diagnostics& diagnostics) {
  for (const Node::Member& member : map.members) {
    if (std::ranges::find(known, member.name) != known.end()) continue;
    diagnostics.add(member.value, path,
                    "unknown " + std::string(what) + " '" + member.name + "'" + did_you_mean(member.name, known));
  }
}

void check_params(const Node& params, const std::string& provider, const std::string& path, Diagnostics& diagnostics) {
  if (provider == "openai") {
    check_fields(params, kModelParamsFields, path, diagnostics);
    return;
  }
  if (provider != "mock") return;
  check_names(params, kMockParams, "parameter", path, diagnostics);
  const Node* rules = params.find("rules");
  if (rules == nullptr) return;
  std::vector<TaskUse> unused;
  for (size_t i = 0; i < rules->items.size(); ++i) {
    const std::string where = path + ".rules[" + std::to_string(i) + ']';
    check_names(rules->items[i], kMockRuleFields, "field of a rule", where, diagnostics);
    check_templates(rules->items[i], where, diagnostics, unused);
  }
}

void check_provider(const Node& node, const std::string& provider, const std::string& path, Diagnostics& diagnostics) {
  if (std::ranges::find(kProviders, provider) != kProviders.end()) return;
  const bool compatible = std::ranges::find(kCompatible, provider) != kCompatible.end();
  std::string message = "provider '" + provider + "' is not supported";
  message += compatible
                 ? "; write 'provider: openai' with its OpenAI-compatible address as 'api_url'"
                 : did_you_mean(provider, kProviders) + "; expected 'openai' (any OpenAI-compatible URL) or 'mock'";
  const Node* at = node.find("provider");
  diagnostics.add(at != nullptr ? *at : node, path + ".provider", std::move(message), Errc::unsupported);
}

bool is_tool_id(std::string_view id) {
  return is_plain_name(id, "-./:") && !id.starts_with('/') && id.find("..") == std::string_view::npos;
}

// What a tool's process would take as an order to load or run something else.
constexpr std::array<std::string_view, 6> kUnsafeNames{"LD_PRELOAD",        "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES",
                                                       "DYLD_LIBRARY_PATH", "NODE_OPTIONS",    "BUN_CONFIG_PROFILE"};

void check_tool_env(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  const Node* env = node.find("env");
  if (env == nullptr) return;
  for (const Node::Member& member : env->members) {
    const bool good = std::ranges::all_of(
        member.name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
    if (!good || member.name.empty()) {
      diagnostics.add(member.value, path + ".env",
                      "'" + member.name + "' is no name; expected capitals, digits and '_'");
    } else if (std::ranges::find(kUnsafeNames, member.name) != kUnsafeNames.end()) {
      diagnostics.add(member.value, path + ".env", "'" + member.name + "' would change what the tool's process loads");
    } else if (member.value.shape != Node::Shape::scalar) {
      diagnostics.add(member.value, path + ".env." + member.name,
                      "expected a text, not " + with_article(member.value.kind_name()));
    }
  }
}

}  // namespace

ModelConfig build_model(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  ModelConfig out;
  if (!check_fields(node, kModelFields, path, diagnostics)) return out;
  out.id = node.text("id");
  out.provider = node.text("provider");
  out.model = node.find("model") != nullptr ? scalar_text(*node.find("model")) : "";
  out.api_key = node.text("api_key");
  out.api_url = node.text("api_url");
  out.organization = node.text("organization");
  out.max_tool_iterations = integer_of(node, "max_tool_iterations", 0);
  out.context_window = integer_of(node, "context_window", 0);
  out.rate_limit = node.json("rate_limit");
  if (const Node* rate = node.find("rate_limit"))
    check_fields(*rate, kModelRateFields, path + ".rate_limit", diagnostics);
  out.params = node.json("params");
  if (!out.provider.empty()) check_provider(node, out.provider, path, diagnostics);
  if (const Node* params = node.find("params")) check_params(*params, out.provider, path + ".params", diagnostics);
  std::vector<TaskUse> unused;
  for (const char* field : {"api_key", "api_url", "organization"}) {
    if (const Node* text = node.find(field)) check_templates(*text, path + '.' + field, diagnostics, unused);
  }
  return out;
}

Memory build_memory(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  Memory out;
  if (!check_fields(node, kMemoryFields, path, diagnostics)) return out;
  out.id = node.text("id");
  out.type = node.text("type");
  out.description = node.text("description");
  out.default_key_template = node.text("default_key_template");
  out.max_tokens = integer_of(node, "max_tokens", 0);
  out.max_messages = integer_of(node, "max_messages", 0);
  if (!out.type.empty() && std::ranges::find(kMemoryTypes, out.type) == kMemoryTypes.end()) {
    diagnostics.add(*node.find("type"), path + ".type",
                    "unknown memory type '" + out.type + "'" + did_you_mean(out.type, kMemoryTypes));
  }
  if (out.type == "token_based" && out.max_tokens == 0)
    diagnostics.add(node, path, "a token_based memory needs 'max_tokens'");
  if (out.type == "message_count_based" && out.max_messages == 0) {
    diagnostics.add(node, path, "a message_count_based memory needs 'max_messages'");
  }
  const Node* persistence = node.find("persistence");
  if (persistence != nullptr && check_fields(*persistence, kPersistenceFields, path + ".persistence", diagnostics)) {
    const std::string type = persistence->text("type");
    if (!type.empty() && type != "redis") {
      diagnostics.add(*persistence, path + ".persistence.type", "only 'redis' is supported; standalone mode embeds it",
                      Errc::unsupported);
    }
    out.ttl_ms = duration_of(*persistence, "ttl");
  }
  std::vector<TaskUse> unused;
  if (const Node* key = node.find("default_key_template"))
    check_templates(*key, path + ".default_key_template", diagnostics, unused);
  return out;
}

const Node* Builder::own(std::string_view list, std::string_view id) const {
  const Node* nodes = file_.find(list);
  if (nodes == nullptr) return nullptr;
  for (const Node& node : nodes->items) {
    if (node.is_map() && node.text("id") == id) return &node;
  }
  return nullptr;
}

std::vector<std::string> Builder::known_ids(std::string_view list, std::string_view kind) const {
  std::vector<std::string> out = shelf_.ids(kind);
  if (const Node* nodes = file_.find(list)) {
    for (const Node& node : nodes->items) {
      if (node.is_map()) out.push_back(node.text("id"));
    }
  }
  return out;
}

std::string Builder::use_agent(const Node& reference, const std::string& path, const std::string& generated_id) {
  const Node* node = &reference;
  std::string id = reference.is_text() ? reference.scalar.as_string() : reference.text("id");
  if (reference.is_text()) {
    if (workflow_.find_agent(id) != nullptr) return id;
    node = own("agents", id);
    if (node == nullptr) node = shelf_.find("agent", id);
    if (node == nullptr) {
      diagnostics_.add(reference, path, "unknown agent '" + id + "'" + did_you_mean(id, known_ids("agents", "agent")));
      return {};
    }
  } else if (!generated_id.empty()) {
    id = generated_id;
  }
  if (workflow_.find_agent(id) != nullptr) {
    // An agent that a task used before its turn in the list is built already.
    if (generated_id.empty() && own("agents", id) != &reference)
      diagnostics_.add(reference, path, "agent '" + id + "' is defined twice");
    return id;
  }
  const size_t first_use = uses_.size();
  Agent agent = build_agent(*node, path);
  agent.id = id;
  if (id.empty()) return {};
  const auto its_uses = uses_.begin() + static_cast<ptrdiff_t>(first_use);
  agent_uses_[id].assign(std::make_move_iterator(its_uses), std::make_move_iterator(uses_.end()));
  uses_.erase(its_uses, uses_.end());
  workflow_.agents.push_back(std::move(agent));
  return id;
}

ModelConfig Builder::model_of(const Node& owner, std::string_view field, const std::string& path) {
  const Node* node = owner.find(field);
  const std::string where = path + '.' + std::string(field);
  if (node != nullptr && node->is_map()) {
    Node merged = *node;
    if (merged.find("provider") == nullptr && shelf_.default_model != nullptr) {  // field by field over the default
      ModelConfig out = *shelf_.default_model;
      if (merged.find("model") != nullptr) out.model = merged.text("model");
      for (const Node::Member& member : node->members) {
        if (member.name != "params") continue;
        for (const Node::Member& param : member.value.members) out.params.set(param.name, param.value.json());
      }
      return out;
    }
    return build_model(merged, where, diagnostics_);
  }
  if (node != nullptr) {
    const std::string id = scalar_text(*node);
    std::vector<std::string> names;
    for (const ModelConfig& model : shelf_.models) {
      if (model.id == id || (model.id.empty() && model.model == id)) return model;
      names.push_back(model.id.empty() ? model.model : model.id);
    }
    diagnostics_.add(*node, where, "unknown model '" + id + "'" + did_you_mean(id, names));
    return {};
  }
  if (shelf_.default_model != nullptr) return *shelf_.default_model;
  diagnostics_.add(owner, path, "names no model, and the project has no default one; add 'models' to compozy.yaml");
  return {};
}

Action Builder::build_action(const Node& node, const std::string& path) {
  Action out;
  const size_t first_use = uses_.size();
  if (!check_fields(node, kActionFields, path, diagnostics_)) return out;
  out.id = node.text("id");
  if (const Node* prompt = node.find("prompt")) {
    out.prompt = scalar_text(*prompt);
    check_templates(*prompt, path + ".prompt", diagnostics_, uses_);
  }
  out.input_schema = schema_of(node, "input", path);
  out.output_schema = schema_of(node, "output", path);
  if (const Node* with = node.find("with")) check_templates(*with, path + ".with", diagnostics_, uses_);
  out.with = node.json("with");
  out.json_mode = node.json("json_mode").bool_or(false) || !out.output_schema.is_null();
  for (size_t i = first_use; i < uses_.size(); ++i) uses_[i].action = out.id;
  return out;
}

Agent Builder::build_agent(const Node& node, const std::string& path) {
  Agent out;
  if (!check_fields(node, kAgentFields, path, diagnostics_)) return out;
  out.id = node.text("id");
  if (const Node* instructions = node.find("instructions")) {
    out.instructions = scalar_text(*instructions);
    check_templates(*instructions, path + ".instructions", diagnostics_, uses_);
  }
  if (node.find("model") != nullptr && node.find("config") != nullptr)
    diagnostics_.add(*node.find("config"), path + ".config", "'model' is given as well; 'config' is its older name");
  out.model =
      model_of(node, node.find("model") == nullptr && node.find("config") != nullptr ? "config" : "model", path);
  if (const Node* actions = node.find("actions")) {
    for (size_t i = 0; i < actions->items.size(); ++i) {
      Action action = build_action(actions->items[i], path + ".actions[" + std::to_string(i) + ']');
      if (node.json("json_mode").bool_or(false)) action.json_mode = true;
      if (out.find_action(action.id) != nullptr)
        diagnostics_.add(actions->items[i], path, "action '" + action.id + "' is defined twice");
      out.actions.push_back(std::move(action));
    }
  }
  for (const char* field : {"with", "env"}) {
    if (const Node* map = node.find(field)) check_templates(*map, path + '.' + field, diagnostics_, uses_);
  }
  out.with = node.json("with");
  out.env = node.json("env");
  out.tools = use_tools(node, path);
  out.memory = use_memories(node, path);
  out.max_iterations = integer_of(node, "max_iterations", 0);
  return out;
}

std::vector<std::string> Builder::use_tools(const Node& owner, const std::string& path) {
  std::vector<std::string> out;
  const Node* tools = owner.find("tools");
  if (tools == nullptr || !tools->is_list()) return out;
  for (size_t i = 0; i < tools->items.size(); ++i) {
    std::string id = use_tool(tools->items[i], path + ".tools[" + std::to_string(i) + ']', "");
    if (!id.empty()) out.push_back(std::move(id));
  }
  return out;
}

std::string Builder::use_tool(const Node& reference, const std::string& path, const std::string& generated_id) {
  std::string id = reference.is_text() ? reference.scalar.as_string() : reference.text("id");
  if (has_builtin_prefix(id)) {
    if (reference.is_text() && is_builtin_tool(id)) return id;
    diagnostics_.add(reference, path,
                     reference.is_text() ? "no built-in tool '" + id + "'" + did_you_mean(id, kBuiltinTools)
                                         : "the prefix 'cp__' is reserved for built-in tools");
    return {};
  }
  const Node* node = &reference;
  if (reference.is_text()) {
    if (workflow_.find_tool(id) != nullptr) return id;
    node = own("tools", id);
    if (node == nullptr) node = shelf_.find("tool", id);
    if (node == nullptr) {
      auto names = known_ids("tools", "tool");
      names.insert(names.end(), kBuiltinTools.begin(), kBuiltinTools.end());
      diagnostics_.add(reference, path, "unknown tool '" + id + "'" + did_you_mean(id, names));
      return {};
    }
  } else if (id.empty()) {
    id = generated_id;
  }
  if (workflow_.find_tool(id) != nullptr) return id;
  Tool tool = build_tool(*node, path);
  tool.id = id;
  if (id.empty()) return {};
  workflow_.tools.push_back(std::move(tool));
  return id;
}

Tool Builder::build_tool(const Node& node, const std::string& path) {
  Tool out;
  if (!check_fields(node, kToolFields, path, diagnostics_)) return out;
  out.id = node.text("id");
  out.description = node.text("description");
  out.input_schema = schema_of(node, "input", path);
  out.output_schema = schema_of(node, "output", path);
  for (const char* field : {"with", "config", "env"}) {
    if (const Node* map = node.find(field)) check_templates(*map, path + '.' + field, diagnostics_, uses_);
  }
  out.with = node.json("with");
  out.config = node.json("config");
  out.env = node.json("env");
  check_tool_env(node, path, diagnostics_);
  if (!out.id.empty() && !is_tool_id(out.id)) {
    diagnostics_.add(*node.find("id"), path + ".id",
                     "'" + out.id + "' is no id of a tool; expected letters, digits, '_', '-', '.' and '/'");
  }
  out.timeout_ms = duration_of(node, "timeout");
  if (node.find("timeout") != nullptr && out.timeout_ms == 0)
    diagnostics_.add(*node.find("timeout"), path + ".timeout", "must be longer than nothing");
  if (const Node* args = node.find("args")) {
    for (const Node& arg : args->items) out.args.push_back(scalar_text(arg));
  }
  const Node* execute = node.find("execute");
  out.source = execute != nullptr ? scalar_text(*execute) : shelf_.runtime.entrypoint;
  if (out.source.empty()) {
    diagnostics_.add(node, path,
                     "tool '" + out.id +
                         "' has no 'execute' (a script or an executable), and the project's "
                         "'runtime' has no 'entrypoint'");
    return out;
  }
  const std::filesystem::path file(out.source);
  const bool is_script = std::ranges::find(kScriptSuffixes, file.extension().string()) != kScriptSuffixes.end();
  out.runtime = is_script ? ToolRuntime::script : ToolRuntime::executable;
  const bool escapes = file.is_absolute() || std::ranges::any_of(file, [](const auto& part) { return part == ".."; });
  const Node& at = execute != nullptr ? *execute : node;
  std::error_code ignored;
  if (escapes) {
    diagnostics_.add(at, path + ".execute", "'" + out.source + "' must be a path below the project's folder");
  } else if (!std::filesystem::is_regular_file(std::filesystem::path(shelf_.root) / file, ignored)) {
    diagnostics_.add(at, path + ".execute", "there is no file '" + out.source + "' in the project's folder");
  } else if (!is_script && ::access((std::filesystem::path(shelf_.root) / file).c_str(), X_OK) != 0) {
    diagnostics_.add(at, path + ".execute", "'" + out.source + "' may not be executed; `chmod +x` it");
  }
  if (is_script && !out.args.empty())
    diagnostics_.add(at, path + ".args", "only an executable takes 'args'; use 'config' for a script");
  return out;
}

std::string Builder::use_memory(const Node& reference, const std::string& path) {
  std::string id = scalar_text(reference);
  if (workflow_.find_memory(id) != nullptr) return id;
  const Node* node = shelf_.find("memory", id);
  if (node == nullptr) {
    diagnostics_.add(reference, path, "unknown memory '" + id + "'" + did_you_mean(id, shelf_.ids("memory")));
    return {};
  }
  Diagnostics already_reported;
  workflow_.memories.push_back(build_memory(*node, path, already_reported));
  return id;
}

std::vector<MemoryRef> Builder::use_memories(const Node& owner, const std::string& path) {
  std::vector<MemoryRef> out;
  const Node* memory = owner.find("memory");
  if (memory == nullptr) return out;
  std::vector<Node> references = memory->is_list() ? memory->items : std::vector<Node>{*memory};
  for (size_t i = 0; i < references.size(); ++i) {
    const Node& reference = references[i];
    const std::string where = path + ".memory[" + std::to_string(i) + ']';
    MemoryRef ref;
    const Node* id = &reference;
    if (!reference.is_text()) {
      if (!check_fields(reference, kMemoryRefFields, where, diagnostics_)) continue;
      id = reference.find("id");
      if (id == nullptr) continue;
      if (const Node* key = reference.find("key")) check_templates(*key, where + ".key", diagnostics_, uses_);
      ref.key = reference.find("key") != nullptr ? scalar_text(*reference.find("key")) : "";
      const std::string mode = reference.text("mode");
      ref.read_only = mode == "read-only";
      if (!mode.empty() && mode != "read-only" && mode != "read-write") {
        diagnostics_.add(*reference.find("mode"), where + ".mode", "expected 'read-write' or 'read-only'");
      }
    }
    ref.id = use_memory(*id, where);
    if (ref.id.empty()) continue;
    if (ref.key.empty()) ref.key = workflow_.find_memory(ref.id)->default_key_template;
    if (ref.key.empty())
      diagnostics_.add(reference, where, "needs 'key': memory '" + ref.id + "' has no 'default_key_template'");
    out.push_back(std::move(ref));
  }
  return out;
}

}  // namespace compozy::project
