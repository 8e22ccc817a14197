// SPDX-License-Identifier: Apache-2.0
#include "expression/template/run.hpp"

#include <memory>
#include <utility>

#include "base/article.hpp"
#include "base/text.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/secret.hpp"
#include "expression/task_output.hpp"
#include "json/extent.hpp"
#include "json/parse.hpp"

namespace compozy::expression {
namespace {

constexpr size_t kCallDepthMax = 100;

// A value, or the reason why a path has none. The reason becomes an error when something needs the value.
struct Found {
  json::Value value;
  std::shared_ptr<const Error> missing;
};

enum class Flow : uint8_t { next, leave, proceed };

class Runner {
 public:
  Runner(const Template::Code& code, const Environment& environment)
      : code_(code), environment_(environment), scope_(environment) {}

  Result<std::string> render(const json::Value& context) {
    std::string out;
    variables_ = {context};
    TRY(walk(code_.body, context, out));
    return out;
  }

  Result<json::Value> value_of(const Pipe& pipe, const json::Value& context) {
    variables_ = {context};
    TRY(Found found, run(pipe, context));
    return need(std::move(found));
  }

 private:
  Failure refuse(uint32_t offset, Errc code, std::string message) const {
    return fail(Error{.code = code, .message = std::move(message)}.at(template_location(code_.text, offset)));
  }
  Result<void> step(uint32_t offset, size_t count = 1) {
    steps_ += count;
    if (!environment_.spend(count)) return refuse(offset, Errc::limit_exceeded, std::string(kTogetherTooMany));
    if (steps_ <= environment_.steps_max) return {};
    return refuse(offset, Errc::limit_exceeded,
                  "a template may take " + std::to_string(environment_.steps_max) + " steps; this one takes more");
  }
  static Result<json::Value> need(Found found) {
    if (found.missing) return fail(Error(*found.missing));
    return std::move(found.value);
  }

  Result<Flow> walk(const std::vector<Node>& nodes, const json::Value& dot, std::string& out) {
    for (const Node& node : nodes) {
      TRY(Flow flow, visit(node, dot, out));
      if (flow != Flow::next) return flow;
      if (out.size() > environment_.output_max) {
        return refuse(node.offset, Errc::too_large,
                      "the text grows beyond " + std::to_string(environment_.output_max) + " bytes");
      }
    }
    return Flow::next;
  }

  Result<Flow> visit(const Node& node, const json::Value& dot, std::string& out) {
    TRY(step(node.offset));
    switch (node.kind) {
      case Node::Kind::text: out += node.text; return Flow::next;
      case Node::Kind::leave: return Flow::leave;
      case Node::Kind::proceed: return Flow::proceed;
      case Node::Kind::range: return range(node, dot, out);
      case Node::Kind::call: return call(node, dot, out);
      case Node::Kind::action: {
        TRY(Found found, run(*node.pipe, dot));
        if (!node.pipe->variables.empty()) return Flow::next;
        TRY(json::Value value, need(std::move(found)));
        append_go_value(out, value);
        return Flow::next;
      }
      case Node::Kind::condition:
      case Node::Kind::with: {
        TRY(Found found, run(*node.pipe, dot));
        if (found.missing || !is_truthy(found.value)) return walk(node.otherwise, dot, out);
        return walk(node.body, node.kind == Node::Kind::with ? found.value : dot, out);
      }
    }
    return Flow::next;
  }

  Result<Flow> call(const Node& node, const json::Value& dot, std::string& out) {
    json::Value argument;
    if (node.pipe) {
      TRY(Found found, run(*node.pipe, dot));
      TRY(argument, need(std::move(found)));
    }
    if (++call_depth_ > kCallDepthMax) {
      return refuse(node.offset, Errc::limit_exceeded,
                    "templates call each other deeper than " + std::to_string(kCallDepthMax));
    }
    std::vector<json::Value> inner{argument};
    std::swap(variables_, inner);
    auto flow = walk(code_.definitions.find(node.text)->second, argument, out);
    std::swap(variables_, inner);
    --call_depth_;
    if (!flow) return fail(std::move(flow).error());
    return Flow::next;
  }

  // One round of a loop; false ends it.
  Result<bool> round(const Node& node, const json::Value& key, const json::Value& item, std::string& out) {
    TRY(step(node.offset));
    const auto& slots = node.pipe->variables;
    if (slots.size() == 1) assign(slots[0], item);
    if (slots.size() == 2) {
      assign(slots[0], key);
      assign(slots[1], item);
    }
    TRY(Flow flow, walk(node.body, item, out));
    return flow != Flow::leave;
  }

  Result<Flow> range(const Node& node, const json::Value& dot, std::string& out) {
    TRY(Found found, run(*node.pipe, dot));
    TRY(json::Value over, need(std::move(found)));
    if (over.is_integer()) {
      for (int64_t i = 0; i < over.as_integer(); ++i) {
        TRY(bool more, round(node, i, i, out));
        if (!more) break;
      }
      if (over.as_integer() > 0) return Flow::next;
    } else if (over.is_array()) {
      int64_t index = 0;
      for (const json::Value& item : over.as_array()) {
        TRY(bool more, round(node, index++, item, out));
        if (!more) break;
      }
      if (index > 0) return Flow::next;
    } else if (over.is_object()) {
      for (std::string_view name : over.as_object().sorted_names()) {
        TRY(bool more, round(node, name, over[name], out));
        if (!more) break;
      }
      if (!over.as_object().empty()) return Flow::next;
    } else if (!over.is_null()) {
      return refuse(node.pipe->offset, Errc::type_mismatch,
                    "range needs a list, a map or an integer, not " + with_article(json::kind_name(over.kind())));
    }
    return walk(node.otherwise, dot, out);
  }

  void assign(uint32_t slot, json::Value value) {
    if (variables_.size() <= slot) variables_.resize(slot + 1);
    variables_[slot] = std::move(value);
  }

  Result<Found> run(const Pipe& pipe, const json::Value& dot) {
    Found value;
    bool piped = false;
    for (const Command& command : pipe.commands) {
      TRY(value, run(command, dot, piped ? &value : nullptr));
      piped = true;
    }
    if (pipe.variables.empty()) return value;
    TRY(json::Value kept, need(value));
    for (uint32_t slot : pipe.variables) assign(slot, kept);
    return value;
  }

  Result<Found> run(const Command& command, const json::Value& dot, const Found* piped) {
    const Operand& first = command.operands.front();
    TRY(step(first.offset));
    if (first.base != Operand::Base::function || !first.fields.empty()) return operand(first, dot);
    if (first.name == "and" || first.name == "or") return short_circuit(command, dot, piped);
    std::vector<json::Value> args;
    args.reserve(command.operands.size());
    const Function& function = *first.function;
    const auto push = [&](Found found) -> Result<void> {
      if (found.missing && (function.traits & kLenient) == 0) return fail(Error(*found.missing));
      args.push_back(std::move(found.value));
      return {};
    };
    for (size_t i = 1; i < command.operands.size(); ++i) {
      TRY(Found found, operand(command.operands[i], dot));
      TRY(push(std::move(found)));
    }
    if (piped != nullptr) {
      TRY(push(*piped));
    }
    look_beside_output(command, dot, args);
    TRY(json::Value result, invoke(first, args));
    const bool into_variable = command.operands.size() > 1 && command.operands[1].base == Operand::Base::variable &&
                               command.operands[1].slot != 0 && command.operands[1].fields.empty();
    if ((function.traits & kMutates) != 0 && into_variable) assign(command.operands[1].slot, result);
    return Found{.value = std::move(result)};
  }

  Result<Found> short_circuit(const Command& command, const json::Value& dot, const Found* piped) {
    const bool is_or = command.operands.front().name == "or";
    Found found;
    if (command.operands.size() == 1 && piped == nullptr) {
      return refuse(command.operands.front().offset, Errc::invalid_argument,
                    "function '" + command.operands.front().name + "' needs at least 1 argument");
    }
    for (size_t i = 1; i < command.operands.size(); ++i) {
      TRY(found, operand(command.operands[i], dot));
      if ((!found.missing && is_truthy(found.value)) == is_or) return found;
    }
    return piped != nullptr ? *piped : found;
  }

  Result<json::Value> invoke(const Operand& name, Args args) {
    const Function& function = *name.function;
    const auto count = static_cast<int>(args.size());
    if (count < function.min_args || (function.max_args != kAnyNumber && count > function.max_args)) {
      const bool exact = function.min_args == function.max_args;
      return refuse(name.offset, Errc::invalid_argument,
                    "function '" + name.name + "' takes " + (exact ? "" : "at least ") +
                        std::to_string(function.min_args) + " argument(s), here are " + std::to_string(count));
    }
    if ((function.traits & kOpaque) == 0) {
      TRY(check_opaque(name, args));
    }
    const bool counts = (function.traits & kPart) == 0;
    if (counts) {
      for (const json::Value& arg : args) TRY(step(name.offset, json::extent_of(arg).weight / kStepWeight));
    }
    auto result = function.call(scope_, args);
    if (result) {
      if (counts) TRY(account(name, *result));
      return result;
    }
    Error error = std::move(result).error();
    error.message = "function '" + name.name + "': " + error.message;
    return fail(std::move(error).at(template_location(code_.text, name.offset)));
  }

  // What a function made is bounded here, so that what looks at it later is bounded too.
  Result<void> account(const Operand& name, const json::Value& result) {
    const json::Extent extent = json::extent_of(result);
    TRY(step(name.offset, extent.weight / kStepWeight));
    if (auto fits = json::check_extent(extent); !fits) {
      return refuse(name.offset, fits.error().code, "function '" + name.name + "': " + fits.error().message);
    }
    return {};
  }

  Result<void> check_opaque(const Operand& name, Args args) const {
    const auto is_secret = [](const json::Value& value) {
      return value.is_string() && contains_secret(std::string_view(value.as_string()));
    };
    for (const json::Value& arg : args) {
      bool secret = is_secret(arg);
      if ((name.function->traits & kElements) != 0) secret = secret || contains_secret(arg);
      if (secret) {
        return refuse(
            name.offset, Errc::permission_denied,
            "function '" + name.name + "' would look inside a secret; a value of .env may only be passed on whole");
      }
    }
    return {};
  }

  Result<Found> operand(const Operand& operand, const json::Value& dot) {
    Found base;
    switch (operand.base) {
      case Operand::Base::dot: base.value = dot; break;
      case Operand::Base::nil: break;
      case Operand::Base::constant: base.value = operand.constant; break;
      case Operand::Base::variable:
        if (operand.slot < variables_.size()) base.value = variables_[operand.slot];
        break;
      case Operand::Base::pipe: {
        TRY(base, run(*operand.pipe, dot));
        break;
      }
      case Operand::Base::function: {
        if (operand.name == "and" || operand.name == "or") {
          return refuse(operand.offset, Errc::invalid_argument, "function '" + operand.name + "' needs arguments");
        }
        TRY(base.value, invoke(operand, {}));
        break;
      }
    }
    return follow(operand, std::move(base));
  }

  Failure no_field(const Operand& operand, const json::Value& holder, const std::string& path,
                   const std::string& field) const {
    return refuse(
        operand.offset, Errc::type_mismatch,
        "'" + path + "' is " + with_article(json::kind_name(holder.kind())) + " and has no field '" + field + "'");
  }

  Result<Found> follow(const Operand& operand, Found base) const {
    if (base.missing || operand.fields.empty()) return base;
    std::string path = operand.base == Operand::Base::variable ? operand.name
                       : operand.base == Operand::Base::pipe   ? "(...)"
                                                               : operand.name;
    json::Value task;  // what `.tasks.<id>` holds
    for (size_t i = 0; i < operand.fields.size(); ++i) {
      const std::string& field = operand.fields[i];
      const json::Value& holder = base.value;
      const json::Value* next = nullptr;
      int64_t index = 0;
      if (holder.is_object()) {
        next = holder.find(field);
      } else if (holder.is_array() && parse_int64(field, index)) {
        if (index >= 0 && index < static_cast<int64_t>(holder.size()))
          next = &holder.as_array()[static_cast<size_t>(index)];
      } else if (!holder.is_null()) {
        return no_field(operand, holder, path, field);
      }
      if (next == nullptr && i == kOutputDepth && names_output(operand)) next = beside_output(task, field);
      if (next == nullptr) return Found{.missing = missing(operand, holder, path, field)};
      if (i + 2 == kOutputDepth) task = json::Value(*next);
      path.append(1, '.').append(field);
      base.value = json::Value(*next);
    }
    return base;
  }

  // `.tasks.<id>.output`, and perhaps more.
  static constexpr size_t kOutputDepth = 3;
  static bool names_output(const Operand& operand) {
    return operand.of_context && operand.fields.size() >= kOutputDepth && operand.fields[0] == "tasks" &&
           operand.fields[2] == "output";
  }

  // `index .tasks.<id>.output "child"`: as if the output had that name.
  void look_beside_output(const Command& command, const json::Value& dot, std::vector<json::Value>& args) const {
    const std::string& name = command.operands.front().name;
    if (args.size() < 2 || command.operands.size() < 2 || (name != "index" && name != "get" && name != "hasKey"))
      return;
    const Operand& output = command.operands[1];
    const bool has_it = args[0].is_object() && args[1].is_string() && args[0].find(args[1].as_string()) != nullptr;
    if (!args[1].is_string() || has_it || output.fields.size() != kOutputDepth || !names_output(output)) return;
    const json::Value& context = output.base == Operand::Base::dot ? dot : variables_.front();
    const json::Value task = context["tasks"][output.fields[1]];
    if (const json::Value* found = beside_output(task, args[1].as_string()))
      args[0] = json::Value::object({{args[1].as_string(), *found}});
  }

  static constexpr size_t kNamesShown = 8;

  template <class Names>
  static std::string in_it(const Names& names) {
    if (names.empty()) return ", which is empty";
    std::string text;
    for (const auto& name : names) text.append(text.empty() ? ", which has '" : ", '").append(name).append("'");
    return text;
  }

  std::shared_ptr<const Error> missing(const Operand& operand, const json::Value& holder, const std::string& path,
                                       const std::string& field) const {
    const std::string where = path.empty() ? "the context" : "'" + path + "'";
    std::string message = "'" + path + '.' + field + "' does not exist: ";
    if (holder.is_object()) {
      const auto names = holder.as_object().sorted_names();
      const std::string near = did_you_mean(field, names);
      message += "no key '" + field + "' in " + where + near;
      if (path == ".env") {
        message += "; neither 'env' nor the host's environment has it";
      } else if (near.empty() && names.size() <= kNamesShown) {
        message += in_it(names);
      }
    } else if (holder.is_array()) {
      message += where + " has " + std::to_string(holder.size()) + " element(s)";
    } else {
      message += where + " is null";
    }
    return std::make_shared<const Error>(Error{.code = Errc::not_found, .message = std::move(message)}.at(
        template_location(code_.text, operand.offset)));
  }

  const Template::Code& code_;
  const Environment& environment_;
  CallScope scope_;
  std::vector<json::Value> variables_;
  size_t steps_ = 0;
  size_t call_depth_ = 0;
};

// Text that looks like a JSON object or list becomes one.
json::Value maybe_json(std::string text) {
  const std::string_view trimmed = trim(text);
  if ((!trimmed.starts_with('{') && !trimmed.starts_with('[')) || has_escaped_secret_mark(trimmed)) return text;
  auto parsed = json::parse(trimmed);
  if (!parsed) return text;
  return *std::move(parsed);
}

bool is_plain_path(const Pipe& pipe) {
  return pipe.commands.size() == 1 && pipe.commands[0].operands.size() == 1 &&
         (pipe.commands[0].operands[0].base == Operand::Base::dot ||
          pipe.commands[0].operands[0].base == Operand::Base::variable);
}

}  // namespace

Result<std::string> render_code(const Template::Code& code, const json::Value& context,
                                const Environment& environment) {
  return Runner(code, environment).render(context);
}

Result<json::Value> evaluate_code(const Template::Code& code, const json::Value& context,
                                  const Environment& environment) {
  const bool one_pipeline =
      code.body.size() == 1 && code.body[0].kind == Node::Kind::action && code.body[0].pipe->variables.empty();
  if (!one_pipeline) {
    TRY(std::string text, render_code(code, context, environment));
    return maybe_json(std::move(text));
  }
  const Pipe& pipe = *code.body[0].pipe;
  TRY(json::Value value, Runner(code, environment).value_of(pipe, context));
  if (value.is_string() && !is_plain_path(pipe)) return maybe_json(value.as_string());
  return value;
}

}  // namespace compozy::expression
