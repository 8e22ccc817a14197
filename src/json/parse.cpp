// SPDX-License-Identifier: Apache-2.0
#include "json/parse.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <cmath>
#include <vector>

namespace compozy::json {

namespace {

namespace bj = boost::json;

// Builds a Value from the parser's events. A stack of open containers; the finished value ends in `root`.
struct Builder {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  struct Open {
    bool is_object = false;
    Array items;
    Object members;
    std::string name;
  };
  std::vector<Open> stack;
  Value root;
  std::string text;
  std::string complaint;

  bool add(Value value, bj::error_code& ec) {
    if (stack.empty()) {
      root = std::move(value);
      return true;
    }
    Open& open = stack.back();
    if (!open.is_object) {
      open.items.push_back(std::move(value));
      return true;
    }
    if (open.members.contains(open.name)) return refuse("the member name \"" + open.name + "\" occurs twice", ec);
    open.members.set(open.name, std::move(value));
    return true;
  }
  bool refuse(std::string reason, bj::error_code& ec) {
    complaint = std::move(reason);
    ec = bj::make_error_code(bj::error::syntax);
    return false;
  }

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) {
    stack.push_back({.is_object = true, .items = {}, .members = {}, .name = {}});
    return true;
  }
  bool on_object_end(std::size_t, bj::error_code& ec) {
    Value value(std::move(stack.back().members));
    stack.pop_back();
    return add(std::move(value), ec);
  }
  bool on_array_begin(bj::error_code&) {
    stack.emplace_back();
    return true;
  }
  bool on_array_end(std::size_t, bj::error_code& ec) {
    Value value(std::move(stack.back().items));
    stack.pop_back();
    return add(std::move(value), ec);
  }
  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(bj::string_view part, std::size_t, bj::error_code&) {
    text.append(part.data(), part.size());
    stack.back().name = std::move(text);
    text.clear();
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(bj::string_view part, std::size_t, bj::error_code& ec) {
    text.append(part.data(), part.size());
    Value value(std::move(text));
    text.clear();
    return add(std::move(value), ec);
  }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t number, bj::string_view, bj::error_code& ec) { return add(number, ec); }
  bool on_uint64(std::uint64_t number, bj::string_view, bj::error_code& ec) { return add(number, ec); }
  bool on_double(double number, bj::string_view, bj::error_code& ec) {
    if (!std::isfinite(number)) return refuse("a number is outside the range of a double", ec);
    return add(number, ec);
  }
  bool on_bool(bool value, bj::error_code& ec) { return add(value, ec); }
  bool on_null(bj::error_code& ec) { return add(nullptr, ec); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }
};

Location location_of(std::string_view text, size_t offset) {
  Location where{.file = {}, .line = 1, .column = 1};
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++where.line;
      where.column = 1;
    } else {
      ++where.column;
    }
  }
  return where;
}

std::string describe(const bj::error_code& ec, std::string_view text, size_t offset, size_t depth_max) {
  if (ec == bj::error::incomplete) return "the JSON text ends too early";
  if (ec == bj::error::too_deep) return "JSON is nested deeper than " + std::to_string(depth_max) + " levels";
  std::string reason = ec.message();
  if (offset < text.size()) {
    reason += " at '" + std::string(text.substr(offset, 12)) + "'";
  }
  return "not valid JSON: " + reason;
}

}  // namespace

Result<Value> parse(std::string_view text, size_t depth_max) {
  bj::parse_options options;
  options.max_depth = depth_max;
  bj::basic_parser<Builder> parser(options);
  bj::error_code ec;
  const size_t used = parser.write_some(false, text.data(), text.size(), ec);
  const size_t rest = text.find_first_not_of(" \t\r\n", used);
  if (!ec && rest == std::string_view::npos) return std::move(parser.handler().root);
  Error error{.code = Errc::parse_error, .message = {}};
  if (!ec) {
    error.message = "text follows the JSON value: '" + std::string(text.substr(rest, 12)) + "'";
  } else if (!parser.handler().complaint.empty()) {
    error.message = parser.handler().complaint;
  } else {
    error.message = describe(ec, text, used, depth_max);
  }
  return fail(std::move(error).at(location_of(text, ec ? used : rest)));
}

Result<Value> parse_embedded(std::string_view text) {
  size_t tries = 0;
  for (size_t start = text.find_first_of("{["); start != std::string_view::npos && ++tries <= kEmbeddedTriesMax;
       start = text.find_first_of("{[", start + 1)) {
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = start; i < text.size(); ++i) {
      const char c = text[i];
      if (in_string) {
        if (c == '\\') {
          ++i;
        } else if (c == '"') {
          in_string = false;
        }
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        auto value = parse(text.substr(start, i - start + 1));
        if (value) return value;
        break;
      }
    }
  }
  return fail(Errc::parse_error, "no JSON object or array found in '" + std::string(text.substr(0, 80)) + "'");
}

}  // namespace compozy::json
