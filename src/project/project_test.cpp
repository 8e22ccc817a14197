// SPDX-License-Identifier: Apache-2.0
#include "project/project.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "json/print.hpp"
#include "project/direct.hpp"

namespace compozy::project {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A project folder that lives as long as the object.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "project-test-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(root_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  Folder& write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
    if (name.ends_with(".py")) std::filesystem::permissions(root_ / name, std::filesystem::perms::owner_all);
    return *this;
  }
  // compozy.yaml with a mock model, one workflow file and the tool script that the tests refer to.
  Folder& workflow(std::string_view text) {
    write("compozy.yaml", "name: demo\nworkflows:\n  - source: ./w.yaml\nmodels:\n  - {provider: mock, model: m}\n");
    write("tools/echo.py", "#!/usr/bin/env python3\n");
    return write("w.yaml", text);
  }
  std::expected<Project, std::vector<Error>> load() const { return load_project(root_.string()); }
  std::string errors() const {
    auto project = load();
    return project ? "LOADED" : describe(project.error());
  }
  std::filesystem::path root() const { return root_; }

 private:
  std::filesystem::path root_;
};

constexpr std::string_view kWeather = R"(
id: weather
schemas: [{id: city_in, type: object, properties: {city: {type: string}}, required: [city]}]
config: {input: city_in}
tools: [{id: save, description: store a document, execute: tools/echo.py}]
agents:
  - id: guide
    instructions: You know the weather.
    actions:
      - {id: get, prompt: "Weather in {{ .input.city }}?", output: {type: object, properties: {temperature: {type: number}}, required: [temperature]}}
      - {id: suggest, prompt: "... {{ .tasks.now.output | toJson }}", output: {type: object, properties: {activities: {type: array, items: {type: string}}}}}
      - {id: judge, prompt: "{{ .item }} {{ .tasks.now.output.temperature }}", json_mode: true}
tasks:
  - {id: now, type: basic, agent: guide, action: get, with: {city: "{{ .workflow.input.city }}"},
     outputs: {temperature: "{{ .output.temperature }}", at: "{{ now }}"}, on_success: {next: ideas}}
  - {id: ideas, type: basic, agent: guide, action: suggest, retries: 4, on_success: {next: each}}
  - id: each
    type: collection
    items: "{{ .tasks.ideas.output.activities }}"
    mode: parallel
    task: {id: "judge-{{ .index }}", type: basic, agent: guide, action: judge, outputs: {what: "{{ .item }}"}}
    outputs: {all: "{{ .output }}", n: "{{ len .output }}"}
    on_success: {next: merge}
  - {id: merge, type: aggregate, outputs: {city: "{{ .workflow.input.city }}", each: "{{ .tasks.each.output }}"}, on_success: {next: check}}
  - {id: check, type: router, condition: "size(tasks.ideas.output.activities) > 0 ? 'some' : 'none'", routes: {some: keep, none: skip}}
  - id: keep
    type: composite
    final: true
    tasks:
      - {id: save_json, type: basic, tool: save, with: {payload: "{{ .tasks.merge.output }}", format: json}}
      - {id: save_txt, type: basic, tool: save, with: {payload: "{{ .tasks.merge.output }}", format: txt}}
  - {id: skip, type: basic, tool: save, final: true, with: {payload: "{{ .tasks.merge.output }}"}}
outputs:
  city: "{{ .workflow.input.city }}"
  first: '{{ if .tasks.each.children }}{{ (index .tasks.each.children "judge-0").output | toJson }}{{ else }}null{{ end }}'
)";

TEST(Project, LoadsAWorkflowOfEveryFanShape) {
  Folder folder;
  auto project = folder.workflow(kWeather).load();
  ASSERT_TRUE(project) << describe(project.error());
  ASSERT_EQ(project->workflows.size(), 1U);
  const Workflow& w = project->workflows[0];
  EXPECT_EQ(w.input_schema["required"].at(0).as_string(), "city");
  EXPECT_EQ(w.find_task("each")->child()->id, "judge-{{ .index }}");
  EXPECT_EQ(w.find_task("check")->routes[1].second, "skip");
  EXPECT_EQ(w.find_task("keep")->tasks[1].tool, "save");
  EXPECT_TRUE(w.find_agent("guide")->find_action("suggest")->json_mode);
  EXPECT_EQ(w.find_agent("guide")->model.provider, "mock");
  EXPECT_EQ(w.find_tool("save")->runtime, ToolRuntime::executable);
  const Policy& policy = w.find_task("ideas")->policy;
  EXPECT_EQ(policy.retry.attempts, 5);
  EXPECT_EQ(policy.schedule_to_close_ms, policy.all_attempts_ms());
  auto back = workflow_from_json(to_json(w));
  ASSERT_TRUE(back);
  EXPECT_EQ(content_hash(*back), content_hash(w));
}

TEST(Project, LoadsNestedContainersWaitAndSignal) {
  Folder folder;
  folder.workflow(R"(
id: all
triggers: [{type: signal, name: begin, schema: {type: object}}]
tools: [{id: echo, execute: tools/echo.py}]
tasks:
  - id: root
    type: composite
    tasks:
      - {id: par, type: parallel, strategy: race, tasks: [{id: a, tool: echo}, {id: c, tool: echo}]}
      - {id: col, type: collection, mode: sequential, strategy: fail_fast, items: '["x","y"]', filter: "item != 'x'",
         task: {id: "l-{{ .index }}", tool: echo, with: {message: "{{ .item }}"}}}
    outputs: {items: "{{ .tasks.col.output }}"}
    on_success: {next: hold}
  - id: hold
    type: wait
    wait_for: ready
    condition: 'signal.payload.status == "ready"'
    timeout: 5m
    processor: {tool: echo, with: {message: "got {{ .signal.payload.status }}"}}
    on_success: {next: tell}
    on_timeout: tell
  - {id: tell, type: signal, signal: {id: other, payload: {m: "{{ .workflow.input.m }}"}}, sleep: 10s, timeout: 1m}
)");
  auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  const Workflow& w = project->workflows[0];
  EXPECT_EQ(w.find_task("root")->tasks[0].strategy, Strategy::race);
  EXPECT_EQ(w.find_task("root")->tasks[1].mode, CollectionMode::sequential);
  EXPECT_EQ(w.find_task("hold")->timeout_ms, 300'000);
  EXPECT_EQ(w.find_task("hold")->child()->id, "processor");
  EXPECT_EQ(w.find_task("tell")->signal_id, "other");
  EXPECT_EQ(w.find_task("tell")->sleep_ms, 10'000);
  EXPECT_EQ(w.find_task("tell")->policy.schedule_to_close_ms, 60'000);
  EXPECT_EQ(w.triggers[0].name, "begin");
}

TEST(Project, AutoloadsResourcesAndResolvesTheirIds) {
  Folder folder;
  folder.workflow(R"(
id: chat
tasks:
  - {id: note, type: memory, operation: append, memory_ref: user_memory, key_template: "user:{{ .workflow.input.id }}",
     payload: {role: system, content: hello}, on_success: {next: talk}}
  - {id: talk, agent: chatty, action: chat, on_success: {next: ask}}
  - {id: ask, prompt: "And {{ .tasks.talk.output.response }}?", tools: [cp__read_file]}
)");
  folder.write("compozy.yaml",
               "name: demo\nworkflows: [{source: w.yaml}]\nmodels: [{provider: mock, model: m, default: true},"
               " {id: big, provider: openai, model: gpt, api_key: \"{{ .env.KEY }}\"}]\n"
               "autoload: {enabled: true, include: ['parts/**/*.yaml'], exclude: ['parts/old/*']}\n"
               "redis: {mode: embedded}\n");
  folder.write("parts/memory/user.yaml",
               "resource: memory\nid: user_memory\ntype: token_based\nmax_tokens: 2000\n"
               "persistence: {type: redis, ttl: 168h}\ndefault_key_template: 'u:{{ .workflow.input.id }}'\n");
  folder.write("parts/agents/chatty.yaml",
               "resource: agent\nid: chatty\nmodel: big\ninstructions: Talk.\nmemory: user_memory\n"
               "actions: [{id: chat, prompt: hi}]\n");
  folder.write("parts/old/broken.yaml", "resource: nonsense\n");
  auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  const Workflow& w = project->workflows[0];
  EXPECT_EQ(w.find_memory("user_memory")->ttl_ms, 168LL * 3'600'000);
  EXPECT_EQ(w.find_agent("chatty")->memory[0].key, "u:{{ .workflow.input.id }}");
  EXPECT_EQ(w.find_agent("chatty")->model.model, "gpt");
  EXPECT_EQ(w.find_task("ask")->agent, "task:ask");
  EXPECT_EQ(w.find_agent("task:ask")->tools[0], "cp__read_file");
  EXPECT_EQ(w.find_agent("task:ask")->model.provider, "mock");
  ASSERT_EQ(project->sections.size(), 1U);
  EXPECT_EQ(project->sections[0].name, "redis");
  EXPECT_EQ(project->sections[0].where.line, 5U);
}

TEST(Project, AcceptsTheOlderDirectives) {
  Folder folder;
  folder.workflow(R"(
id: old
tools: [{id: echo, execute: tools/echo.py}]
agents:
  - id: one
    config: {$ref: 'global::models.#(provider=="mock")', params: {delay_ms: 5}}
    instructions: Hi.
    actions: [{id: go, prompt: go}]
tasks:
  - {id: a, $use: 'agent(local::agents.#(id=="one"))', action: go, on_success: {next: b}}
  - {id: b, type: basic, $use: 'tool(local::tools.#(id="echo"))', with: {$merge: [{x: 1}, {y: 2}]}}
)");
  auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  const Workflow& w = project->workflows[0];
  EXPECT_EQ(w.find_task("a")->agent, "one");
  EXPECT_EQ(w.find_task("b")->tool, "echo");
  EXPECT_EQ(json::print(w.find_task("b")->with), R"({"x":1,"y":2})");
  EXPECT_TRUE(w.find_agent("one")->model.params["delay_ms"].is_integer());
}

TEST(Project, MergesAsItsDirectiveSays) {
  const auto merged = [](const std::string& directive) {
    Folder folder;
    folder.workflow("id: w\ntasks:\n  - {id: a, with: {$merge: " + directive + "}}\n");
    const auto project = folder.load();
    return project ? json::print(project->workflows[0].tasks[0].with) : describe(project.error());
  };
  const std::string sources = "sources: [{x: {p: 1}, l: [1, 2]}, {x: {q: 2}, l: [2, 3]}]";
  EXPECT_EQ(merged("{" + sources + "}"), R"({"x":{"p":1,"q":2},"l":[1,2,2,3]})");
  EXPECT_EQ(merged("{strategy: shallow, " + sources + "}"), R"({"x":{"q":2},"l":[2,3]})");
  EXPECT_EQ(merged("{strategy: prepend, " + sources + "}"), R"({"x":{"p":1,"q":2},"l":[2,3,1,2]})");
  EXPECT_EQ(merged("{strategy: unique, " + sources + "}"), R"({"x":{"p":1,"q":2},"l":[1,2,3]})");
  EXPECT_EQ(merged("{key_conflict: first, sources: [{x: 1}, {x: 2, y: 3}]}"), R"({"x":1,"y":3})");
  EXPECT_EQ(merged("{key_conflict: last, sources: [{x: 1}, {x: 2, y: 3}]}"), R"({"x":2,"y":3})");
  EXPECT_THAT(merged("{key_conflict: error, sources: [{x: 1}, {x: 2}]}"), HasSubstr("different values for one key"));
  EXPECT_THAT(merged("{strategy: shalow, sources: []}"), HasSubstr("did you mean 'shallow'?"));
  EXPECT_THAT(merged("{source: []}"), HasSubstr("takes a list, or a map with 'sources'"));
}

TEST(Project, ReferencesThatMultiplyOrGoRoundAreStopped) {
  std::string agents = "  - {id: g0, instructions: x, actions: [{id: p, prompt: q}]}\n";
  for (int i = 1; i < 16; ++i) {
    const std::string ref = "{$ref: 'local::agents.#(id==\"g" + std::to_string(i - 1) + "\")'}";
    agents += "  - {id: g" + std::to_string(i) + ", instructions: x, with: {a: " + ref + ", b: " + ref + ", c: " + ref +
              ", d: " + ref + "}}\n";
  }
  Folder folder;
  folder.workflow("id: w\nagents:\n" + agents + "tasks: [{id: a, agent: g15, prompt: x}]\n");
  EXPECT_THAT(folder.errors(), HasSubstr("expand to more than 200000 values"));
  folder.workflow("id: w\ntools: [{id: x, $ref: 'local::tools.#(id==\"x\")'}]\ntasks: [{id: a, tool: x}]\n");
  EXPECT_THAT(folder.errors(), HasSubstr("leads round in a circle"));
  folder.workflow("id: w\ntasks: [{id: a, $use: 'agent({{ .x }})'}, {id: b, $use: 'mcp(local::mcps.#(id==\"x\"))'}]\n");
  EXPECT_THAT(folder.errors(), HasSubstr("resolved when the project is loaded, so they hold no templates"));
  EXPECT_THAT(folder.errors(), HasSubstr("MCP servers are not supported"));
}

TEST(Project, HoistsInlineRoutesAndFollowsThem) {
  Folder folder;
  folder.workflow(R"(
id: r
tasks:
  - id: pick
    type: router
    condition: '{{ .workflow.input.kind | default "b" }}'
    routes: {a: {type: basic, on_success: {next: done}}, b: done}
    default_route: done
  - {id: done}
)");
  auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  EXPECT_EQ(project->workflows[0].find_task("pick")->routes[0].second, "pick.a");
  EXPECT_NE(project->workflows[0].find_task("pick.a"), nullptr);
}

struct Wrong {
  const char* tasks;
  const char* message;
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.message; }
class Mistakes : public ::testing::TestWithParam<Wrong> {};
TEST_P(Mistakes, AreNamedWithTheirPlace) {
  Folder folder;
  folder.workflow(
      "id: w\ntools: [{id: echo, execute: tools/echo.py}]\nagents:\n"
      "  - {id: guide, instructions: x, actions: [{id: get, prompt: p}]}\ntasks:\n" +
      std::string(GetParam().tasks));
  const std::string errors = folder.errors();
  EXPECT_THAT(errors, HasSubstr(GetParam().message));
  EXPECT_THAT(errors, HasSubstr("w.yaml:"));
}

INSTANTIATE_TEST_SUITE_P(
    Loading, Mistakes,
    ::testing::Values(
        Wrong{"  - {id: a, tol: echo}",
              "w.yaml:6:13: tasks[0]: unknown field 'tol' in a basic task; did you mean 'tool'?"},
        Wrong{"  - {id: a, items: []}", "unknown field 'items' in a basic task; it belongs to a collection task"},
        Wrong{"  - {id: a, type: bsic}", "unknown type 'bsic'; did you mean 'basic'?"},
        Wrong{"  - ", "tasks[0]: expected a basic task (a map), not an empty value"},
        Wrong{"  - {id: a, with: {x: '{{ .workflow.inptu.y }}'}}",
              "there is no 'inptu' in '.workflow'; did you mean 'input'?"},
        Wrong{"  - {id: a, condition: workflow.inptu.y == 1}", "there is no 'inptu' in '.workflow'"},
        Wrong{"  - {id: a, env: {X: [1]}}", "w.yaml:6:22: tasks[0].env.X: expected a text, not a list"},
        Wrong{"  - {id: a, retries: -1}", "expected a whole number from 0, not -1"},
        Wrong{"  - {id: a, type: aggregate}", "an aggregate task needs 'outputs'"},
        Wrong{"  - {id: a, with: 5}", "w.yaml:6:19: tasks[0].with: expected a map, not a number"},
        Wrong{"  - {type: basic}", "a basic task needs 'id'"},
        Wrong{"  - {id: a, tool: eco}", "unknown tool 'eco'; did you mean 'echo'?"},
        Wrong{"  - {id: a, tool: cp__read_fil}", "no built-in tool 'cp__read_fil'; did you mean 'cp__read_file'?"},
        Wrong{"  - {id: a, agent: guid, action: get}", "unknown agent 'guid'; did you mean 'guide'?"},
        Wrong{"  - {id: a, agent: guide, action: gte}", "agent 'guide' has no action 'gte'; did you mean 'get'?"},
        Wrong{"  - {id: a, agent: guide}", "needs an 'action', a 'prompt' or both"},
        Wrong{"  - {id: a, agent: guide, tool: echo, prompt: x}", "an 'agent' or a 'tool', not both"},
        Wrong{"  - {id: a, on_success: {next: bb}}\n  - {id: b}",
              "on_success.next: unknown task 'bb'; did you mean 'b'?"},
        Wrong{"  - {id: a}\n  - {id: b}", "w.yaml:7:5: tasks: nothing leads to task 'b'"},
        Wrong{"  - {id: a}\n  - {id: a}", "task 'a' is defined twice"}, Wrong{"  - {id: a b}", "'a b' is no id"},
        Wrong{"  - {id: 'a-{{ .index }}'}", "only inside a collection may an id be a template"},
        Wrong{"  - {id: a, with: {x: '{{ .y'}}", "tasks[0].with.x: '{{' without its '}}' (template:1:1)"},
        Wrong{"  - {id: a, with: {x: '{{ uper .y }}'}}", "unknown function 'uper'; did you mean 'upper'?"},
        Wrong{"  - {id: first, with: {x: '{{ .tasks.frist.output }}'}}", "there is no task 'frist'"},
        Wrong{"  - {id: a, type: router, condition: inptu.x, routes: {x: a}}",
              "undeclared name 'inptu'; did you mean 'input'?"},
        Wrong{"  - {id: a, type: router, condition: 'true', routes: {x: zz}}", "routes.x: unknown task 'zz'"},
        Wrong{"  - {id: a, type: collection, items: [], task: {id: x}}", "every child would be called 'x'"},
        Wrong{"  - {id: a, type: collection, items: []}", "a collection task needs 'task'"},
        Wrong{"  - {id: a, type: parallel, tasks: [{id: x, on_success: {next: a}}]}",
              "tasks[0].tasks[0].on_success: only at top level and in a composite does a task lead on"},
        Wrong{"  - {id: a, type: parallel, tasks: [{id: x}], strategy: all}", "unknown strategy 'all'"},
        Wrong{"  - {id: a, type: aggregate}", "an aggregate task needs 'outputs'"},
        Wrong{"  - {id: a, timeout: soon}", "tasks[0].timeout"},
        Wrong{"  - {id: a, config: {start_to_close_timeout: 5 minuts}}", "config.start_to_close_timeout"},
        Wrong{"  - {id: a, input: {type: objet}}", "tasks[0].input"},
        Wrong{"  - {id: a, input: city}", "unknown schema 'city'"},
        Wrong{"  - {id: a, attachments: []}", "attachments are not supported"},
        Wrong{"  - {id: a, type: memory, operation: raed, memory_ref: m}",
              "unknown operation 'raed'; did you mean 'read'?"},
        Wrong{"  - {id: a, type: memory, operation: read, memory_ref: m}", "unknown memory 'm'"},
        Wrong{"  - {id: a, tool: {id: t, execute: none.py}}", "there is no file 'none.py'"},
        Wrong{"  - {id: a, tool: {id: t, execute: ../x.py}}", "must be a path below the project's folder"},
        Wrong{"  - {id: a, tool: {id: t}}", "tool 't' has no 'execute'"},
        Wrong{"  - {id: a, prompt: x, model_config: {provider: anthropic, model: c}}",
              "provider 'anthropic' is not supported"},
        Wrong{"  - {id: a, prompt: x, model_config: {provider: groq, model: c}}",
              "write 'provider: openai' with its OpenAI-compatible"},
        Wrong{"  - {id: a, prompt: x, model_config: {provider: mock, model: c, params: {ruls: []}}}",
              "did you mean 'rules'?"},
        Wrong{"  - {id: a, prompt: x, model_config: {provider: openai, model: c, params: {temprature: 1}}}",
              "unknown field 'temprature' in a model's params; did you mean 'temperature'?"},
        Wrong{"  - {id: a, type: wait, wait_for: s, condition: '{{ .x }}'}", "a wait's condition is CEL"},
        Wrong{"  - {id: a, type: router, condition: 'parent.id == \"x\"', routes: {x: a}}", "undeclared name 'parent'"},
        Wrong{"  - {id: a, type: wait, wait_for: s, condition: item.x}", "undeclared name 'item'"},
        Wrong{"  - {id: a, type: workflow, workflow: v}", "w.yaml:6:39: tasks[0].workflow: there is no workflow 'v'"},
        Wrong{"  - {id: a, type: workflow, workflow: w, detached: true, timeout: 5s}",
              "a detached run is not waited for"},
        Wrong{"  - {id: a, type: loop, task: {id: x}}", "a loop task needs 'max_iterations'"},
        Wrong{"  - {id: a, type: loop, max_iterations: 0, task: {id: x}}", "a loop needs an end"},
        Wrong{"  - {id: a, type: loop, max_iterations: 3}", "a loop has 'task', or 'tasks'"},
        Wrong{"  - {id: a, type: loop, max_iterations: 3, until: lst.ok, task: {id: x}}",
              "undeclared name 'lst'; did you mean 'last'?"},
        Wrong{"  - {id: a, type: loop, max_iterations: 3, until: '{{ .x }}', task: {id: x}}",
              "a loop's condition is CEL"},
        Wrong{"  - {id: a, type: approval, approvals_required: 3, approvers: [ann, bob]}", "asks for 3 of 2 approvers"},
        Wrong{"  - {id: a, type: approval, message: '{{ uper .x }}'}", "unknown function 'uper'"},
        Wrong{"  - {id: a, type: approval, on_timeout: b}", "on_timeout: unknown task 'b'"}));

INSTANTIATE_TEST_SUITE_P(
    Refused, Mistakes,
    ::testing::Values(
        Wrong{"  - {id: a, prompt: x, action: y}", "tasks[0].action: 'action' needs an 'agent'"},
        Wrong{"  - {id: a, type: aggregate, outputs: {x: 1}, retries: 1}",
              "w.yaml:6:56: tasks[0].retries: nothing of this task is tried again"},
        Wrong{"  - {id: a, retries: 100000}", "at most 1000"},
        Wrong{"  - {id: a, type: parallel, tasks: [{id: b, config: {on_error: {next: a}}}]}",
              "tasks[0].tasks[0].config.on_error: only at top level"},
        Wrong{"  - {id: a, config: {source_of_truth: builder}}", "only 'repo' is supported"},
        Wrong{"  - {id: a, condition: workflw.x}", "tasks[0].condition: undeclared name 'workflw'"},
        Wrong{"  - {id: a, tool: {id: t, execute: tools/echo.py, env: {LD_PRELOAD: x}}}",
              "would change what the tool's"},
        Wrong{"  - {id: a, tool: {id: t, execute: tools/echo.py, env: {path: x}}}", "'path' is no name"},
        Wrong{"  - {id: a, tool: {id: ../t, execute: tools/echo.py}}", "'../t' is no id of a tool"},
        Wrong{"  - {id: a, tool: {id: t, execute: w.yaml}}", "'w.yaml' may not be executed; `chmod +x` it"},
        Wrong{"  - {id: a}\nschemas: [{type: object}]", "schemas[0]: a schema needs 'id'"},
        Wrong{"  - {id: a}\nschemas: [{id: x, type: objet}]", "unknown type 'objet'; did you mean 'object'?"},
        Wrong{"  - {id: a}\nschemas: [{id: x}, {id: x}]", "schema 'x' is defined twice"},
        Wrong{"  - {id: a, prompt: x, model_config: {provider: openai, model: c, params: {temperature: hot}}}",
              "params.temperature: expected a number, not a text"},
        Wrong{"  - {id: a, prompt: x, model_config: {provider: openai, model: c, context_window: 5}}",
              "context_window: conversations are not compacted yet"}));

TEST(Project, WhatTheProjectAsksForAndDoesNotGetIsNamed) {
  const auto with = [](const std::string& more) {
    Folder folder;
    folder.workflow("id: w\ntasks: [{id: a}]\n");
    folder.write("compozy.yaml", "name: demo\nworkflows: [{source: w.yaml}]\n" + more);
    folder.write("parts/bad.yaml", "resource: agent\nid: b\nfoo: 1\n");
    return folder.errors();
  };
  EXPECT_THAT(with("autoload: {enabled: true, watch_enabled: true, include: [x]}\n"),
              HasSubstr("restart it after a change"));
  EXPECT_THAT(with("autoload: {enabled: true, include: ['parts/*']}\n"),
              HasSubstr("parts/bad.yaml:3:1: unknown field 'foo'"));
  EXPECT_EQ(with("autoload: {enabled: true, strict: false, include: ['parts/*']}\n"), "LOADED");
  EXPECT_EQ(with("runtime: {task_execution_timeout_default: 10s, task_execution_timeout_max: 20s}\n"), "LOADED");
  EXPECT_THAT(with("runtime: {task_execution_timeout_default: 10s, task_execution_timeout_max: 5s}\n"),
              HasSubstr("longer than task_execution_timeout_max"));
  EXPECT_THAT(with("runtime: {native_tools: {fetch: {timeout: 5s}}}\n"), HasSubstr("there is no cp__fetch yet"));
  EXPECT_THAT(with("runtime: {native_tools: {exec: {timeout: 5s}}}\n"), HasSubstr("fixed limit of 30 s"));
  EXPECT_EQ(with("runtime: {native_tools: {enabled: true, exec: {allowlist: [/bin/ls]}}}\n"), "LOADED");
  EXPECT_THAT(with("agents: [{id: g, instructions: '{{ .x', actions: [{id: q, promt: x}]}]\n"),
              HasSubstr("unknown field 'promt'"));
  EXPECT_THAT(with("memories: [{id: m, type: buffer, disable_flush: true}]\n"),
              HasSubstr("disable_flush: leave max_messages"));
  EXPECT_THAT(with("models: [{id: m, provider: mock, model: x}, {id: m, provider: mock, model: y}]\n"),
              HasSubstr("model 'm' is defined twice"));
}

TEST(Project, NumbersMayStandWhereATextIsMeantAndOldReferencesInSchemas) {
  Folder folder;
  folder.workflow(R"(
id: 5
schemas: [{id: city, type: object, required: [name]}]
config: {input: {$ref: 'local::schemas.#(id=="city")'}}
tasks:
  - {id: 7, on_success: {next: 8}}
  - {id: 8, type: parallel, retries: 4, config: {start_to_close_timeout: 7s}, tasks: [{id: x}, {id: y, retries: 1}]}
)");
  const auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  const Workflow& w = project->workflows[0];
  EXPECT_EQ(w.id, "5");
  EXPECT_EQ(w.input_schema["required"].at(0).as_string(), "name");
  EXPECT_EQ(w.tasks[0].on_success->next, "8");
  EXPECT_EQ(w.tasks[1].tasks[0].policy.retry.attempts, 5);
  EXPECT_EQ(w.tasks[1].tasks[0].policy.start_to_close_ms, 7'000);
  EXPECT_EQ(w.tasks[1].tasks[1].policy.retry.attempts, 2);
}

INSTANTIATE_TEST_SUITE_P(
    Graph, Mistakes,
    ::testing::Values(
        Wrong{"  - {id: a, on_success: {next: b}, with: {x: '{{ .tasks.b.output }}'}}\n  - {id: b}",
              "w.yaml:6:46: tasks[0].with.x: task 'b' cannot have run before task 'a' needs its result"},
        Wrong{"  - {id: a, type: router, condition: tasks.b.output.v, routes: {x: b}}\n  - {id: b}",
              "w.yaml:6:38: tasks[0].condition: task 'b' cannot have run before task 'a'"},
        Wrong{"  - {id: r, type: router, condition: input.x, routes: {x: a, y: b}}\n  - {id: a, with: {v: '{{ "
              ".tasks.b.output }}'}}\n  - {id: b}",
              "task 'b' cannot have run before task 'a'"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: x, with: {v: '{{ .tasks.y.output }}'}}, {id: y}]}",
              "task 'y' cannot have run before task 'x'"},
        Wrong{"  - {id: c, type: composite, with: {v: '{{ .tasks.x.output }}'}, tasks: [{id: x}]}",
              "task 'x' cannot have run before task 'c'"},
        Wrong{"  - {id: a, agent: guide, prompt: '{{ .tasks.b.output }}', on_success: {next: b}}\n  - {id: b}",
              "task 'b' cannot have run before task 'a'"},
        Wrong{"  - {id: a, on_success: {next: b}}\n  - {id: b, on_success: {next: a}}",
              "w.yaml:6:5: tasks: a run that gets to 'a', 'b' goes round without end"},
        Wrong{"  - {id: a, on_success: {next: a}}", "a run that gets to 'a' goes round without end"},
        Wrong{"  - {id: a, with: {x: '{{ .inptu.y }}'}}", "there is no '.inptu' here; did you mean 'input'?"},
        Wrong{"  - {id: a, with: {x: '{{ .item }}'}}", "there is no '.item' here"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: x, on_success: {next: z}}, {id: y}]}",
              "w.yaml:6:65: task 'x'.on_success.next: unknown task 'z': inside a composite only a later sibling"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: one, on_error: {next: tow}}, {id: two}]}",
              "did you mean 'two'?"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: x}, {id: y, on_success: {next: x}}]}",
              "'x' does not stand after it"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: x, on_error: {next: y}}, {id: y}]}",
              "w.yaml:6:38: task 'x': 'y' stands next, and is also where a route or a failure leads to"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: x, on_success: {next: z}}, {id: y}, {id: z}]}",
              "task 'y': nothing leads to it"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: r, type: router, condition: '1', routes: {a: {type: basic}, "
              "b: y}}, "
              "{id: y}]}",
              "task 'r.a': 'y' stands next, and is also where a route"},
        Wrong{"  - {id: c, type: composite, tasks: [{id: x, final: true}, {id: y}]}", "task 'y': nothing leads to it"},
        Wrong{"  - {id: p, type: parallel, tasks: [{id: r, type: router, condition: '1', routes: {'1': p}}]}",
              "it stands at top level or in a composite"},
        Wrong{"  - {id: p, type: parallel, tasks: [{id: x, type: wait, wait_for: s, timeout: 1s, on_timeout: p}]}",
              "tasks[0].tasks[0].on_timeout: only at top level"},
        Wrong{"  - {id: p, type: parallel, tasks: [{id: one}, {id: two}], on_success: {next: b}}\n"
              "  - {id: b, with: {x: '{{ .tasks.p.output.oen.output }}'}}",
              "w.yaml:7:23: tasks[1].with.x: there is no 'oen' in '.tasks.p.output'; did you mean 'one'?"},
        Wrong{"  - {id: p, type: parallel, tasks: [{id: one}], outputs: {n: 1}, on_success: {next: b}}\n"
              "  - {id: b, with: {x: '{{ .tasks.p.output.one.outputs }}'}}",
              "there is no 'outputs' in '.tasks.p.output.one'; did you mean 'output'?"},
        Wrong{"  - {id: p, type: parallel, tasks: [{id: one}], outputs: {n: '{{ .output.two }}'}}",
              "tasks[0].outputs.n: there is no 'two' in '.output'; did you mean 'one'?"},
        Wrong{"  - {id: p, type: composite, tasks: [{id: one}], outputs: {n: '{{ .children.one.outptu }}'}}",
              "there is no 'outptu' in '.children.one'; did you mean 'output'?"},
        Wrong{
            "  - {id: a, outputs: {city: 1}, on_success: {next: b}}\n  - {id: b, condition: tasks.a.output.ciyt == 1}",
            "tasks[1].condition: there is no 'ciyt' in '.tasks.a.output'; did you mean 'city'?"},
        Wrong{"  - {id: a, agent: guide, action: get, on_success: {next: b}}\n"
              "  - {id: b, with: {x: '{{ .tasks.a.output.text }}'}}",
              "there is no 'text' in '.tasks.a.output'; it can have response"},
        Wrong{"  - {id: a, on_success: {next: b}}\n  - {id: b, with: {x: '{{ .tasks.a.outptu }}'}}",
              "there is no 'outptu' in '.tasks.a'; did you mean 'output'?"},
        Wrong{"  - {id: g, type: aggregate, outputs: {}}", "needs 'outputs', and not empty ones"},
        Wrong{"  - {id: r, type: router, condition: '1', routes: {'1': '{{ .x }}'}}", "a route of its own"},
        Wrong{"  - {id: a}\nauthor: {nme: x}", "author: unknown field 'nme'"},
        Wrong{"  - {id: a}\nauthor: {contributors: [{name: x, urls: y}]}",
              "author.contributors[0]: unknown field 'urls'"},
        Wrong{"  - {id: a}\nschedule: {cron: '@daily', start_at: 2030-01-01, end_at: 2029-01-01}",
              "schedule.end_at: is not after 'start_at'"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhook, webhook: {slug: s, events: [{name: e}, {name: e}]}}]",
              "event 'e' is defined twice here"},
        Wrong{"  - {id: c, type: collection, items: [1], task: {id: 'x-{{ .index }}'}, outputs: {w: '{{ "
              ".collection.count }}'}}",
              "there is no '.collection' here"},
        Wrong{"  - {id: a}\noutputs: {x: '{{ .stauts }}'}",
              "outputs.x: there is no '.stauts' here; did you mean 'status'?"}));

TEST(Project, ChildrenOfACompositeLeadOnToLaterOnes) {
  Folder folder;
  folder.workflow(R"(
id: w
tasks:
  - id: c
    type: composite
    tasks:
      - {id: ask, type: router, condition: 'workflow.input.way', routes: {a: {type: basic, with: {x: 1}}, b: two, c: end}, default_route: two}
      - {id: meet, on_success: {next: end}}
      - {id: two, on_success: {next: end}, on_error: {next: mend}}
      - {id: mend, final: true}
      - {id: end}
    on_success: {next: l}
  - id: l
    type: loop
    max_iterations: 2
    tasks:
      - {id: w, type: wait, wait_for: go, timeout: 1s, on_timeout: late, on_success: {next: last}}
      - {id: late, config: {on_error: {next: last}}, on_success: {next: last}}
      - {id: last, type: router, condition: '"x"', routes: {x: {type: basic}, y: {type: aggregate, outputs: {n: 1}}}}
)");
  const auto project = folder.load();
  ASSERT_TRUE(project) << folder.errors();
  std::string order;
  for (const Task& task : project->workflows[0].tasks[0].tasks)
    order += task.id + ">" + (task.on_success ? task.on_success->next : "") + (task.is_final ? "." : "") + " ";
  EXPECT_EQ(order, "ask> ask.a>meet meet>end two>end mend>. end> ")
      << "an inline route goes on where the router stands";
  const std::vector<Task>& body = project->workflows[0].tasks[1].tasks[0].tasks;
  EXPECT_TRUE(body[3].is_final && body[4].is_final);
}

TEST(Project, EverySpellingOfWhatAContainerGivesMayBeUsed) {
  Folder folder;
  folder.workflow(R"(
id: w
agents: [{id: guide, instructions: x, actions: [{id: ask, prompt: x}]}]
tasks:
  - id: all
    type: composite
    tasks:
      - {id: each, type: collection, items: [1], task: {id: "e-{{ .index }}", agent: guide, action: ask}, outputs: {n: "{{ len .output }}{{ .progress_info.total_children }}"}}
      - {id: again, type: loop, max_iterations: 1, task: {id: body, with: {x: 1}}}
      - {id: pair, type: parallel, tasks: [{id: left}, {id: right}]}
    on_success: {next: use}
    on_error: {next: use}
    outputs: {e: "{{ .output.each.n }}{{ .output.pair.outputs.left }}{{ .children.each.children.e-0.output.response }}", l: "{{ .output.again.last }}"}
  - id: use
    outputs:
      a: "{{ .tasks.all.output.e }}{{ .tasks.all.output.output.e }}{{ .tasks.all.output.each.output.n }}{{ .tasks.all.output.progress_info.failed_count }}"
      b: "{{ .tasks.all.children.each.children.e-7.output.response }}{{ .tasks.each.output.e-0.status }}{{ .tasks.each.output.output }}"
      c: "{{ .tasks.pair.output.outputs.left }}{{ .tasks.pair.output.right.output.anything }}{{ .tasks.pair.output.results.0 }}"
      d: "{{ .tasks.again.output.stopped_by }}{{ .tasks.again.output.body.output }}{{ .tasks.each.output.collection_metadata.item_count }}"
)");
  EXPECT_EQ(folder.errors(), "LOADED");
}

TEST(Project, WhatMayHaveRunOrIsAskedForMayBeNamed) {
  Folder folder;
  folder.workflow(R"(
id: w
agents:
  - id: guide
    instructions: x
    actions: [{id: one, prompt: "{{ .tasks.first.output }}"}, {id: each, prompt: "{{ .item }} {{ .parent.id }}"}]
tasks:
  - {id: first, with: {maybe: '{{ .tasks.last.output | default 0 }}', no: '{{ if .tasks.never }}{{ .tasks.never.x }}{{ end }}',
     own: '{{ .workflow.id }}{{ range .workflow.input.list }}{{ .name }}{{ $.env.X }}{{ end }}'}, on_success: {next: pick}}
  - {id: pick, type: router, condition: "has(tasks.never.output) ? 'never' : 'again'", routes: {never: never, again: all}}
  - id: all
    type: composite
    tasks:
      - {id: x, agent: guide, action: one}
      - id: y
        type: parallel
        tasks: [{id: p, with: {v: '{{ .tasks.q.output | default 1 }}{{ .tasks.x.output }}{{ .tasks.all.input }}'}}, {id: q}]
      - {id: z, type: collection, items: [1], filter: '{{ eq .item 1 }}', item_var: row, task: {id: 'z-{{ .row }}', agent: guide, action: each}}
    outputs: {x: '{{ .tasks.x.output }}{{ .tasks.z-1.output }}{{ .children.x.status }}'}
    on_success: {next: round}
  - id: round
    type: loop
    max_iterations: 2
    tasks: [{id: one, with: {v: '{{ if .iteration }}{{ .tasks.two.output }}{{ end }}{{ .last }}'}}, {id: two}]
    on_success: {next: last}
  - {id: last, on_success: {next: more}}
  - {id: more, type: router, condition: 'tasks.last.output.n > 3', routes: {"true": never, "false": back}}
  - {id: back, with: {v: '{{ .tasks.more.output.condition }}'}, on_success: {next: last}}
  - {id: never}
outputs: {status: '{{ .status }}', id: '{{ .workflow_exec_id }}'}
)");
  EXPECT_EQ(folder.errors(), "LOADED");
}

INSTANTIATE_TEST_SUITE_P(
    Triggers, Mistakes,
    ::testing::Values(
        Wrong{"  - {id: a}\nschedule: {cron: 61 * * * *}", "schedule.cron: cron: '61' as minutes"},
        Wrong{"  - {id: a}\nschedule: {cron: '@daily', timezone: Europe/Berln}", "unknown time zone 'Europe/Berln'"},
        Wrong{"  - {id: a}\nschedule: {cron: '@daily', overlap_policy: skipp}", "did you mean 'skip'?"},
        Wrong{"  - {id: a}\nschedule: {cron: '@daily', start_at: soon}", "'soon' is no time"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhok}]", "did you mean 'webhook'?"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhook}]", "a webhook trigger needs 'webhook'"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhook, webhook: {slug: A B, events: [{name: x}]}}]",
              "lower-case letters"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhook, webhook: {slug: s, events: []}}]", "needs at least one event"},
        Wrong{"  - {id: a}\nattributes: {t-x: 1}", "a name has letters, digits and '_'"},
        Wrong{"  - {id: a}\nattributes: {t: [1]}", "attributes.t: expected a template"},
        Wrong{"  - {id: a}\nretention: {succeeded: soon}", "retention.succeeded"},
        Wrong{"  - {id: a, concurrency: [{limit: 0}]}", "limit: expected a whole number from 1"},
        Wrong{"  - {id: a, concurrency: [{limit: 1, scope: taks}]}", "unknown scope 'taks'; did you mean 'task'?"},
        Wrong{"  - {id: a, rate_limit: {limit: 1, key: workflw.x}}", "undeclared name 'workflw'"},
        Wrong{"  - {id: a, priority: 601}", "from -600 to 600"},
        Wrong{"  - {id: a, type: parallel, priority: 1, tasks: [{id: b}]}", "belongs to a task that performs"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhook, webhook: {slug: s, events: [{name: x, filter: paylod.x}]}}]",
              "undeclared name 'paylod'; did you mean 'payload'?"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhook, webhook: {slug: s, verify: {strategy: hmac, secret: x}, events: "
              "[{name: x}]}}]",
              "needs 'header'"},
        Wrong{"  - {id: a}\ntriggers: [{type: webhook, webhook: {slug: s, verify: {strategy: github}, events: [{name: "
              "x}]}}]",
              "needs 'secret'"}));

TEST(Project, ALoopOfSeveralTasksRunsThemInOrderAndConditionsInsideSeeWhatTheirPlaceHas) {
  Folder folder;
  folder.workflow(R"(
id: w
tasks:
  - id: refine
    type: loop
    max_iterations: 5
    until: last.score > 0.8 || iteration == 4
    tasks:
      - id: each
        type: collection
        items: [1, 2]
        item_var: row
        filter: row > 1 && iteration >= 0 && parent.id == "body"
        task: {id: 'x-{{ .index }}', with: {v: '{{ .row }}'}}
      - {id: judge, with: {score: 1}}
)");
  const auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  const Task& loop = project->workflows[0].tasks[0];
  EXPECT_EQ(loop.max_iterations, 5);
  ASSERT_EQ(loop.child()->type, TaskType::composite);
  EXPECT_EQ(loop.child()->tasks.size(), 2U);
}

TEST(Project, Defect38_TheTotalTimeIsDerivedSoThatAllAttemptsFit) {
  Folder folder;
  folder.workflow("id: w\nconfig: {start_to_close_timeout: 5 minutes}\ntasks: [{id: a, retries: 2}]\n");
  const auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  EXPECT_GE(project->workflows[0].tasks[0].policy.schedule_to_close_ms, 3 * 300'000);
}

TEST(Project, TasksNestTwentyDeep) {
  const auto nested = [](int levels) {
    std::string task = "{id: x}";
    for (int i = 1; i < levels; ++i) task = "{id: c" + std::to_string(i) + ", type: composite, tasks: [" + task + "]}";
    Folder folder;
    return folder.workflow("id: w\ntasks: [" + task + "]\n").errors();
  };
  EXPECT_EQ(nested(20), "LOADED");
  EXPECT_THAT(nested(21), HasSubstr("tasks nest deeper than 20 levels"));
}

TEST(Project, LimitsOfATaskAreScopedToItUnlessTheySayOtherwise) {
  Folder folder;
  folder.workflow(R"(
id: w
tools: [{id: echo, execute: tools/echo.py}]
tasks:
  - id: a
    tool: echo
    priority: -30
    concurrency: [{limit: 4}, {key: workflow.input.tenant, limit: 2, scope: project}]
    rate_limit: {key: '{{ .workflow.input.tenant }}', limit: 10, period: 1m, burst: 5, scope: workflow}
)");
  const auto project = folder.load();
  ASSERT_TRUE(project) << describe(project.error());
  const Policy& policy = project->workflows[0].tasks[0].policy;
  ASSERT_EQ(policy.concurrency.size(), 2U);
  EXPECT_EQ(policy.concurrency[0].scope, "task:w/a");
  EXPECT_EQ(policy.concurrency[1].scope, "project");
  EXPECT_EQ(policy.concurrency[1].limit, 2);
  EXPECT_EQ(policy.rate_limit->scope, "workflow:w");
  EXPECT_EQ(policy.rate_limit->period_ms, 60'000);
  EXPECT_EQ(policy.rate_limit->burst, 5);
  EXPECT_EQ(policy.priority, -30);
}

TEST(Project, ReportsEveryErrorOfALoadInOrder) {
  Folder folder;
  folder.workflow("id: w\ntasks:\n  - {id: a, tol: x}\n  - {id: b, tool: nope}\n  - {id: c, with: {x: '{{ .y'}}\n");
  auto project = folder.load();
  ASSERT_FALSE(project);
  EXPECT_GE(project.error().size(), 4U);
  const std::string all = describe(project.error());
  EXPECT_LT(all.find("'tol'"), all.find("'nope'"));
  EXPECT_LT(all.find("'nope'"), all.find("without its"));
}

TEST(Project, SaysWhatIsWrongWithCompozyYaml) {
  Folder folder;
  EXPECT_THAT(folder.errors(), HasSubstr("there is no compozy.yaml"));
  folder.write("compozy.yaml", "name: 9demo\nworkfows: []\nmcps: []\nworkflows: [{source: none.yaml}]\n");
  const std::string errors = folder.errors();
  EXPECT_THAT(errors, HasSubstr("compozy.yaml:1:7: name:"));
  EXPECT_THAT(errors, HasSubstr("compozy.yaml:2:1: unknown field 'workfows' in a project; did you mean 'workflows'?"));
  EXPECT_THAT(errors, HasSubstr("MCP servers are not supported yet"));
  EXPECT_THAT(errors, HasSubstr("there is no file 'none.yaml'"));
}

TEST(Project, AnAgentsActionBecomesAWorkflowOfOneTask) {
  Folder folder;
  folder.workflow(kWeather);
  const Project project = *folder.load();
  const auto agents = direct_agents(project);
  ASSERT_EQ(agents.size(), 1);
  EXPECT_EQ(agents[0].workflow, "weather");
  EXPECT_EQ(agents[0].actions, (std::vector<std::string>{"get", "suggest", "judge"}));
  const Workflow direct = direct_agent(project, {.id = "guide", .action = "get", .prompt = "in {{ .x }}"}).value();
  EXPECT_EQ(direct.id, "agent:guide");
  ASSERT_EQ(direct.tasks.size(), 1);
  EXPECT_EQ(direct.tasks[0].action, "get");
  EXPECT_EQ(direct.tasks[0].prompt, R"(in {{ "{{" }} .x }})");  // what a caller says is text, not a template
  EXPECT_EQ(direct.tasks[0].policy.schedule_to_close_ms, project.workflows[0].tasks[0].policy.schedule_to_close_ms);
  EXPECT_TRUE(direct.input_schema.is_null());
  EXPECT_TRUE(direct_agent(project, {.id = "guide", .prompt = "hi"}));
  EXPECT_THAT(direct_agent(project, {.id = "guide"}).error().message, HasSubstr("needs an 'action', a 'prompt'"));
  EXPECT_THAT(direct_agent(project, {.id = "guide", .action = "gte"}).error().message, HasSubstr("did you mean 'get'"));
  EXPECT_THAT(direct_agent(project, {.id = "gide", .action = "get"}).error().message,
              HasSubstr("did you mean 'guide'"));
}

TEST(Project, ATaskIsStartedByItselfWithoutWhatLeadsOn) {
  Folder folder;
  folder.workflow(kWeather);
  folder.write("parts/t.yaml", "resource: task\nid: mark\nwith: {n: 1}\n");
  folder.write("compozy.yaml",
               "name: demo\nworkflows: [{source: w.yaml}]\nmodels: [{provider: mock, model: m}]\n"
               "autoload: {enabled: true, include: ['parts/*']}\n");
  const Project project = *folder.load();
  const Workflow mark = direct_task(project, {.id = "mark"}).value();
  EXPECT_EQ(mark.id, "task:mark");
  EXPECT_EQ(mark.outputs.as_string(), R"({{ (index .tasks "mark").output }})");
  const Workflow now = direct_task(project, {.id = "now", .workflow = "weather"}).value();
  EXPECT_EQ(now.tasks.size(), 1);
  EXPECT_FALSE(now.tasks[0].on_success);
  EXPECT_THAT(direct_task(project, {.id = "check"}).error().message, HasSubstr("no task 'check'"));  // a router
  EXPECT_THAT(direct_task(project, {.id = "now", .workflow = "other"}).error().message,
              HasSubstr("workflow 'other' has no task 'now'"));
}

TEST(Project, ATaskFileThatIsWrongIsReportedOrLeftOut) {
  Folder folder;
  folder.workflow("id: w\ntasks: [{id: a}]\n");
  folder.write("parts/t.yaml", "resource: task\nid: bad\ntool: nothing\n");
  const std::string head = "name: demo\nworkflows: [{source: w.yaml}]\nautoload: {enabled: true, include: ['parts/*']";
  folder.write("compozy.yaml", head + "}\n");
  EXPECT_THAT(folder.errors(), HasSubstr("parts/t.yaml:3:7: tool: unknown tool 'nothing'"));
  folder.write("compozy.yaml", head + ", strict: false}\n");
  const Project project = *folder.load();
  EXPECT_EQ(project.skipped.size(), 1);
  EXPECT_THAT(direct_tasks(project), ::testing::SizeIs(1));
}

TEST(Project, OneOfSeveralPartsWithOneIdIsNamedByItsWorkflow) {
  Folder folder;
  folder.workflow("id: w\ntasks: [{id: a}]\n");
  folder.write("v.yaml", "id: v\ntasks: [{id: a}]\n");
  folder.write("compozy.yaml", "name: demo\nworkflows: [{source: w.yaml}, {source: v.yaml}]\n");
  const Project project = *folder.load();
  EXPECT_THAT(direct_task(project, {.id = "a"}).error().message, HasSubstr("several workflows, say which"));
  EXPECT_TRUE(direct_task(project, {.id = "a", .workflow = "v"}));
}

TEST(Project, TheRootHasNoSlashAtItsEnd) {
  Folder folder;
  folder.workflow("id: w\ntasks: [{id: a}]\n");
  EXPECT_EQ(load_project(folder.root().string() + "/.")->root, folder.root().string());
}

}  // namespace
}  // namespace compozy::project
