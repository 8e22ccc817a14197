// SPDX-License-Identifier: Apache-2.0
//
// `compozy init`: a project that runs as it is, offline, with the mock model. Existing files are never overwritten.
#include <array>
#include <filesystem>

#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/output.hpp"
#include "io/file.hpp"

namespace compozy::cli {

namespace {

struct File {
  const char* path;
  const char* text;
};

constexpr std::array kFiles{
    File{"compozy.yaml", R"(name: NAME
version: 0.1.0
description: My first Compozy project

# Everything in one process. `compozy start` alone would mean `distributed`.
mode: standalone

workflows:
  - source: ./workflows/hello.yaml

models:
  # The mock model answers offline. For a real one:
  #   provider: openai
  #   model: gpt-4o-mini
  #   api_key: "{{ .env.OPENAI_API_KEY }}"
  - provider: mock
    model: mock
    default: true
)"},
    File{"workflows/hello.yaml", R"(id: hello
description: Greets somebody, then says how long the greeting is.

config:
  input:
    type: object
    properties:
      name: { type: string, default: world }

agents:
  - id: greeter
    instructions: You greet people in one short sentence.
    actions:
      - id: greet
        prompt: "Greet {{ .input.name }}."

tasks:
  - id: greeting
    agent: greeter
    action: greet
    with:
      name: "{{ .workflow.input.name }}"
    on_success:
      next: measure
  - id: measure
    type: aggregate
    outputs:
      text: "{{ .tasks.greeting.output.response }}"
      length: "{{ len .tasks.greeting.output.response }}"

outputs:
  greeting: "{{ .tasks.measure.output.text }}"
  length: "{{ .tasks.measure.output.length }}"
)"},
    File{".gitignore", ".compozy/\n"},
};

// The nearest name that a project may have: letters, digits, '-' and '_', no digit first, at most 63 characters.
std::string name_from_folder(std::string_view folder) {
  constexpr size_t kNameMax = 63;
  std::string name;
  for (const char c : folder) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (letter || (digit && !name.empty())) name += c;
    if (!letter && !digit && !name.empty() && name.back() != '-') name += '-';
  }
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "hello" : name.substr(0, kNameMax);
}

}  // namespace

Result<void> run_init(Invocation& invocation) {
  const std::filesystem::path root = invocation.positional(0).empty() ? "." : invocation.positional(0);
  std::string name = invocation.value("--name");
  if (name.empty()) {
    name = name_from_folder(std::filesystem::absolute(root / ".").lexically_normal().parent_path().filename().string());
  } else if (name != name_from_folder(name)) {
    return fail(
        Errc::invalid_argument,
        "--name '" + name +
            "' must be letters, digits, '-' and '_', not start with a digit, and have at most 63; for example '" +
            name_from_folder(name) + "'");
  }
  for (const File& file : kFiles) {
    std::error_code ec;
    if (std::filesystem::exists(root / file.path, ec) && std::string_view(file.path) != ".gitignore") {
      return fail(Errc::already_exists,
                  "'" + (root / file.path).lexically_normal().string() + "' exists; nothing was written");
    }
  }
  json::Value written = json::Value::array();
  for (const File& file : kFiles) {
    const std::filesystem::path path = root / file.path;
    std::error_code ec;
    if (std::filesystem::exists(path, ec)) continue;
    std::filesystem::create_directories(path.parent_path(), ec);
    if (ec) return fail(system_error("create", path.parent_path().string(), ec.value()));
    TRY(io::write_file_atomic(path.string(), replace_all(file.text, "NAME", name)));
    written.push_back(path.lexically_normal().string());
  }
  if (invocation.json()) {
    print_json(json::Value::object({{"written", std::move(written)}}));
    return {};
  }
  for (const json::Value& path : written.as_array()) line("wrote " + path.as_string());
  const std::string cwd = root == "." ? "" : " --cwd " + root.string();
  line("next: compozy start" + cwd);
  line("then: compozy workflow execute hello --param name=Ada --wait" + cwd + "   (in another shell)");
  return {};
}

}  // namespace compozy::cli
