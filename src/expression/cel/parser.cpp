// SPDX-License-Identifier: Apache-2.0
//
// Grammar: github.com/google/cel-spec, doc/langdef.md "Syntax". Recursive descent with bounded depth; names are
// resolved while parsing.
#include <algorithm>
#include <array>
#include <charconv>

#include "expression/cel/node.hpp"
#include "expression/literal.hpp"
#include "expression/template/code.hpp"

namespace compozy::expression {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

struct MacroRow {
  std::string_view name;
  CelMacro macro;
};
constexpr std::array kMacros{MacroRow{"all", CelMacro::all}, MacroRow{"exists", CelMacro::exists},
                             MacroRow{"exists_one", CelMacro::exists_one}, MacroRow{"map", CelMacro::map},
                             MacroRow{"filter", CelMacro::filter}};

constexpr std::array<std::string_view, 10> kTypes{"int",   "uint", "double", "bool",      "string",
                                                  "bytes", "list", "map",    "null_type", "type"};

CelNodePtr make_node(CelNode::Kind kind, uint32_t offset, std::string name = {}) {
  auto node = std::make_unique<CelNode>();
  node->kind = kind;
  node->offset = offset;
  node->name = std::move(name);
  return node;
}

CelNodePtr make_literal(uint32_t offset, CelValue value) {
  auto node = std::make_unique<CelNode>();
  node->offset = offset;
  node->literal = std::move(value);
  return node;
}

class Parser {
 public:
  Parser(std::string_view text, std::span<const std::string_view> names) : text_(text), names_(names) {}

  Result<CelParsed> run() {
    TRY(CelNodePtr root, expression());
    skip_space();
    if (at_ < text_.size()) return refuse(at_, std::string("unexpected '") + text_[at_] + "'");
    return CelParsed{.root = std::move(root), .references = merged_references(std::move(seen_))};
  }

 private:
  Failure refuse(size_t offset, std::string message) const {
    return fail(Error{.code = Errc::parse_error, .message = std::move(message)}.at(
        cel_location(text_, static_cast<uint32_t>(offset))));
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  uint32_t here() const { return static_cast<uint32_t>(at_); }
  void skip_space() {
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (std::string_view(" \t\r\n\f").find(text_[at_]) == std::string_view::npos) {
        return;
      } else {
        ++at_;
      }
    }
  }
  // Takes a symbol; a word only when no name character follows.
  bool take(std::string_view symbol) {
    skip_space();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    if (is_name(symbol.back()) && is_name(peek(symbol.size()))) return false;
    at_ += symbol.size();
    return true;
  }
  Result<void> expect(std::string_view symbol) {
    if (take(symbol)) return {};
    if (at_ >= text_.size()) return refuse(at_, "expected '" + std::string(symbol) + "' before the end");
    return refuse(at_, "expected '" + std::string(symbol) + "', not '" + text_[at_] + "'");
  }
  std::string take_name() {
    skip_space();
    const size_t start = at_;
    if (is_name_start(peek())) {
      while (is_name(peek())) ++at_;
    }
    return std::string(text_.substr(start, at_ - start));
  }

  // A chain of operators or fields makes a tree as deep as the chain is long.
  Result<void> link() {
    if (++links_ <= kCelLinksMax) return {};
    return refuse(at_, "the expression has more than " + std::to_string(kCelLinksMax) + " operators and fields");
  }

  template <class... Args>
  static CelNodePtr node(CelNode::Kind kind, uint32_t offset, std::string name, Args... args) {
    auto out = std::make_unique<CelNode>();
    out->kind = kind;
    out->offset = offset;
    out->name = std::move(name);
    (out->args.push_back(std::move(args)), ...);
    return out;
  }

  Result<CelNodePtr> expression() {
    if (++depth_ > kCelDepthMax) return refuse(at_, "the expression nests deeper than " + std::to_string(kCelDepthMax));
    TRY(CelNodePtr left, either());
    const uint32_t offset = here();
    if (take("?")) {
      TRY(CelNodePtr yes, either());
      TRY(expect(":"));
      TRY(CelNodePtr no, expression());
      left = node(CelNode::Kind::condition, offset, "?", std::move(left), std::move(yes), std::move(no));
    }
    --depth_;
    return left;
  }

  Result<CelNodePtr> either() {
    TRY(CelNodePtr left, both());
    for (uint32_t offset = here(); take("||"); offset = here()) {
      TRY(link());
      TRY(CelNodePtr right, both());
      left = node(CelNode::Kind::either, offset, "||", std::move(left), std::move(right));
    }
    return left;
  }

  Result<CelNodePtr> both() {
    TRY(CelNodePtr left, relation());
    for (uint32_t offset = here(); take("&&"); offset = here()) {
      TRY(link());
      TRY(CelNodePtr right, relation());
      left = node(CelNode::Kind::both, offset, "&&", std::move(left), std::move(right));
    }
    return left;
  }

  std::string_view take_any(std::initializer_list<std::string_view> symbols) {
    for (std::string_view symbol : symbols) {
      if (take(symbol)) return symbol;
    }
    return {};
  }

  Result<CelNodePtr> relation() {
    TRY(CelNodePtr left, sum());
    while (true) {
      skip_space();
      const uint32_t offset = here();
      if (text_.substr(at_).starts_with("=") && !text_.substr(at_).starts_with("==")) {
        return refuse(at_, "unexpected '='; equality is written '=='");
      }
      const std::string_view symbol = take_any({"==", "!=", "<=", ">=", "<", ">", "in"});
      if (symbol.empty()) return left;
      TRY(link());
      TRY(CelNodePtr right, sum());
      const bool asks = symbol == "in" && left->literal.is_text() && right->kind == CelNode::Kind::name;
      if (asks && right->name == "tasks")
        seen_.push_back({.root = "tasks", .task = left->literal.text(), .needed = false});
      left = node(CelNode::Kind::call, offset, std::string(symbol), std::move(left), std::move(right));
    }
  }

  Result<CelNodePtr> sum() {
    TRY(CelNodePtr left, product());
    while (true) {
      skip_space();
      const uint32_t offset = here();
      const std::string_view symbol = take_any({"+", "-"});
      if (symbol.empty()) return left;
      TRY(link());
      TRY(CelNodePtr right, product());
      left = node(CelNode::Kind::call, offset, std::string(symbol), std::move(left), std::move(right));
    }
  }

  Result<CelNodePtr> product() {
    TRY(CelNodePtr left, unary());
    while (true) {
      skip_space();
      const uint32_t offset = here();
      const std::string_view symbol = take_any({"*", "/", "%"});
      if (symbol.empty()) return left;
      TRY(link());
      TRY(CelNodePtr right, unary());
      left = node(CelNode::Kind::call, offset, std::string(symbol), std::move(left), std::move(right));
    }
  }

  Result<CelNodePtr> unary() {
    skip_space();
    const uint32_t offset = here();
    if (++depth_ > kCelDepthMax) return refuse(at_, "the expression nests deeper than " + std::to_string(kCelDepthMax));
    CelNodePtr out;
    if (peek() == '!' && peek(1) != '=') {
      ++at_;
      TRY(CelNodePtr operand, unary());
      out = node(CelNode::Kind::call, offset, "!", std::move(operand));
    } else if (peek() == '-' && !is_digit(peek(1)) && peek(1) != '.') {
      ++at_;
      TRY(CelNodePtr operand, unary());
      out = node(CelNode::Kind::call, offset, "negate", std::move(operand));
    } else {
      TRY(out, member());
    }
    --depth_;
    return out;
  }

  Result<CelNodePtr> member() {
    TRY(CelNodePtr left, primary());
    while (true) {
      skip_space();
      const uint32_t offset = here();
      const bool goes_on = peek() == '[' || peek() == '.';
      if (goes_on) TRY(link());
      if (take("[")) {
        TRY(CelNodePtr index, expression());
        TRY(expect("]"));
        left = node(CelNode::Kind::index, offset, "[]", std::move(left), std::move(index));
        note_task(*left);
      } else if (take(".")) {
        std::string name = take_name();
        if (name.empty()) return refuse(at_, "expected a name after '.'");
        if (take("(")) {
          TRY(left, method(std::move(left), std::move(name), offset));
        } else {
          left = node(CelNode::Kind::select, offset, std::move(name), std::move(left));
          note_task(*left);
        }
      } else {
        return left;
      }
    }
  }

  // What a chain of names and of texts in brackets takes from `tasks` or `workflow`.
  void note_task(const CelNode& last) {
    std::vector<std::string> names;
    const CelNode* at = &last;
    for (; at->kind == CelNode::Kind::select || at->kind == CelNode::Kind::index; at = at->args[0].get()) {
      const bool is_text = at->kind == CelNode::Kind::index && at->args[1]->literal.is_text();
      if (at->kind == CelNode::Kind::index && !is_text) return;
      names.push_back(is_text ? at->args[1]->literal.text() : at->name);
    }
    if (at->kind != CelNode::Kind::name || names.empty() || names.back().empty()) return;
    std::ranges::reverse(names);
    if (at->name == "workflow") return seen_.push_back({.root = "workflow", .task = {}, .paths = {std::move(names)}});
    if (at->name != "tasks") return;
    std::string task = std::move(names.front());
    names.erase(names.begin());
    seen_.push_back({.root = "tasks", .task = std::move(task), .paths = {std::move(names)}});
  }

  Result<CelNodePtr> method(CelNodePtr receiver, std::string name, uint32_t offset) {
    const auto* row = std::ranges::find(kMacros, name, &MacroRow::name);
    if (row != kMacros.end()) return macro(std::move(receiver), row->macro, offset);
    if (!cel_function_exists(name)) return unknown_function(name, offset);
    auto out = std::make_unique<CelNode>();
    out->kind = CelNode::Kind::call;
    out->offset = offset;
    out->name = std::move(name);
    out->is_member = true;
    out->args.push_back(std::move(receiver));
    TRY(arguments(*out, ")"));
    return out;
  }

  Failure unknown_function(const std::string& name, uint32_t offset) const {
    return refuse(offset, "unknown function '" + name + "'" + did_you_mean(name, cel_function_names()));
  }

  Result<void> arguments(CelNode& call, std::string_view close) {
    if (take(close)) return {};
    while (true) {
      TRY(CelNodePtr argument, expression());
      call.args.push_back(std::move(argument));
      if (take(close)) return {};
      TRY(expect(","));
      if (take(close)) return {};
    }
  }

  Result<CelNodePtr> macro(CelNodePtr range, CelMacro macro, uint32_t offset) {
    auto out = std::make_unique<CelNode>();
    out->kind = CelNode::Kind::macro;
    out->offset = offset;
    out->macro = macro;
    out->args.push_back(std::move(range));
    out->name = take_name();
    if (out->name.empty()) return refuse(at_, "expected the name of a variable");
    TRY(expect(","));
    locals_.push_back(out->name);
    TRY(arguments(*out, ")"));
    locals_.pop_back();
    const size_t most = macro == CelMacro::map ? 3 : 2;
    if (out->args.size() < 2 || out->args.size() > most)
      return refuse(offset, "the macro takes another number of arguments");
    return out;
  }

  Result<CelNodePtr> primary() {
    skip_space();
    const uint32_t offset = here();
    const char c = peek();
    if (take("(")) {
      TRY(CelNodePtr inner, expression());
      TRY(expect(")"));
      return inner;
    }
    if (take("[")) {
      auto out = std::make_unique<CelNode>();
      out->kind = CelNode::Kind::list;
      out->offset = offset;
      TRY(arguments(*out, "]"));
      return out;
    }
    if (take("{")) return map(offset);
    if (is_digit(c) || c == '-' || (c == '.' && is_digit(peek(1)))) return number();
    if (is_text_start()) return text();
    if (c == '.') ++at_;  // a leading dot names the root scope, which is the only one
    std::string name = take_name();
    if (name.empty()) {
      return at_ >= text_.size() ? refuse(at_, "a value is missing at the end")
                                 : refuse(at_, std::string("unexpected '") + text_[at_] + "'");
    }
    return named(std::move(name), offset);
  }

  Result<CelNodePtr> named(std::string name, uint32_t offset) {
    if (name == "true" || name == "false") return make_literal(offset, json::Value(name == "true"));
    if (name == "null") return make_literal(offset, json::Value());
    if (take("(")) {
      auto out = std::make_unique<CelNode>();
      out->kind = CelNode::Kind::call;
      out->offset = offset;
      out->name = name;
      if (name != "has" && !cel_function_exists(name)) return unknown_function(name, offset);
      const size_t from = seen_.size();
      TRY(arguments(*out, ")"));
      if (name != "has") return out;
      for (size_t i = from; i < seen_.size(); ++i) seen_[i].needed = false;
      if (out->args.size() != 1 || out->args[0]->kind != CelNode::Kind::select) {
        return refuse(offset, "has() takes one field, as in has(a.b)");
      }
      out->kind = CelNode::Kind::has;
      return out;
    }
    if (name == "google") {  // the types of durations and times have names with dots
      for (const std::string_view type : {".protobuf.Duration", ".protobuf.Timestamp"}) {
        if (!take(type)) continue;
        return make_literal(offset, CelType{name + std::string(type)});
      }
    }
    const bool known =
        std::ranges::find(names_, name) != names_.end() || std::ranges::find(locals_, name) != locals_.end();
    if (known) return make_node(CelNode::Kind::name, offset, std::move(name));
    if (is_cel_type(name)) return make_literal(offset, CelType{name});
    return refuse(offset, "undeclared name '" + name + "'" + did_you_mean(name, names_));
  }

  Result<CelNodePtr> map(uint32_t offset) {
    auto out = std::make_unique<CelNode>();
    out->kind = CelNode::Kind::map;
    out->offset = offset;
    if (take("}")) return out;
    while (true) {
      TRY(CelNodePtr key, expression());
      TRY(expect(":"));
      TRY(CelNodePtr value, expression());
      out->args.push_back(std::move(key));
      out->args.push_back(std::move(value));
      if (take("}")) return out;
      TRY(expect(","));
      if (take("}")) return out;
    }
  }

  Result<CelNodePtr> number() {
    const size_t start = at_;
    if (peek() == '-') ++at_;
    const bool hex = peek() == '0' && (peek(1) | 0x20) == 'x';
    while (is_name(peek()) || (peek() == '.' && is_digit(peek(1))) ||
           (!hex && (peek() == '-' || peek() == '+') && (text_[at_ - 1] | 0x20) == 'e')) {
      ++at_;
    }
    std::string_view digits = text_.substr(start, at_ - start);
    const bool is_unsigned = digits.ends_with('u') || digits.ends_with('U');
    if (is_unsigned) digits.remove_suffix(1);
    const auto offset = static_cast<uint32_t>(start);
    uint64_t whole = 0;
    const int base = hex ? 16 : 10;
    const std::string_view bare = hex ? digits.substr(2) : digits;
    if (is_unsigned) {
      const auto [end, error] = std::from_chars(bare.data(), bare.data() + bare.size(), whole, base);
      if (error == std::errc() && end == bare.data() + bare.size()) return make_literal(offset, CelUint{whole});
      return refuse(start, "'" + std::string(digits) + "' is no uint: a whole number from 0 that fits 64 bits");
    }
    while (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1])) digits.remove_prefix(1);  // 017 is seventeen
    auto parsed = parse_go_number(digits);
    const bool foreign = digits.find_first_of(hex ? "_" : "_bBoO") != std::string_view::npos;  // Go's, not CEL's
    if (!parsed || foreign) return refuse(start, "bad number '" + std::string(digits) + "'");
    return make_literal(offset, *std::move(parsed));
  }

  bool is_text_start() const {
    size_t ahead = 0;
    while (ahead < 2 && std::string_view("rRbB").find(peek(ahead)) != std::string_view::npos && peek(ahead) != '\0')
      ++ahead;
    return peek(ahead) == '"' || peek(ahead) == '\'';
  }

  Result<CelNodePtr> text() {
    const uint32_t offset = here();
    bool raw = false, bytes = false;
    for (; peek() != '"' && peek() != '\''; ++at_) {
      raw = raw || (peek() | 0x20) == 'r';
      bytes = bytes || (peek() | 0x20) == 'b';
    }
    std::string quote(1, peek());
    if (peek(1) == quote[0] && peek(2) == quote[0]) quote = std::string(3, quote[0]);
    at_ += quote.size();
    const size_t start = at_;
    while (at_ < text_.size() && !text_.substr(at_).starts_with(quote)) {
      if (quote.size() == 1 && text_[at_] == '\n') break;
      at_ += !raw && text_[at_] == '\\' ? 2 : 1;
    }
    if (at_ >= text_.size() || !text_.substr(at_).starts_with(quote))
      return refuse(offset, "text without its closing quote");
    std::string body(text_.substr(start, at_ - start));
    at_ += quote.size();
    if (!raw) {
      auto unquoted = unquote_go(body, '\0');
      if (!unquoted) return refuse(offset, unquoted.error().message);
      body = *std::move(unquoted);
    }
    if (bytes) return make_literal(offset, CelBytes{std::move(body)});
    return make_literal(offset, json::Value(std::move(body)));
  }

  std::string_view text_;
  std::span<const std::string_view> names_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t links_ = 0;
  std::vector<std::string> locals_;
  std::vector<Reference> seen_;
};

}  // namespace

bool is_cel_type(std::string_view name) { return std::ranges::find(kTypes, name) != kTypes.end(); }

Location cel_location(std::string_view text, uint32_t offset) {
  Location location = template_location(text, offset);
  location.file = "expression";
  return location;
}

Result<CelParsed> parse_cel(std::string_view text, std::span<const std::string_view> names) {
  return Parser(text, names).run();
}

}  // namespace compozy::expression
