// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/assert.hpp"
#include "base/duration.hpp"
#include "base/text.hpp"
#include "json/print.hpp"

namespace compozy::config {

namespace {

constexpr std::string_view kHidden = "***";

Result<int64_t> read_number(const Key& key, const std::string& text) {
  int64_t number = 0;
  switch (key.type) {
    case Type::integer:
      if (!parse_int64(text, number))
        return fail(Errc::invalid_argument, "expected a whole number, found '" + text + "'");
      break;
    case Type::boolean:
      if (text == "true" || text == "false") return text == "true" ? 1 : 0;
      return fail(Errc::invalid_argument, "expected true or false, found '" + text + "'");
    case Type::duration: {
      TRY(number, parse_duration_ms(text));
      break;
    }
    case Type::size: {
      TRY(number, parse_size_bytes(text));
      break;
    }
    case Type::choice: {
      const auto choices = split(key.choices, '|');
      if (std::ranges::find(choices, text) == choices.end()) {
        return fail(Errc::invalid_argument, "expected " + replace_all(std::string(key.choices), "|", ", ") +
                                                ", found '" + text + "'" + did_you_mean(text, choices));
      }
      return 0;
    }
    case Type::text:
    case Type::list: return 0;
  }
  if (number < key.min || number > key.max) {
    return fail(Errc::invalid_argument,
                "'" + text + "' is outside " + std::to_string(key.min) + " to " + std::to_string(key.max));
  }
  return number;
}

Result<std::string> text_of(const Key& key, const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::string: return value.as_string();
    case json::Kind::boolean:
    case json::Kind::integer:
    case json::Kind::number: return json::print(value);
    case json::Kind::null: return std::string();
    default:
      return fail(Errc::type_mismatch, "expected a " + std::string(type_name(key.type)) + ", found an " +
                                           std::string(json::kind_name(value.kind())));
  }
}

// Collects every error of a load, so that one run of `config validate` shows them all.
class Loader {
 public:
  explicit Loader(const Inputs& inputs) : inputs_(inputs) {}

  void read_file(const json::Value& node, const std::string& prefix) {
    if (!node.is_object()) {
      report(fail(Errc::type_mismatch, "expected a map of settings").error(), prefix);
      return;
    }
    for (const auto& [name, value] : node.as_object()) {
      const std::string path = prefix.empty() ? name : prefix + '.' + name;
      if (const Key* key = find_key(path)) {
        if (key->path != path) notes.push_back("'" + path + "' is the old name of '" + std::string(key->path) + "'");
        auto text = text_of(*key, value);
        if (!text) {
          report(std::move(text).error(), path);
        } else if (!text->empty()) {
          add(*key, {.source = Source::file, .origin = locate(path).to_string(), .text = std::move(*text)});
        }
      } else if (is_section(path)) {
        read_file(value, path);
      } else {
        std::vector<std::string_view> known;
        for (const Key& row : keys()) known.push_back(row.path);
        report(Error{.code = Errc::validation_failed,
                     .message = "unknown configuration key '" + path + "'" + did_you_mean(path, known)},
               path);
      }
    }
  }

  void add(const Key& key, Candidate candidate) {
    if (auto number = read_number(key, candidate.text); !number) {
      Error error = std::move(number).error();
      if (candidate.source == Source::file) {
        error.code = Errc::validation_failed;
        report(std::move(error), key.path);
      } else {
        errors.push_back(std::move(error).in_field(key.path).with_context(candidate.origin));
      }
      return;
    }
    found[key.path].push_back(std::move(candidate));
  }

  static bool is_section(std::string_view path) {
    return std::ranges::any_of(keys(), [&](const Key& key) {
      const auto inside = [&](std::string_view whole) {
        return whole.size() > path.size() && whole.starts_with(path) && whole[path.size()] == '.';
      };
      return inside(key.path) || inside(key.alias);
    });
  }

  std::map<std::string_view, std::vector<Candidate>> found;
  std::vector<Error> errors;
  std::vector<std::string> notes;

 private:
  Location locate(std::string_view path) const {
    return inputs_.locate ? inputs_.locate(path) : Location{.file = "compozy.yaml"};
  }
  void report(Error error, std::string_view path) {
    errors.push_back(std::move(error).in_field(path).at(locate(path)));
  }

  const Inputs& inputs_;
};

}  // namespace

std::vector<std::string_view> section_names() {
  std::set<std::string_view> names;
  for (const Key& key : keys()) {
    names.insert(key.path.substr(0, key.path.find('.')));
    if (!key.alias.empty()) names.insert(key.alias.substr(0, key.alias.find('.')));
  }
  return {names.begin(), names.end()};
}

Result<Config> Config::load(const Inputs& inputs) {
  Loader loader(inputs);
  for (const Key& key : keys()) {
    if (!key.fallback.empty())
      loader.add(key, {.source = Source::fallback, .origin = "default", .text = std::string(key.fallback)});
  }
  if (!inputs.file.is_null()) loader.read_file(inputs.file, "");
  for (const Key& key : keys()) {
    const char* value = inputs.getenv && !key.env.empty() ? inputs.getenv(std::string(key.env)) : nullptr;
    if (value != nullptr && *value != '\0')
      loader.add(key, {.source = Source::environment, .origin = std::string(key.env), .text = value});
  }
  for (const auto& [name, text] : inputs.flags) {
    const auto row =
        std::ranges::find_if(keys(), [&](const Key& key) { return !key.flag.empty() && key.flag == name; });
    ASSERT(row != keys().end());
    loader.add(*row, {.source = Source::flag, .origin = "--" + name, .text = text});
  }
  if (!loader.errors.empty()) {
    Error first = loader.errors.front();
    for (size_t i = 1; i < loader.errors.size(); ++i) first.message += "\n" + loader.errors[i].to_string();
    return fail(std::move(first));
  }
  Config config;
  config.notes_ = std::move(loader.notes);
  for (const Key& key : keys()) {
    Setting& setting = config.settings_[key.path];
    setting.key = &key;
    setting.candidates = std::move(loader.found[key.path]);
    if (!setting.candidates.empty()) setting.number = read_number(key, setting.candidates.back().text).value();
  }
  return config;
}

const Config::Setting& Config::setting(std::string_view path) const {
  const auto it = settings_.find(path);
  ASSERT(it != settings_.end());
  return it->second;
}

const std::string& Config::text(std::string_view path) const {
  static const std::string kNone;
  const Setting& found = setting(path);
  return found.candidates.empty() ? kNone : found.candidates.back().text;
}
int64_t Config::integer(std::string_view path) const { return setting(path).number; }
bool Config::boolean(std::string_view path) const { return setting(path).number != 0; }
int64_t Config::duration_ms(std::string_view path) const { return setting(path).number; }
int64_t Config::size_bytes(std::string_view path) const { return setting(path).number; }
bool Config::is_set(std::string_view path) const { return !setting(path).candidates.empty(); }
const std::vector<Candidate>& Config::candidates(std::string_view path) const { return setting(path).candidates; }

json::Value Config::show() const {
  json::Value all;
  for (const Key& key : keys()) {
    const Setting& found = setting(key.path);
    if (found.candidates.empty()) {
      all.set(key.path, json::Value::object({{"value", json::Value()}, {"source", "not set"}}));
      continue;
    }
    const Candidate& winner = found.candidates.back();
    json::Value value(winner.text);
    if (key.type == Type::integer) value = found.number;
    if (key.type == Type::boolean) value = found.number != 0;
    if (key.secret) value = kHidden;
    all.set(key.path, json::Value::object({{"value", std::move(value)}, {"source", winner.origin}}));
  }
  return all;
}

Result<std::string> Config::explain(std::string_view path) const {
  const Key* key = find_key(path);
  if (key == nullptr) {
    std::vector<std::string_view> known;
    for (const Key& row : keys()) known.push_back(row.path);
    return fail(Errc::not_found, "unknown configuration key '" + std::string(path) + "'" + did_you_mean(path, known));
  }
  const Setting& found = setting(key->path);
  std::string text =
      std::string(key->path) + " (" + std::string(type_name(key->type)) + "): " + std::string(key->help) + "\n";
  if (!key->choices.empty()) text += "  one of   " + replace_all(std::string(key->choices), "|", ", ") + "\n";
  text += "  set by   compozy.yaml, " + std::string(key->env) +
          (key->flag.empty() ? "" : ", --" + std::string(key->flag)) + "\n";
  if (found.candidates.empty()) return text + "  value    not set\n";
  for (size_t i = found.candidates.size(); i-- > 0;) {
    const Candidate& candidate = found.candidates[i];
    const bool wins = i + 1 == found.candidates.size();
    text += std::string(wins ? "  value    " : "  hidden   ") + (key->secret ? std::string(kHidden) : candidate.text) +
            "   from " + candidate.origin + "\n";
  }
  return text;
}

}  // namespace compozy::config
