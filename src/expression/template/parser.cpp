// SPDX-License-Identifier: Apache-2.0
//
// Grammar: pkg.go.dev/text/template. A recursive descent over the pieces; depth is bounded by kDepthMax.
#include <algorithm>
#include <array>
#include <utility>

#include "expression/template/code.hpp"
#include "expression/template/lexer.hpp"

namespace compozy::expression {
namespace {

constexpr size_t kDepthMax = 100;

// Known to Sprig and not offered: why.
struct Forbidden {
  std::string_view name, why;
};
constexpr std::string_view kNoHost = "templates read neither the process's environment nor the network; use .env";
constexpr std::string_view kNoKeys = "keys, certificates and password hashes are made by a tool, not in an expression";
constexpr std::array kForbidden{Forbidden{"env", kNoHost},
                                Forbidden{"expandenv", kNoHost},
                                Forbidden{"getHostByName", kNoHost},
                                Forbidden{"bcrypt", kNoKeys},
                                Forbidden{"htpasswd", kNoKeys},
                                Forbidden{"derivePassword", kNoKeys},
                                Forbidden{"genPrivateKey", kNoKeys},
                                Forbidden{"genCA", kNoKeys},
                                Forbidden{"genCAWithKey", kNoKeys},
                                Forbidden{"genSelfSignedCert", kNoKeys},
                                Forbidden{"genSelfSignedCertWithKey", kNoKeys},
                                Forbidden{"genSignedCert", kNoKeys},
                                Forbidden{"genSignedCertWithKey", kNoKeys},
                                Forbidden{"buildCustomCert", kNoKeys}};

class Parser {
 public:
  Parser(std::string_view text, std::vector<Piece> pieces) : text_(text), pieces_(std::move(pieces)) {}

  Result<std::shared_ptr<const Template::Code>> run() {
    code_ = std::make_shared<Template::Code>();
    code_->text = std::string(text_);
    variables_ = {"$"};
    TRY(code_->body, list(0));
    if (piece_ < pieces_.size()) return refuse(pieces_[piece_].offset, "unexpected {{" + word() + "}}");
    for (const auto& [name, offset] : called_) {
      if (code_->definitions.contains(name)) continue;
      std::vector<std::string> names;
      for (const auto& [defined, body] : code_->definitions) names.push_back(defined);
      return refuse(offset, "template \"" + name + "\" is not defined" + did_you_mean(name, names));
    }
    code_->references = merged_references(std::move(seen_));
    return code_;
  }

 private:
  Failure refuse(uint32_t offset, std::string message) const {
    return fail(Error{.code = Errc::parse_error, .message = std::move(message)}.at(template_location(text_, offset)));
  }
  const Token& token(size_t ahead = 0) const {
    const auto& tokens = pieces_[piece_].tokens;
    return tokens[std::min(token_ + ahead, tokens.size() - 1)];
  }
  bool is(Token::Kind kind) const { return token().kind == kind; }
  std::string word() const { return is(Token::Kind::word) ? token().text : std::string(); }
  bool at_word(std::string_view name) const {
    return piece_ < pieces_.size() && pieces_[piece_].is_action && word() == name;
  }

  Result<void> end_of_action(std::string_view what) {
    if (!is(Token::Kind::end))
      return refuse(token().offset, "unexpected '" + token().text + "' after " + std::string(what));
    next_piece();
    return {};
  }
  void next_piece() {
    ++piece_;
    token_ = 0;
  }

  // Nodes up to {{end}} or {{else}}, which stays unread.
  Result<std::vector<Node>> list(size_t depth) {
    std::vector<Node> nodes;
    if (depth > kDepthMax)
      return refuse(pieces_[piece_].offset, "actions nest deeper than " + std::to_string(kDepthMax));
    while (piece_ < pieces_.size()) {
      Piece& piece = pieces_[piece_];
      Node node;
      node.offset = piece.offset;
      if (!piece.is_action) {
        node.text = std::move(piece.text);
        nodes.push_back(std::move(node));
        next_piece();
        continue;
      }
      const std::string first = word();
      if (first == "end" || first == "else") break;
      if (first == "define") {
        TRY(define(depth));
        continue;
      }
      TRY(action(node, first, depth));
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

  Result<void> action(Node& node, const std::string& first, size_t depth) {
    if (first == "if") return branch(node, Node::Kind::condition, depth);
    if (first == "with") return branch(node, Node::Kind::with, depth);
    if (first == "range") return branch(node, Node::Kind::range, depth);
    if (first == "template") return call(node);
    if (first == "block") return block(node, depth);
    if (first == "break" || first == "continue") {
      if (range_depth_ == 0) return refuse(node.offset, "{{" + first + "}} outside {{range}}");
      node.kind = first == "break" ? Node::Kind::leave : Node::Kind::proceed;
      ++token_;
      return end_of_action("{{" + first + "}}");
    }
    node.kind = Node::Kind::action;
    TRY(node.pipe, pipe(0, false));
    return end_of_action("the pipeline");
  }

  Result<void> branch(Node& node, Node::Kind kind, size_t depth) {
    const size_t scope = variables_.size();
    const std::string name = word();
    node.kind = kind;
    ++token_;
    const size_t from = seen_.size();
    TRY(node.pipe, pipe(0, kind == Node::Kind::range));
    const bool plain_path = node.pipe->commands.size() == 1 && node.pipe->commands[0].operands.size() == 1;
    if (kind != Node::Kind::range && plain_path) asks_for(from);
    TRY(end_of_action("{{" + name + "}}"));
    range_depth_ += kind == Node::Kind::range ? 1U : 0U;
    const bool outer_dot = std::exchange(dot_is_root_, dot_is_root_ && kind == Node::Kind::condition);
    TRY(node.body, list(depth + 1));
    dot_is_root_ = outer_dot;
    range_depth_ -= kind == Node::Kind::range ? 1U : 0U;
    if (at_word("else")) {
      ++token_;
      const std::string again = word();
      if (!again.empty() && again == name &&
          kind != Node::Kind::range) {  // {{else if}}, {{else with}}: one {{end}} for both
        Node inner;
        inner.offset = token().offset;
        TRY(branch(inner, kind, depth + 1));
        node.otherwise.push_back(std::move(inner));
        variables_.resize(scope);
        return {};
      }
      TRY(end_of_action("{{else}}"));
      TRY(node.otherwise, list(depth + 1));
    }
    variables_.resize(scope);
    return expect_end(node, name);
  }

  Result<void> expect_end(const Node& node, const std::string& name) {
    if (!at_word("end")) return refuse(node.offset, "{{" + name + "}} without its {{end}}");
    ++token_;
    return end_of_action("{{end}}");
  }

  Result<std::string> template_name() {
    if (!is(Token::Kind::constant) || !token().constant.is_string()) {
      return refuse(token().offset, "expected the template's name in quotes");
    }
    std::string name = token().constant.as_string();
    ++token_;
    return name;
  }

  Result<void> call(Node& node) {
    node.kind = Node::Kind::call;
    ++token_;
    TRY(node.text, template_name());
    called_.emplace_back(node.text, node.offset);
    if (!is(Token::Kind::end)) {
      TRY(node.pipe, pipe(0, false));
    }
    return end_of_action("{{template}}");
  }

  Result<void> definition(const std::string& name, const Node& node, const std::string& keyword, size_t depth) {
    const auto outer = std::exchange(variables_, {"$"});
    const size_t outer_range = std::exchange(range_depth_, 0);
    const bool outer_dot = std::exchange(dot_is_root_, false);
    const bool outer_dollar = std::exchange(dollar_is_root_, false);
    TRY(auto body, list(depth + 1));
    dot_is_root_ = outer_dot;
    dollar_is_root_ = outer_dollar;
    variables_ = outer;
    range_depth_ = outer_range;
    TRY(expect_end(node, keyword));
    if (!code_->definitions.emplace(name, std::move(body)).second) {
      return refuse(node.offset, "template \"" + name + "\" is defined twice");
    }
    return {};
  }

  Result<void> define(size_t depth) {
    Node node;
    node.offset = pieces_[piece_].offset;
    if (depth != 0) return refuse(node.offset, "{{define}} inside another action");
    ++token_;
    TRY(std::string name, template_name());
    TRY(end_of_action("{{define}}"));
    return definition(name, node, "define", depth);
  }

  Result<void> block(Node& node, size_t depth) {
    node.kind = Node::Kind::call;
    ++token_;
    TRY(node.text, template_name());
    TRY(node.pipe, pipe(0, false));
    TRY(end_of_action("{{block}}"));
    return definition(node.text, node, "block", depth);
  }

  Result<void> declarations(Pipe& out, bool in_range) {
    if (!is(Token::Kind::variable)) return {};
    const bool two = token(1).kind == Token::Kind::comma && token(2).kind == Token::Kind::variable;
    const Token& mark = token(two ? 3 : 1);
    if (mark.kind != Token::Kind::declare && mark.kind != Token::Kind::assign) return {};
    if (two && !in_range) return refuse(token(1).offset, "two variables can only be declared by {{range}}");
    out.is_assignment = mark.kind == Token::Kind::assign;
    for (size_t i = 0; i < (two ? 2U : 1U); ++i) {
      const Token& variable = token(i * 2);
      if (out.is_assignment) {
        TRY(uint32_t slot, slot_of(variable));
        out.variables.push_back(slot);
      } else {
        pending_.push_back(variable.text);
      }
    }
    token_ += two ? 4 : 2;
    return {};
  }

  Result<uint32_t> slot_of(const Token& variable) const {
    for (size_t i = variables_.size(); i-- > 0;) {
      if (variables_[i] == variable.text) return static_cast<uint32_t>(i);
    }
    return refuse(variable.offset,
                  "undefined variable '" + variable.text + "'" + did_you_mean(variable.text, variables_));
  }

  Result<std::shared_ptr<const Pipe>> pipe(size_t depth, bool in_range) {
    auto out = std::make_shared<Pipe>();
    out->offset = token().offset;
    if (depth > kDepthMax) return refuse(out->offset, "parentheses nest deeper than " + std::to_string(kDepthMax));
    TRY(declarations(*out, in_range));
    const std::vector<std::string> declared = std::exchange(pending_, {});
    const size_t from = seen_.size();
    while (true) {
      TRY(Command parsed, command(depth));
      if (!out->commands.empty() && is_lenient(parsed)) asks_for(from);
      const bool constant_in_middle = !out->commands.empty() && parsed.operands.front().base != Operand::Base::function;
      if (constant_in_middle)
        return refuse(parsed.operands.front().offset, "only a function can follow '|' in a pipeline");
      out->commands.push_back(std::move(parsed));
      if (!is(Token::Kind::pipe)) break;
      ++token_;
    }
    for (const std::string& name : declared) {
      out->variables.push_back(static_cast<uint32_t>(variables_.size()));
      variables_.push_back(name);
    }
    return out;
  }

  // Whether a function takes what is absent as well as what is there.
  static bool is_lenient(const Command& command) {
    const Operand& first = command.operands.front();
    return first.base == Operand::Base::function && first.function != nullptr &&
           (first.function->traits & kLenient) != 0;
  }
  void asks_for(size_t from) {
    for (size_t i = from; i < seen_.size(); ++i) seen_[i].needed = false;
  }

  Result<Command> command(size_t depth) {
    Command out;
    const size_t from = seen_.size();
    while (!is(Token::Kind::end) && !is(Token::Kind::pipe) && !is(Token::Kind::close)) {
      if (!out.operands.empty() && !token().spaced) {
        return refuse(token().offset, "unexpected '" + token().text + "': a space is missing between two values");
      }
      TRY(Operand parsed, operand(depth));
      out.operands.push_back(std::move(parsed));
    }
    if (out.operands.empty()) return refuse(token().offset, "a value is missing");
    const Operand& first = out.operands.front();
    const bool calls = first.base == Operand::Base::function && first.fields.empty();
    if (!calls && out.operands.size() > 1) {
      return refuse(out.operands[1].offset, "unexpected second value; only a function takes arguments");
    }
    if (first.base == Operand::Base::nil) return refuse(first.offset, "nil is no command; it may only be an argument");
    if (calls) note_index(out);
    if (calls && is_lenient(out)) asks_for(from);
    return out;
  }

  Result<Operand> operand(size_t depth) {
    Operand out;
    out.offset = token().offset;
    const Token first = token();
    ++token_;
    switch (first.kind) {
      case Token::Kind::dot: return out;
      case Token::Kind::field: out.fields.push_back(first.text); break;
      case Token::Kind::variable: {
        out.base = Operand::Base::variable;
        out.name = first.text;
        TRY(out.slot, slot_of(first));
        break;
      }
      case Token::Kind::constant:
        out.base = Operand::Base::constant;
        out.constant = first.constant;
        break;
      case Token::Kind::open: {
        out.base = Operand::Base::pipe;
        TRY(out.pipe, pipe(depth + 1, false));
        if (!is(Token::Kind::close)) return refuse(first.offset, "'(' without its ')'");
        ++token_;
        break;
      }
      case Token::Kind::word: {
        TRY(function(out, first));
        break;
      }
      default: return refuse(first.offset, "unexpected '" + first.text + "'");
    }
    while (is(Token::Kind::field) && !token().spaced) {
      if (out.base == Operand::Base::constant || out.base == Operand::Base::nil) {
        return refuse(token().offset, "'." + token().text + "' after a constant");
      }
      out.fields.push_back(token().text);
      ++token_;
    }
    out.of_context = at_root(out);
    if (out.of_context && !out.fields.empty()) {
      const bool names_task = out.fields[0] == "tasks" && out.fields.size() > 1;
      const auto below = out.fields.begin() + (names_task ? 2 : 1);
      seen_.push_back({.root = out.fields[0],
                       .task = names_task ? out.fields[1] : std::string(),
                       .paths = {std::vector<std::string>(below, out.fields.end())}});
    }
    return out;
  }

  Result<void> function(Operand& out, const Token& name) {
    if (name.text == "nil") {
      out.base = Operand::Base::nil;
      return {};
    }
    out.base = Operand::Base::function;
    out.name = name.text;
    out.function = find_function(name.text);
    if (out.function != nullptr) return {};
    if (const auto* found = std::ranges::find(kForbidden, name.text, &Forbidden::name); found != kForbidden.end()) {
      return refuse(name.offset, "function '" + name.text + "' is not available: " + std::string(found->why));
    }
    return refuse(name.offset, "unknown function '" + name.text + "'" + did_you_mean(name.text, function_names()));
  }

  bool at_root(const Operand& operand) const {
    return (operand.base == Operand::Base::dot && dot_is_root_) ||
           (operand.base == Operand::Base::variable && operand.slot == 0 && dollar_is_root_);
  }

  // `index .tasks "id"` names a task as well; a key that is not there gives nothing.
  void note_index(const Command& command) {
    const std::string& name = command.operands[0].name;
    if (command.operands.size() < 3 || (name != "index" && name != "get" && name != "hasKey")) return;
    const Operand& base = command.operands[1];
    if (!at_root(base) || base.fields != std::vector<std::string>{"tasks"}) return;
    const json::Value& key = command.operands[2].constant;
    if (key.is_string()) seen_.push_back({.root = "tasks", .task = key.as_string(), .needed = false});
  }

  std::string_view text_;
  std::vector<Piece> pieces_;
  size_t piece_ = 0;
  size_t token_ = 0;
  size_t range_depth_ = 0;
  std::vector<std::string> variables_;
  std::vector<std::string> pending_;
  std::vector<std::pair<std::string, uint32_t>> called_;
  std::vector<Reference> seen_;
  bool dot_is_root_ = true;     // not inside range and with, nor in what define and block define
  bool dollar_is_root_ = true;  // not in what define and block define
  std::shared_ptr<Template::Code> code_;
};

}  // namespace

Result<std::shared_ptr<const Template::Code>> parse_template(std::string_view text) {
  TRY(std::vector<Piece> pieces, split_template(text));
  return Parser(text, std::move(pieces)).run();
}

}  // namespace compozy::expression
