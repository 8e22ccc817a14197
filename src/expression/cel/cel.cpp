// SPDX-License-Identifier: Apache-2.0
#include "expression/cel/cel.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/article.hpp"
#include "expression/cel/node.hpp"
#include "expression/recent.hpp"
#include "expression/task_output.hpp"

namespace compozy::expression {
namespace {

class Runner {
 public:
  Runner(std::string_view text, const json::Value& context, const Environment& environment)
      : text_(text), context_(context), environment_(environment) {}

  Result<CelValue> run(const CelNode& node) {
    TRY(step(node));
    switch (node.kind) {
      case CelNode::Kind::literal: return node.literal;
      case CelNode::Kind::name: return name(node);
      case CelNode::Kind::select: return select(node);
      case CelNode::Kind::has: return has(node);
      case CelNode::Kind::index: return index(node);
      case CelNode::Kind::call: return call(node);
      case CelNode::Kind::list: return list(node);
      case CelNode::Kind::map: return map(node);
      case CelNode::Kind::condition: return condition(node);
      case CelNode::Kind::both: return logical(node, false);
      case CelNode::Kind::either: return logical(node, true);
      case CelNode::Kind::macro: return macro(node);
    }
    return CelValue();
  }

 private:
  Failure refuse(const CelNode& node, Error error) const {
    if (!error.where.known()) error.where = cel_location(text_, node.offset);
    return fail(std::move(error));
  }

  Result<void> step(const CelNode& node, size_t count = 1) {
    steps_ += count;
    if (!environment_.spend(count)) {
      return refuse(node, Error{.code = Errc::limit_exceeded, .message = std::string(kTogetherTooMany)});
    }
    if (steps_ <= environment_.steps_max) return {};
    return refuse(node, Error{.code = Errc::limit_exceeded,
                              .message = "an expression may take " + std::to_string(environment_.steps_max) +
                                         " steps; this one takes more"});
  }

  // What a node made is bounded here, so that what looks at it later is bounded too.
  Result<CelValue> accounted(const CelNode& node, CelValue made) {
    const json::Extent extent = cel_extent(made);
    TRY(step(node, extent.weight / kStepWeight));
    if (!extent.too_deep && extent.weight <= json::kValueWeightMax) return made;
    return refuse(node, Error{.code = Errc::too_large, .message = "the list or map grows too large or nests too deep"});
  }

  CelValue name(const CelNode& node) const {
    for (size_t i = locals_.size(); i-- > 0;) {
      if (*locals_[i].first == node.name) return locals_[i].second;
    }
    return CelValue(json::Value(context_[node.name]));
  }

  Result<std::vector<CelValue>> arguments(const CelNode& node) {
    std::vector<CelValue> out;
    out.reserve(node.args.size());
    for (const CelNodePtr& arg : node.args) {
      TRY(CelValue value, run(*arg));
      out.push_back(std::move(value));
    }
    return out;
  }

  Result<CelValue> select(const CelNode& node) {
    TRY(CelValue base, run(*node.args[0]));
    if (!is_cel_map(base)) {
      return refuse(node, Error{.code = Errc::type_mismatch,
                                .message = with_article(cel_type_name(base)) + " has no field '" + node.name + "'"});
    }
    auto found = cel_member(base, CelValue(json::Value(node.name)));
    if (found) return *std::move(found);
    if (auto beside = beside_output_of(*node.args[0], node.name)) return *std::move(beside);
    std::vector<std::string> keys;
    for (const CelValue& key : cel_elements(base)) {
      if (key.is_text()) keys.push_back(key.text());
    }
    return refuse(node, Error{.code = Errc::not_found,
                              .message = "no such key '" + node.name + "'" + did_you_mean(node.name, keys)});
  }

  Result<CelValue> has(const CelNode& node) {
    const CelNode& field = *node.args[0];
    TRY(CelValue base, run(*field.args[0]));
    if (base.is_null()) return CelValue(json::Value(false));
    if (!is_cel_map(base)) {
      return refuse(
          node, Error{.code = Errc::type_mismatch, .message = with_article(cel_type_name(base)) + " has no fields"});
    }
    const bool is_there = cel_member(base, CelValue(json::Value(field.name))).has_value();
    return CelValue(json::Value(is_there || beside_output_of(*field.args[0], field.name).has_value()));
  }

  // Of `tasks.<id>.output`: what stands beside the output under that name.
  std::optional<CelValue> beside_output_of(const CelNode& output, std::string_view name) const {
    const CelNode* task =
        output.kind == CelNode::Kind::select && output.name == "output" ? output.args[0].get() : nullptr;
    const bool by_name = task != nullptr && task->kind == CelNode::Kind::select;
    const bool by_text = task != nullptr && task->kind == CelNode::Kind::index && task->args[1]->literal.is_text();
    if (!by_name && !by_text) return std::nullopt;
    const CelNode& tasks = *task->args[0];
    if (tasks.kind != CelNode::Kind::name || tasks.name != "tasks") return std::nullopt;
    const json::Value view = context_["tasks"][by_name ? task->name : task->args[1]->literal.text()];
    const json::Value* found = beside_output(view, name);
    return found == nullptr ? std::nullopt : std::optional(CelValue(json::Value(*found)));
  }

  Result<CelValue> index(const CelNode& node) {
    TRY(auto args, arguments(node));
    if (is_cel_map(args[0])) {
      if (auto found = cel_member(args[0], args[1])) return *std::move(found);
      if (args[1].is_text()) {
        if (auto beside = beside_output_of(*node.args[0], args[1].text())) return *std::move(beside);
      }
      const json::Value key = cel_to_json(args[1]);
      return refuse(node, Error{.code = Errc::not_found, .message = "no such key '" + key.string_or("?") + "'"});
    }
    const json::Value* position = args[1].json();
    if (!is_cel_list(args[0]) || position == nullptr || !position->is_number()) {
      return refuse(node, Error{.code = Errc::type_mismatch,
                                .message = with_article(cel_type_name(args[0])) + " cannot be indexed by " +
                                           with_article(cel_type_name(args[1]))});
    }
    const int64_t at = position->integer_or(-1);
    if (auto item = cel_element(args[0], at)) return *std::move(item);
    return refuse(node, Error{.code = Errc::invalid_argument,
                              .message = "index " + std::to_string(at) + " is out of range: there are " +
                                         std::to_string(cel_list_size(args[0])) + " elements"});
  }

  Result<CelValue> call(const CelNode& node) {
    TRY(auto args, arguments(node));
    if (node.name != "size") {
      for (const CelValue& arg : args) TRY(step(node, cel_extent(arg).weight / kStepWeight));
    }
    auto out = call_cel(node.name, node.is_member, args, environment_.output_max);
    if (!out) return refuse(node, std::move(out).error());
    return accounted(node, *std::move(out));
  }

  Result<CelValue> list(const CelNode& node) {
    TRY(auto items, arguments(node));
    return accounted(node, CelValue(std::make_shared<const std::vector<CelValue>>(std::move(items))));
  }

  Result<CelValue> map(const CelNode& node) {
    TRY(auto args, arguments(node));
    auto entries = std::make_shared<std::vector<std::pair<CelValue, CelValue>>>();
    for (size_t i = 0; i < args.size(); i += 2) {
      if (std::ranges::any_of(*entries, [&](const auto& entry) { return cel_equal(entry.first, args[i]); })) {
        return refuse(node, Error{.code = Errc::invalid_argument, .message = "a key occurs twice in a map"});
      }
      entries->emplace_back(args[i], args[i + 1]);
    }
    return accounted(node, CelValue(CelMap(std::move(entries))));
  }

  Result<bool> truth(const CelNode& node) {
    TRY(CelValue value, run(node));
    if (value.is_bool()) return value.json()->as_bool();
    return refuse(node, Error{.code = Errc::type_mismatch,
                              .message = "expected a bool here, not " + with_article(cel_type_name(value))});
  }

  Result<CelValue> condition(const CelNode& node) {
    TRY(bool yes, truth(*node.args[0]));
    return run(*node.args[yes ? 1 : 2]);
  }

  // `deciding` is the value that settles it: true for ||, false for &&. It wins over an error on the other side.
  Result<CelValue> logical(const CelNode& node, bool deciding) {
    auto left = truth(*node.args[0]);
    if (left && *left == deciding) return CelValue(json::Value(deciding));
    auto right = truth(*node.args[1]);
    if (right && *right == deciding) return CelValue(json::Value(deciding));
    if (!left) return fail(std::move(left).error());
    if (!right) return fail(std::move(right).error());
    return CelValue(json::Value(!deciding));
  }

  Result<CelValue> macro(const CelNode& node) {
    TRY(CelValue range, run(*node.args[0]));
    if (!is_cel_list(range) && !is_cel_map(range)) {
      return refuse(node, Error{.code = Errc::type_mismatch,
                                .message = with_article(cel_type_name(range)) + " cannot be walked"});
    }
    std::vector<CelValue> kept;
    std::optional<Error> error;
    size_t count = 0;
    locals_.emplace_back(&node.name, CelValue());
    for (CelValue& item : cel_elements(range)) {
      locals_.back().second = item;
      auto done = round(node, item, kept, count, error);
      if (!done) {
        locals_.pop_back();
        return fail(std::move(done).error());
      }
      if (*done) break;
    }
    locals_.pop_back();
    return result(node, std::move(kept), count, std::move(error));
  }

  // One element; true when the outcome is settled. For all() and exists() an error counts only if nothing settles it.
  Result<bool> round(const CelNode& node, const CelValue& item, std::vector<CelValue>& kept, size_t& count,
                     std::optional<Error>& error) {
    if (node.macro == CelMacro::map) {
      if (node.args.size() == 3) {
        TRY(bool wanted, truth(*node.args[1]));
        if (!wanted) return false;
      }
      TRY(CelValue mapped, run(*node.args.back()));
      kept.push_back(std::move(mapped));
      return false;
    }
    auto holds = truth(*node.args[1]);
    const bool absorbs = node.macro == CelMacro::all || node.macro == CelMacro::exists;
    if (!holds && (!absorbs || holds.error().code == Errc::limit_exceeded)) return fail(std::move(holds).error());
    if (!holds) {
      error = std::move(holds).error();
      return false;
    }
    if (*holds) ++count;
    if (*holds && node.macro == CelMacro::filter) kept.push_back(item);
    const bool settled = absorbs && *holds == (node.macro == CelMacro::exists);
    if (settled) {
      error.reset();
      settled_ = true;
    }
    return settled;
  }

  Result<CelValue> result(const CelNode& node, std::vector<CelValue> kept, size_t count, std::optional<Error> error) {
    const bool settled = std::exchange(settled_, false);
    if (error) return fail(*std::move(error));
    switch (node.macro) {
      case CelMacro::all: return CelValue(json::Value(!settled));
      case CelMacro::exists: return CelValue(json::Value(settled));
      case CelMacro::exists_one: return CelValue(json::Value(count == 1));
      case CelMacro::map:
      case CelMacro::filter: break;
    }
    return accounted(node, CelValue(std::make_shared<const std::vector<CelValue>>(std::move(kept))));
  }

  std::string_view text_;
  const json::Value& context_;
  const Environment& environment_;
  std::vector<std::pair<const std::string*, CelValue>> locals_;
  size_t steps_ = 0;
  bool settled_ = false;  // the macro that just ended was decided before its last element
};

}  // namespace

Result<Cel> Cel::compile(std::string_view text, std::span<const std::string_view> names) {
  TRY(CelParsed parsed, parse_cel(text, names));
  Cel out;
  out.text_ = std::make_shared<const std::string>(text);
  out.root_ = std::move(parsed.root);
  out.references_ = std::move(parsed.references);
  return out;
}

Result<Cel> cached_cel(std::string_view text, std::span<const std::string_view> names) {
  static Recent<Cel> recent(kCelCacheMax);
  std::string key;
  for (const std::string_view name : names) key.append(name).append(1, ',');
  key += text;
  return recent.get(key, [&] { return Cel::compile(text, names); });
}

namespace {

// JSON has no infinities and no NaN.
bool fits_json(const json::Value& value) {
  if (value.is_array()) return std::ranges::all_of(value.as_array(), fits_json);
  if (value.is_object()) {
    return std::ranges::all_of(value.as_object(), [](const auto& member) { return fits_json(member.second); });
  }
  return value.kind() != json::Kind::number || std::isfinite(value.as_double());
}

}  // namespace

Result<json::Value> Cel::evaluate(const json::Value& context, const Environment& environment) const {
  TRY(CelValue value, Runner(*text_, context, environment).run(*root_));
  json::Value out = cel_to_json(value);
  if (fits_json(out)) return out;
  return fail(Error{.code = Errc::invalid_argument, .message = "the result is infinite or not a number"}.at(
      cel_location(*text_, 0)));
}

Result<bool> Cel::evaluate_bool(const json::Value& context, const Environment& environment) const {
  TRY(json::Value value, evaluate(context, environment));
  if (value.is_bool()) return value.as_bool();
  return fail(
      Error{.code = Errc::type_mismatch,
            .message = "the expression must give true or false, not " + with_article(json::kind_name(value.kind()))}
          .at(cel_location(*text_, 0)));
}

}  // namespace compozy::expression
