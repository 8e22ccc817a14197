// SPDX-License-Identifier: Apache-2.0
#include "expression/template/lexer.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "expression/literal.hpp"
#include "expression/template/code.hpp"

namespace compozy::expression {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & '\x80') != 0;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Piece>> run() {
    std::vector<Piece> pieces;
    bool trim_next = false;
    while (at_ < text_.size()) {
      const size_t open = std::min(text_.find("{{", at_), text_.size());
      std::string_view plain = text_.substr(at_, open - at_);
      const size_t plain_at = at_;
      const bool trim_left =
          text_.substr(open).starts_with("{{-") && open + 3 < text_.size() && is_space(text_[open + 3]);
      if (trim_next) plain.remove_prefix(std::min(plain.find_first_not_of(" \t\r\n"), plain.size()));
      if (trim_left) plain = plain.substr(0, plain.find_last_not_of(" \t\r\n") + 1);
      if (!plain.empty()) {
        Piece piece;
        piece.offset = static_cast<uint32_t>(plain_at);
        piece.text = std::string(plain);
        pieces.push_back(std::move(piece));
      }
      if (open == text_.size()) break;
      at_ = open + (trim_left ? 3 : 2);
      trim_next = false;
      TRY(bool is_comment, skip_comment(trim_next));
      if (is_comment) continue;
      Piece action;
      action.is_action = true;
      action.offset = static_cast<uint32_t>(open);
      TRY(action.tokens, tokens(open, trim_next));
      pieces.push_back(std::move(action));
    }
    return pieces;
  }

 private:
  Failure refuse(size_t offset, std::string message) const {
    return fail(Error{.code = Errc::parse_error, .message = std::move(message)}.at(
        template_location(text_, static_cast<uint32_t>(offset))));
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  // At the end of an action: 2 for "}}", 3 and the spaces before it for " -}}".
  bool take_end(bool& trim_next) {
    if (text_.substr(at_).starts_with("}}")) {
      at_ += 2;
      return true;
    }
    if (is_space(peek(0)) || at_ == 0) {
      size_t look = at_;
      while (look < text_.size() && is_space(text_[look])) ++look;
      if (text_.substr(look).starts_with("-}}")) {
        at_ = look + 3;
        trim_next = true;
        return true;
      }
    }
    return false;
  }

  Result<bool> skip_comment(bool& trim_next) {
    size_t look = at_;
    while (look < text_.size() && is_space(text_[look])) ++look;
    if (!text_.substr(look).starts_with("/*")) return false;
    const size_t close = text_.find("*/", look + 2);
    if (close == std::string_view::npos) return refuse(look, "comment without an end '*/'");
    at_ = close + 2;
    if (!take_end(trim_next)) return refuse(at_, "a comment must be followed by '}}'");
    return true;
  }

  Result<std::vector<Token>> tokens(size_t open, bool& trim_next) {
    std::vector<Token> out;
    bool spaced = true;
    while (true) {
      if (take_end(trim_next)) {
        Token end;
        end.offset = static_cast<uint32_t>(at_);
        end.spaced = true;
        out.push_back(std::move(end));
        return out;
      }
      if (at_ >= text_.size()) return refuse(open, "'{{' without its '}}'");
      if (is_space(peek())) {
        ++at_;
        spaced = true;
        continue;
      }
      Token token;
      token.offset = static_cast<uint32_t>(at_);
      token.spaced = spaced;
      TRY(next(token, spaced || out.empty() ? Token::Kind::end : out.back().kind));
      out.push_back(std::move(token));
      spaced = false;
    }
  }

  // `before`: the kind of the token that touches this one, or end.
  Result<void> next(Token& token, Token::Kind before) {
    const char c = peek();
    const bool continues = before == Token::Kind::field || before == Token::Kind::variable ||
                           before == Token::Kind::close || before == Token::Kind::word;
    switch (c) {
      case '(': return single(token, Token::Kind::open);
      case ')': return single(token, Token::Kind::close);
      case '|': return single(token, Token::Kind::pipe);
      case ',': return single(token, Token::Kind::comma);
      case '=': return single(token, Token::Kind::assign);
      case ':':
        if (peek(1) != '=') return refuse(at_, "expected ':='");
        at_ += 2;
        token.kind = Token::Kind::declare;
        return {};
      case '"':
      case '`':
      case '\'': return literal(token);
      case '$':
        ++at_;
        token.kind = Token::Kind::variable;
        token.text = '$' + take_name(false);
        return {};
      case '.':
        if (is_name(peek(1)) && (!is_digit(peek(1)) || continues)) {
          ++at_;
          token.kind = Token::Kind::field;
          token.text = take_name(true);
          return {};
        }
        if (is_digit(peek(1))) return number(token);
        return single(token, Token::Kind::dot);
      default: break;
    }
    if (is_digit(c) || ((c == '-' || c == '+') && (is_digit(peek(1)) || peek(1) == '.'))) return number(token);
    if (is_name(c)) {
      token.kind = Token::Kind::word;
      token.text = take_name(false);
      if (token.text == "true" || token.text == "false") {
        token.kind = Token::Kind::constant;
        token.constant = token.text == "true";
      }
      return {};
    }
    return refuse(at_, std::string("unexpected '") + c + "' in an action");
  }

  Result<void> single(Token& token, Token::Kind kind) {
    token.kind = kind;
    token.text = std::string(1, text_[at_++]);
    return {};
  }

  // A '-' belongs to the name of a field when a further name character follows it.
  std::string take_name(bool hyphens) {
    const size_t start = at_;
    while (is_name(peek()) || (hyphens && peek() == '-' && at_ > start && is_name(peek(1)))) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  Result<void> number(Token& token) {
    const size_t start = at_;
    if (peek() == '-' || peek() == '+') ++at_;
    while (is_name(peek()) || peek() == '.' ||
           ((peek() == '-' || peek() == '+') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E') &&
            !text_.substr(start).starts_with("0x"))) {
      ++at_;
    }
    token.kind = Token::Kind::constant;
    token.text = std::string(text_.substr(start, at_ - start));
    auto parsed = parse_go_number(token.text);
    if (!parsed) return refuse(start, "bad number '" + token.text + "'");
    token.constant = std::move(*parsed);
    return {};
  }

  Result<void> literal(Token& token) {
    const size_t start = at_;
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      if (quote != '`' && text_[at_] == '\n') break;
      if (quote != '`' && text_[at_] == '\\') ++at_;
      ++at_;
    }
    if (peek() != quote) return refuse(start, "text without its closing quote");
    ++at_;
    token.kind = Token::Kind::constant;
    const std::string_view body = text_.substr(start + 1, at_ - start - 2);
    if (quote == '`') {
      token.constant = body;
      return {};
    }
    auto value = unquote_go(body, quote);
    if (!value) return refuse(start, value.error().message);
    token.constant = std::move(*value);
    if (quote == '\'') {
      TRY(int64_t code_point, only_code_point(token.constant.as_string(), start));
      token.constant = code_point;
    }
    return {};
  }

  Result<int64_t> only_code_point(const std::string& text, size_t start) const {
    size_t at = 0;
    const int64_t code_point = next_code_point(text, at);
    if (text.empty() || at != text.size()) return refuse(start, "a character in single quotes must be exactly one");
    return code_point;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Location template_location(std::string_view text, uint32_t offset) {
  Location location{.file = "template", .line = 1, .column = 1};
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++location.line;
      location.column = 1;
    } else if ((text[i] & '\xC0') != '\x80') {
      ++location.column;
    }
  }
  return location;
}

Result<std::vector<Piece>> split_template(std::string_view text) { return Lexer(text).run(); }

}  // namespace compozy::expression
