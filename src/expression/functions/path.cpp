// SPDX-License-Identifier: Apache-2.0
//
// Sprig's functions about paths (Go's path package; the os… names are the same on Linux), URLs (RFC 3986) and versions
// (semver.org 2.0.0, with the constraints of github.com/Masterminds/semver).
#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <vector>

#include "base/text.hpp"
#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"

namespace compozy::expression {
namespace {

using json::Value;

std::string cleaned(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !kept.empty() && kept.back() != "..") {
      kept.pop_back();
    } else if (part != ".." || !rooted) {
      kept.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (size_t i = 0; i < kept.size(); ++i) out.append(i > 0 ? "/" : "").append(kept[i]);
  return out.empty() ? "." : out;
}

Result<Value> base(CallScope&, Args args) {
  std::string path = go_value(args[0]);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty()) return Value(".");
  const size_t slash = path.rfind('/');
  return Value(slash == std::string::npos || path.size() == 1 ? path : path.substr(slash + 1));
}
Result<Value> dir(CallScope&, Args args) {
  const std::string path = go_value(args[0]);
  return Value(cleaned(path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1)));
}
Result<Value> ext(CallScope& scope, Args args) {
  TRY(const Value name, base(scope, args));
  const size_t dot = name.as_string().rfind('.');
  return Value(dot == std::string::npos ? std::string() : name.as_string().substr(dot));
}
Result<Value> clean(CallScope&, Args args) { return Value(cleaned(go_value(args[0]))); }
Result<Value> is_absolute(CallScope&, Args args) { return Value(go_value(args[0]).starts_with('/')); }

// --- URLs

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Result<Value> url_parse(CallScope&, Args args) {
  TRY(const std::string text, text_argument(args[0]));
  std::string_view rest = text;
  const auto cut = [&](char mark) {  // what stands behind the mark, which goes
    const size_t at = rest.find(mark);
    if (at == std::string_view::npos) return std::string();
    std::string tail(rest.substr(at + 1));
    rest = rest.substr(0, at);
    return tail;
  };
  Value out = Value::object();
  out.set("fragment", percent_decoded(cut('#')));
  out.set("query", cut('?'));
  std::string scheme;
  if (const size_t colon = rest.find(':'); colon != std::string_view::npos && rest.find('/') > colon) {
    scheme = to_lower(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
  }
  out.set("scheme", scheme);
  std::string host;
  std::string user;
  std::string opaque;
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    const size_t slash = std::min(rest.find('/'), rest.size());
    host = rest.substr(0, slash);
    rest.remove_prefix(slash);
    if (const size_t at = host.rfind('@'); at != std::string::npos) {
      user = host.substr(0, at);
      host = host.substr(at + 1);
    }
  } else if (!scheme.empty() && !rest.starts_with('/')) {
    opaque = rest;
    rest = {};
  }
  out.set("host", host);
  out.set("hostname",
          host.substr(0, host.rfind(':') == std::string::npos || host.ends_with(']') ? host.size() : host.rfind(':')));
  out.set("path", percent_decoded(rest));
  out.set("opaque", opaque);
  out.set("userinfo", user);
  return out;
}

Result<Value> url_join(CallScope&, Args args) {
  TRY(const json::Object* parts, dict_argument(args[0]));
  const auto part = [&](std::string_view name) {
    const Value* found = parts->find(name);
    return found == nullptr || found->is_null() ? std::string() : go_value(*found);
  };
  std::string out;
  if (!part("scheme").empty()) out = part("scheme") + ":";
  if (!part("opaque").empty()) {
    out += part("opaque");
  } else {
    if (!part("host").empty() || !part("userinfo").empty()) {
      out += "//" + (part("userinfo").empty() ? "" : part("userinfo") + "@") + part("host");
      if (!part("path").empty() && !part("path").starts_with('/')) out += '/';
    }
    for (const char c : part("path")) out += c == ' ' ? "%20" : std::string(1, c);
  }
  if (!part("query").empty()) out += "?" + part("query");
  if (!part("fragment").empty()) out += "#" + part("fragment");
  return Value(std::move(out));
}

// --- versions

struct Version {
  std::array<int64_t, 3> numbers{};
  int given = 0;  // how many of the numbers were written
  std::string prerelease, metadata;
};

bool parse_version(std::string_view text, Version& out) {
  text = trim(text);
  if (text.starts_with('v')) text.remove_prefix(1);
  if (const size_t plus = text.find('+'); plus != std::string_view::npos) {
    out.metadata = text.substr(plus + 1);
    text = text.substr(0, plus);
  }
  if (const size_t dash = text.find('-'); dash != std::string_view::npos) {
    out.prerelease = text.substr(dash + 1);
    text = text.substr(0, dash);
  }
  for (const std::string_view part : split(text, '.')) {
    if (out.given == 3) return false;
    if (part == "x" || part == "X" || part == "*") return true;
    if (part.empty() || !parse_int64(part, out.numbers[static_cast<size_t>(out.given)]) || part[0] == '-') return false;
    ++out.given;
  }
  return out.given > 0;
}

// semver.org section 11.4
std::strong_ordering compare_prereleases(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return b.size() <=> a.size();  // a version without one is later
  const auto left = split(a, '.');
  const auto right = split(b, '.');
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    int64_t x = 0;
    int64_t y = 0;
    const bool x_number = parse_int64(left[i], x);
    const bool y_number = parse_int64(right[i], y);
    const auto order = x_number && y_number   ? x <=> y
                       : x_number != y_number ? y_number <=> x_number
                                              : left[i] <=> right[i];
    if (order != 0) return order;
  }
  return left.size() <=> right.size();
}
std::strong_ordering compare(const Version& a, const Version& b) {
  if (const auto order = a.numbers <=> b.numbers; order != 0) return order;
  if (a.prerelease.empty() != b.prerelease.empty()) return a.prerelease.empty() <=> b.prerelease.empty();
  return compare_prereleases(a.prerelease, b.prerelease);
}

// The first version above all that `kept` numbers of v allow.
Version next_after(Version v, int kept) {
  v.prerelease.clear();
  for (size_t i = 0; i < 3; ++i) {
    if (std::cmp_equal(i, kept - 1)) ++v.numbers[i];
    if (std::cmp_greater_equal(i, kept)) v.numbers[i] = 0;
  }
  return v;
}

// One constraint: an operator and a version, of which the last numbers may be missing.
Result<bool> satisfies(const Version& version, std::string_view constraint) {
  constexpr std::array<std::string_view, 10> kOperators{"!=", ">=", "=>", "<=", "=<", "=", ">", "<", "~", "^"};
  std::string_view op = "";
  for (const std::string_view each : kOperators) {
    if (op.empty() && constraint.starts_with(each)) op = each;
  }
  if (constraint.starts_with("~>")) op = "~>";
  Version bound;
  const std::string_view text = trim(constraint.substr(op.size()));
  const bool any = text.empty() || text == "*" || text == "x" || text == "X";
  if (!any && !parse_version(text, bound))
    return fail(Errc::invalid_argument, "'" + std::string(constraint) + "' is no constraint of versions");
  if (!version.prerelease.empty() && bound.prerelease.empty()) return false;
  if (any) return true;
  const auto order = compare(version, bound);
  const bool within = order >= 0 && compare(version, next_after(bound, bound.given)) < 0;
  const bool partial = bound.given < 3;
  if (op == "!=") return partial ? !within : order != 0;
  if (op == ">") return partial ? order > 0 && !within : order > 0;
  if (op == "<") return order < 0;
  if (op == ">=" || op == "=>") return order >= 0;
  if (op == "<=" || op == "=<") return order <= 0 || (partial && within);
  if (op == "~" || op == "~>") return order >= 0 && compare(version, next_after(bound, std::min(bound.given, 2))) < 0;
  if (op == "^") {
    int kept = 1;
    while (kept < bound.given && bound.numbers[static_cast<size_t>(kept - 1)] == 0) ++kept;
    return order >= 0 && compare(version, next_after(bound, kept)) < 0;
  }
  return partial ? within : order == 0;
}

Result<bool> satisfies_all(const Version& version, std::string_view constraints) {
  if (const size_t dash = constraints.find(" - "); dash != std::string_view::npos) {
    TRY(const bool low, satisfies(version, ">=" + std::string(trim(constraints.substr(0, dash)))));
    TRY(const bool high, satisfies(version, "<=" + std::string(trim(constraints.substr(dash + 3)))));
    return low && high;
  }
  std::string spaced = replace_all(std::string(constraints), ",", " ");
  for (const std::string_view op : {">=", "<=", "!=", "=>", "=<", "~>", ">", "<", "=", "~", "^"})
    spaced = replace_all(spaced, std::string(op) + " ", std::string(op));
  for (const std::string_view each : split(spaced, ' ')) {
    if (each.empty()) continue;
    TRY(const bool fits, satisfies(version, each));
    if (!fits) return false;
  }
  return true;
}

Result<Value> semver(CallScope&, Args args) {
  TRY(const std::string text, text_argument(args[0]));
  Version version;
  if (!parse_version(text, version) || version.given == 0)
    return fail(Errc::invalid_argument, "'" + text + "' is no version such as 1.2.3");
  return Value::object({{"Major", version.numbers[0]},
                        {"Minor", version.numbers[1]},
                        {"Patch", version.numbers[2]},
                        {"Prerelease", version.prerelease},
                        {"Metadata", version.metadata},
                        {"Original", text}});
}

Result<Value> semver_compare(CallScope&, Args args) {
  TRY(const std::string constraints, text_argument(args[0]));
  TRY(const std::string text, text_argument(args[1]));
  Version version;
  if (!parse_version(text, version)) return fail(Errc::invalid_argument, "'" + text + "' is no version such as 1.2.3");
  for (size_t at = 0; at <= constraints.size();) {
    const size_t end = std::min(constraints.find("||", at), constraints.size());
    TRY(const bool fits, satisfies_all(version, trim(std::string_view(constraints).substr(at, end - at))));
    if (fits) return Value(true);
    at = end + 2;
  }
  return Value(false);
}

constexpr std::array kFunctions{
    Function{"base", 1, 1, base},
    Function{"dir", 1, 1, dir},
    Function{"ext", 1, 1, ext},
    Function{"clean", 1, 1, clean},
    Function{"isAbs", 1, 1, is_absolute},
    Function{"osBase", 1, 1, base},
    Function{"osDir", 1, 1, dir},
    Function{"osExt", 1, 1, ext},
    Function{"osClean", 1, 1, clean},
    Function{"osIsAbs", 1, 1, is_absolute},
    Function{"urlParse", 1, 1, url_parse},
    Function{"urlJoin", 1, 1, url_join},
    Function{"semver", 1, 1, semver},
    Function{"semverCompare", 2, 2, semver_compare},
};

}  // namespace

std::span<const Function> path_functions() { return kFunctions; }

}  // namespace compozy::expression
