// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/reply.hpp"

#include "base/text.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

Failure unexpected_kind(const Reply& reply, std::string_view wanted) {
  if (reply.is_error()) return reply.to_failure();
  if (reply.is_null())
    return fail(Errc::not_found, "Redis answered nil where " + std::string(wanted) + " was expected");
  return fail(Errc::type_mismatch,
              "Redis answered " + shorten(reply.to_string(), 120) + " where " + std::string(wanted) + " was expected");
}

Errc code_of(std::string_view error_code) {
  if (error_code == "NOAUTH" || error_code == "WRONGPASS") return Errc::unauthenticated;
  if (error_code == "NOPERM") return Errc::permission_denied;
  if (error_code == "WRONGTYPE") return Errc::type_mismatch;
  if (error_code == "MISCONF") return Errc::storage_full;
  if (error_code == "OOM") return Errc::limit_exceeded;
  if (error_code == "EXECABORT") return Errc::conflict;
  for (const std::string_view away : {"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY"}) {
    if (error_code == away) return Errc::unavailable;
  }
  return Errc::invalid_argument;
}

}  // namespace

bool Reply::is_text() const {
  return kind == Kind::simple || kind == Kind::bulk || kind == Kind::verbatim || kind == Kind::big_number;
}

std::string_view Reply::error_code() const {
  if (!is_error()) return {};
  return std::string_view(text).substr(0, text.find(' '));
}

Failure Reply::to_failure() const { return fail(code_of(error_code()), "Redis answered: " + text); }

Result<std::string> Reply::as_text() const {
  if (is_text()) return text;
  if (kind == Kind::integer || kind == Kind::boolean) return std::to_string(integer);
  if (kind == Kind::number) return format_reply_double(number);
  return unexpected_kind(*this, "a text");
}

Result<int64_t> Reply::as_integer() const {
  if (kind == Kind::integer || kind == Kind::boolean) return integer;
  int64_t value = 0;
  if (is_text() && parse_int64(text, value)) return value;
  return unexpected_kind(*this, "an integer");
}

Result<double> Reply::as_number() const {
  if (kind == Kind::number) return number;
  if (kind == Kind::integer) return static_cast<double>(integer);
  double value = 0;
  if (is_text() && parse_double(text, value)) return value;
  return unexpected_kind(*this, "a number");
}

Result<std::vector<std::string>> Reply::as_texts() const {
  if (!is_aggregate()) return unexpected_kind(*this, "a list of texts");
  std::vector<std::string> texts;
  texts.reserve(items.size());
  for (const Reply& item : items) {
    TRY(std::string one, item.as_text());
    texts.push_back(std::move(one));
  }
  return texts;
}

Result<std::vector<std::pair<std::string, std::string>>> Reply::as_pairs() const {
  if (!is_aggregate() || items.size() % 2 != 0) return unexpected_kind(*this, "pairs of texts");
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(items.size() / 2);
  for (size_t i = 0; i < items.size(); i += 2) {
    TRY(std::string name, items[i].as_text());
    TRY(std::string value, items[i + 1].as_text());
    pairs.emplace_back(std::move(name), std::move(value));
  }
  return pairs;
}

std::string Reply::to_string() const {
  switch (kind) {
    case Kind::null: return "(nil)";
    case Kind::error: return "(error) " + text;
    case Kind::simple: return text;
    case Kind::bulk:
    case Kind::verbatim:
    case Kind::big_number: return "\"" + text + "\"";
    case Kind::integer: return "(integer) " + std::to_string(integer);
    case Kind::boolean: return integer != 0 ? "(true)" : "(false)";
    case Kind::number: return "(double) " + format_reply_double(number);
    default: break;
  }
  std::string shown = kind == Kind::map ? "{" : kind == Kind::set ? "~[" : kind == Kind::push ? ">[" : "[";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) shown += kind == Kind::map && i % 2 == 1 ? ": " : ", ";
    shown += items[i].to_string();
  }
  return shown + (kind == Kind::map ? "}" : "]");
}

}  // namespace compozy::redis
