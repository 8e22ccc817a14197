// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/reply_parser.hpp"

#include <algorithm>
#include <limits>

#include "base/text.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kNestingMax = 128;
constexpr int64_t kBulkMax = 512LL * 1024 * 1024;
constexpr int64_t kItemsMax = 32LL * 1024 * 1024;
constexpr size_t kLineMax = 1024UL * 1024;

Failure broken(std::string_view what, std::string_view seen) {
  return fail(Errc::parse_error, "the Redis server sent " + std::string(what) + ": '" + shorten(seen, 60) + "'");
}

Reply::Kind aggregate_kind(char kind) {
  switch (kind) {
    case '%': return Reply::Kind::map;
    case '~': return Reply::Kind::set;
    case '>': return Reply::Kind::push;
    default: return Reply::Kind::array;
  }
}

}  // namespace

void ReplyParser::feed(std::string_view bytes) {
  if (start_ > 0 && (start_ == buffer_.size() || start_ > 64UL * 1024)) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  buffer_.append(bytes);
}

void ReplyParser::reset() {
  buffer_.clear();
  start_ = 0;
  open_.clear();
}

Result<std::optional<Reply>> ReplyParser::next() {
  while (true) {
    Reply item;
    TRY(const Step step, this->step(item));
    if (step == Step::need_more) return std::nullopt;
    if (step == Step::opened) continue;
    // An item is whole: it closes every aggregate that waited for it alone.
    while (true) {
      if (open_.empty()) return item;
      Open& top = open_.back();
      top.reply.items.push_back(std::move(item));
      if (--top.missing > 0) break;
      item = std::move(top.reply);
      const bool attribute = top.attribute;
      open_.pop_back();
      if (attribute) break;
    }
  }
}

Result<ReplyParser::Step> ReplyParser::step(Reply& out) {
  const size_t newline = buffer_.find('\n', start_);
  if (newline == std::string::npos) {
    if (buffered() > kLineMax) return broken("a line without end", std::string_view(buffer_).substr(start_));
    return Step::need_more;
  }
  if (newline < start_ + 2 || buffer_[newline - 1] != '\r') {
    return broken("a line that does not end in CR LF", std::string_view(buffer_).substr(start_, newline - start_));
  }
  const char kind = buffer_[start_];
  const std::string_view line = std::string_view(buffer_).substr(start_ + 1, newline - start_ - 2);
  const size_t after = newline + 1;
  switch (kind) {
    case '$':
    case '=':
    case '!': return step_bulk(kind, line, after, out);
    case '*':
    case '%':
    case '~':
    case '>':
    case '|': {
      int64_t count = 0;
      if (!parse_int64(line, count) || count < -1 || count > kItemsMax) return broken("an invalid length", line);
      start_ = after;
      return open_aggregate(kind, count, out);
    }
    default: break;
  }
  TRY(scalar(kind, line, out));
  start_ = after;
  return Step::item;
}

Result<void> ReplyParser::scalar(char kind, std::string_view line, Reply& out) {
  switch (kind) {
    case '+': out = {.kind = Reply::Kind::simple, .text = std::string(line)}; return {};
    case '-': out = {.kind = Reply::Kind::error, .text = std::string(line)}; return {};
    case '(': out = {.kind = Reply::Kind::big_number, .text = std::string(line)}; return {};
    case '_': out = {}; return {};
    case ':':
      out.kind = Reply::Kind::integer;
      if (!parse_int64(line, out.integer)) return broken("an invalid integer", line);
      return {};
    case '#':
      if (line != "t" && line != "f") return broken("an invalid boolean", line);
      out.kind = Reply::Kind::boolean;
      out.integer = line == "t" ? 1 : 0;
      return {};
    case ',':
      out.kind = Reply::Kind::number;
      if (line == "inf" || line == "-inf") {
        out.number = line == "inf" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
      } else if (line == "nan" || line == "-nan") {
        out.number = std::numeric_limits<double>::quiet_NaN();
      } else if (!parse_double(line, out.number)) {
        return broken("an invalid number", line);
      }
      return {};
    default: return broken("an unknown reply type", std::string(1, kind) + std::string(line));
  }
}

Result<ReplyParser::Step> ReplyParser::step_bulk(char kind, std::string_view line, size_t after, Reply& out) {
  int64_t size = 0;
  if (!parse_int64(line, size) || size < -1 || size > kBulkMax) return broken("an invalid bulk length", line);
  if (size == -1) {
    start_ = after;
    out = {};
    return Step::item;
  }
  const auto bytes = static_cast<size_t>(size);
  if (buffer_.size() - after < bytes + 2) return Step::need_more;
  out.text.assign(buffer_, after, bytes);
  out.kind = kind == '!' ? Reply::Kind::error : kind == '=' ? Reply::Kind::verbatim : Reply::Kind::bulk;
  if (kind == '=' && out.text.size() >= 4) out.text.erase(0, 4);
  start_ = after + bytes + 2;
  return Step::item;
}

Result<ReplyParser::Step> ReplyParser::open_aggregate(char kind, int64_t count, Reply& out) {
  out.kind = count == -1 ? Reply::Kind::null : aggregate_kind(kind);
  if (count <= 0) return kind == '|' ? Step::opened : Step::item;
  if (open_.size() >= kNestingMax) return broken("a reply nested too deeply", std::string(1, kind));
  const size_t items = static_cast<size_t>(count) * (kind == '%' || kind == '|' ? 2 : 1);
  out.items.reserve(std::min<size_t>(items, 1024));
  open_.push_back({std::move(out), items, kind == '|'});
  return Step::opened;
}

}  // namespace compozy::redis
