// SPDX-License-Identifier: Apache-2.0
#include "project/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

#include "base/text.hpp"

namespace compozy::project {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// Thrown through yaml-cpp, which offers its handlers no other way to stop.
struct Refused {
  Error error;
};

bool all_of_set(std::string_view text, std::string_view set) {
  return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

json::Value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0o")) {
    base = digits[1] == 'x' ? 16 : 8;
    digits.remove_prefix(2);
  }
  const std::string number = (negative ? "-" : "") + std::string(digits);
  int64_t integer = 0;
  const char* end = number.data() + number.size();
  auto [stop, error] = std::from_chars(number.data(), end, integer, base);
  if (!digits.empty() && digits[0] != '-' && error == std::errc() && stop == end) return integer;
  // A float has a digit, and nothing but digits, a point and an exponent: "1.5", ".5", "1e3"; not "1.2.3", "e5", "inf".
  const size_t exponent = digits.find_first_of("eE");
  const std::string_view mantissa = digits.substr(0, exponent);
  double value = 0;
  const bool shaped = base == 10 && all_of_set(mantissa, "0123456789.") && mantissa != ".";
  if (shaped && parse_double(number, value) && std::isfinite(value)) return value;
  return text;
}

class Composer final : public YAML::EventHandler {
 public:
  explicit Composer(std::string file) : file_(std::make_shared<const std::string>(std::move(file))) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(scalar(mark, {}), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "an alias refers to itself or to nothing");
    grow(mark, found->second.count());
    add(found->second, YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (tag == "?" || tag.empty()) return add(scalar(mark, plain_scalar(text)), anchor);
    if (tag == "!" || tag == std::string(kTagPrefix) + "str") return add(scalar(mark, text), anchor);
    for (const std::string_view known : {"int", "float", "bool", "null"}) {
      if (tag == std::string(kTagPrefix) + std::string(known)) return add(scalar(mark, plain_scalar(text)), anchor);
    }
    refuse(mark, "unknown tag '" + tag + "'");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "seq");
    open(mark, anchor, Node::Shape::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "map");
    open(mark, anchor, Node::Shape::map);
  }
  void OnMapEnd() override {
    merge(stack_.back().node);
    close();
  }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool has_key = false;
    std::string key;
    Mark key_mark;
  };

  Mark mark_of(const YAML::Mark& mark) const {
    return {
        .file = file_, .line = static_cast<uint32_t>(mark.line + 1), .column = static_cast<uint32_t>(mark.column + 1)};
  }
  [[noreturn]] void refuse(const Mark& mark, std::string message) const {
    throw Refused{Error{.code = Errc::parse_error, .message = std::move(message)}.at(mark.location())};
  }
  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message) const {
    refuse(mark_of(mark), std::move(message));
  }

  void check_tag(const YAML::Mark& mark, const std::string& tag, std::string_view kind) const {
    if (tag.empty() || tag == "?" || tag == "!" || tag == std::string(kTagPrefix) + std::string(kind)) return;
    refuse(mark, "unknown tag '" + tag + "'");
  }

  void grow(const YAML::Mark& mark, size_t by) {
    nodes_ += by;
    if (nodes_ > kYamlNodesMax) {
      refuse(mark, "more than " + std::to_string(kYamlNodesMax) + " values, aliases expanded");
    }
  }
  Node scalar(const YAML::Mark& mark, json::Value value) {
    grow(mark, 1);
    Node node;
    node.mark = mark_of(mark);
    node.scalar = std::move(value);
    return node;
  }
  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Shape shape) {
    if (stack_.size() >= kYamlDepthMax) refuse(mark, "nested deeper than " + std::to_string(kYamlDepthMax) + " levels");
    grow(mark, 1);
    Frame frame;
    frame.node.shape = shape;
    frame.node.mark = mark_of(mark);
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }
  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(frame.node), frame.anchor);
  }

  void add(Node node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.is_list()) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, node);
    } else {
      frame.has_key = false;
      frame.node.members.push_back({.name = std::move(frame.key), .mark = frame.key_mark, .value = std::move(node)});
    }
  }
  void take_key(Frame& frame, const Node& key) {
    if (key.shape != Node::Shape::scalar) refuse(key.mark, "a key must be a text");
    const json::Value& value = key.scalar;
    frame.key = value.is_string()    ? value.as_string()
                : value.is_integer() ? std::to_string(value.as_integer())
                : value.is_bool()    ? (value.as_bool() ? "true" : "false")
                : value.is_number()  ? format_double(value.as_double())
                                     : "null";
    if (frame.key != "<<" && frame.node.find(frame.key) != nullptr) {
      const auto same = [&](const Node::Member& member) { return member.name == frame.key; };
      const auto first = std::find_if(frame.node.members.begin(), frame.node.members.end(), same);
      refuse(key.mark,
             "key '" + frame.key + "' occurs twice; the first is in line " + std::to_string(first->mark.line));
    }
    frame.key_mark = key.mark;
    frame.has_key = true;
  }

  void merge(Node& map) const {
    std::vector<Node> sources;
    for (Node::Member& member : map.members) {
      if (member.name != "<<") continue;
      if (member.value.is_list()) {
        for (Node& item : member.value.items) sources.push_back(std::move(item));
      } else {
        sources.push_back(std::move(member.value));
      }
    }
    map.erase("<<");
    for (Node& source : sources) {
      if (!source.is_map()) refuse(source.mark, "'<<' merges maps only");
      for (Node::Member& member : source.members) {
        if (map.find(member.name) == nullptr) map.members.push_back(std::move(member));
      }
    }
  }

  std::shared_ptr<const std::string> file_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  size_t nodes_ = 0;
  Node root_;
};

}  // namespace

Result<Node> parse_yaml(std::string_view text, std::string file) {
  Location start{.file = file, .line = 1, .column = 1};
  if (!is_valid_utf8(text)) return fail(Error{.code = Errc::parse_error, .message = "the file is not UTF-8"}.at(start));
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Composer composer(file);
    if (!parser.HandleNextDocument(composer))
      return Node{.mark = {.file = std::make_shared<const std::string>(file), .line = 1, .column = 1}};
    Node root = composer.take();
    Composer rest(file);
    if (parser.HandleNextDocument(rest)) {
      return fail(Error{.code = Errc::parse_error, .message = "the file holds more than one YAML document"}.at(start));
    }
    return root;
  } catch (const Refused& refused) {
    return fail(refused.error);
  } catch (const YAML::Exception& thrown) {
    Location where{.file = std::move(file),
                   .line = static_cast<uint32_t>(thrown.mark.line + 1),
                   .column = static_cast<uint32_t>(thrown.mark.column + 1)};
    return fail(Error{.code = Errc::parse_error, .message = "not YAML: " + thrown.msg}.at(std::move(where)));
  }
}

}  // namespace compozy::project
