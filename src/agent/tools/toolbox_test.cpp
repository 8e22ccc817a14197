// SPDX-License-Identifier: Apache-2.0
#include "agent/tools/toolbox.hpp"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agent/tools/protocol.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::agent {
namespace {

using json::Value;
using ::testing::HasSubstr;

class ToolboxTest : public ::testing::Test {
 protected:
  ToolboxTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "toolbox-test-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    options_.project_root = root_.string();
    options_.work_dir = (root_ / ".compozy").string();
  }
  ~ToolboxTest() override {
    if (toolbox_) io::run_until(loop_, toolbox_->close());
    std::filesystem::remove_all(root_);
  }
  void write(const std::string& name, std::string_view text, bool executable = false) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
    if (executable) ::chmod((root_ / name).c_str(), 0755);
  }
  void add(const std::string& id, project::ToolRuntime runtime, const std::string& source) {
    workflow_.tools.push_back({.id = id, .runtime = runtime, .source = source});
  }
  ToolReply call(const std::string& tool, std::string_view input, Value env = {}) {
    if (!toolbox_) toolbox_ = std::make_unique<Toolbox>(loop_, pool_, options_);
    ToolRequest request{.tool = tool, .exec_id = "run/7", .input = *json::parse(input), .env = std::move(env)};
    return io::run_until(loop_, toolbox_->call(workflow_, std::move(request), {}));
  }
  std::string said(const std::string& tool, std::string_view input, Value env = {}) {
    auto reply = call(tool, input, std::move(env));
    return reply ? json::print(*reply) : "FAILED " + reply.error().error.message;
  }

  io::Loop loop_;
  io::BlockingPool pool_{{.name = "tools", .threads = 1}};
  std::filesystem::path root_;
  ToolboxOptions options_;
  project::Workflow workflow_;
  std::unique_ptr<Toolbox> toolbox_;
};

constexpr std::string_view kEcho = R"(#!/usr/bin/env python3
import json, os, sys
request = json.load(sys.stdin)
mode = request["input"].get("mode", "result")
if mode == "result":
    print(json.dumps({"result": {"id": request["tool_id"], "key": os.environ["COMPOZY_IDEMPOTENCY_KEY"],
                                 "exec": request["tool_exec_id"], "token": os.environ.get("TOKEN"), "home": "SECRET_OF_HOST" in os.environ}}))
elif mode == "plain": print('[1, 2]')
elif mode == "error": print(json.dumps({"error": {"message": "no luck"}}))
elif mode == "lasting": print(json.dumps({"error": {"message": "no such city", "retryable": False}}))
elif mode == "crash": sys.exit("broke down")
elif mode == "noise": print("hello there")
elif mode == "sleep": import time; time.sleep(60)
)";

TEST_F(ToolboxTest, SpeaksJsonWithExecutables) {
  write("tools/echo.py", kEcho, true);
  add("echo", project::ToolRuntime::executable, "tools/echo.py");
  ::setenv("SECRET_OF_HOST", "x", 1);
  EXPECT_EQ(said("echo", "{}", Value::object({{"TOKEN", "t1"}})),
            R"({"id":"echo","key":"run/7","exec":"run/7","token":"t1","home":false})");
  EXPECT_EQ(said("echo", R"({"mode":"plain"})"), "[1,2]");
  EXPECT_THAT(said("echo", R"({"mode":"crash"})"), HasSubstr("ended with exit code 1: broke down"));
  EXPECT_THAT(said("echo", R"({"mode":"noise"})"),
              HasSubstr("must write one JSON value to standard output, and wrote: hello"));
  auto failed = call("echo", R"({"mode":"error"})");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ToolFailure::Kind::retry);
  EXPECT_THAT(failed.error().error.message, HasSubstr("no luck"));
  EXPECT_EQ(call("echo", R"({"mode":"crash"})").error().kind, ToolFailure::Kind::retry);
  EXPECT_EQ(call("echo", R"({"mode":"lasting"})").error().kind, ToolFailure::Kind::final);
  EXPECT_EQ(call("echo", R"({"mode":"noise"})").error().kind, ToolFailure::Kind::final);
  workflow_.tools[0].timeout_ms = 200;
  auto late = call("echo", R"({"mode":"sleep"})");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().error.code, Errc::timeout);
}

TEST_F(ToolboxTest, AFailureDoesNotRepeatTheVariablesOfTheTool) {
  write("leak.sh", "#!/bin/sh\necho \"cannot log in with $TOKEN as $WHO\" >&2; exit 3\n", true);
  add("leak", project::ToolRuntime::executable, "leak.sh");
  const auto env = Value::object({{"TOKEN", "s3cret-value"}, {"WHO", "ada"}});
  EXPECT_EQ(said("leak", "{}", env), "FAILED tool 'leak' ended with exit code 3: cannot log in with [TOKEN] as ada");
}

TEST_F(ToolboxTest, ChecksInputAndOutputAgainstTheirSchemas) {
  write("tools/echo.py", kEcho, true);
  add("echo", project::ToolRuntime::executable, "tools/echo.py");
  workflow_.tools[0].input_schema = *json::parse(
      R"({"type":"object","properties":{"n":{"type":"integer"},"mode":{"default":"plain"}},"required":["n"]})");
  EXPECT_THAT(said("echo", "{}"), HasSubstr("tool 'echo', input"));
  EXPECT_EQ(said("echo", R"({"n":1})"), "[1,2]");
  workflow_.tools[0].output_schema = Value::object({{"type", "object"}});
  EXPECT_THAT(said("echo", R"({"n":1})"), HasSubstr("tool 'echo', output"));
}

TEST_F(ToolboxTest, ExplainsAnExecutableThatCannotRun) {
  write("tools/echo.py", kEcho, false);
  add("echo", project::ToolRuntime::executable, "tools/echo.py");
  EXPECT_THAT(said("echo", "{}"), HasSubstr("chmod +x tools/echo.py"));
  add("none", project::ToolRuntime::executable, "tools/none");
  EXPECT_THAT(said("none", "{}"), HasSubstr("FAILED tool 'none'"));
  EXPECT_THAT(said("nope", "{}"), HasSubstr("the definition has no tool 'nope'"));
}

TEST_F(ToolboxTest, KeepsOneWorkerForManyCallsOfAScript) {
  write("tools/calc.mjs", R"js(
let count = 0;
export async function add({ a, b }, config) { console.log("noise"); count += 1; return { sum: a + b, count, pid: process.pid, scale: config.scale, token: process.env.TOKEN ?? null }; }
export default { fail() { throw new Error("bad luck"); },
  lasting() { const e = new Error("no such city"); e.retryable = false; throw e; }, "multi-word": () => "done", die() { process.exit(3); } };
)js");
  for (const char* id : {"add", "fail", "lasting", "multi-word", "die", "missing"})
    add(id, project::ToolRuntime::script, "tools/calc.mjs");
  workflow_.tools[0].config = Value::object({{"scale", 2}});
  auto first = call("add", R"({"a":1,"b":2})", Value::object({{"TOKEN", "t"}}));
  ASSERT_TRUE(first) << first.error().error.message;
  EXPECT_EQ((*first)["sum"].as_integer(), 3);
  EXPECT_EQ((*first)["scale"].as_integer(), 2);
  EXPECT_EQ((*first)["token"].as_string(), "t");
  auto second = call("add", R"({"a":5,"b":5})");
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)["count"].as_integer(), 2);
  EXPECT_EQ((*second)["pid"], (*first)["pid"]);
  EXPECT_TRUE((*second)["token"].is_null());
  EXPECT_EQ(said("multi-word", "{}"), R"("done")");
  auto failed = call("fail", "{}");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ToolFailure::Kind::retry);
  EXPECT_THAT(failed.error().error.message, HasSubstr("bad luck"));
  EXPECT_EQ(call("lasting", "{}").error().kind, ToolFailure::Kind::final);
  EXPECT_EQ(call("missing", "{}").error().kind, ToolFailure::Kind::final);
  EXPECT_THAT(said("missing", "{}"), HasSubstr("the module exports no function 'missing'; it exports: add"));
  EXPECT_THAT(said("die", "{}"), HasSubstr("FAILED tool 'die': the runtime ended"));
  EXPECT_EQ((*call("add", R"({"a":1,"b":1})"))["count"].as_integer(), 1);  // a fresh worker
  EXPECT_THAT(said("add", "{}", Value::object({{"NODE_OPTIONS", "--inspect"}})), HasSubstr("NODE_OPTIONS"));
}

TEST_F(ToolboxTest, ReadsAChangedModuleAgain) {
  write("t.mjs", "export default () => 1;");
  add("t", project::ToolRuntime::script, "t.mjs");
  EXPECT_EQ(said("t", "{}"), "1");
  write("t.mjs", "export default () => 2; // changed");
  EXPECT_EQ(said("t", "{}"), "2");
}

TEST_F(ToolboxTest, ReadsAndWritesFilesOfTheProjectOnly) {
  write("docs/a.md", "# One\nalpha\n");
  write("docs/deep/b.go", "package b\nvar Alpha = 1\n");
  write("docs/.hidden/c.md", "x");
  std::filesystem::create_symlink("/etc/passwd", root_ / "docs/link");
  std::filesystem::create_directory_symlink("/etc", root_ / "outside");
  EXPECT_THAT(said("cp__read_file", R"({"path":"docs/a.md"})"),
              HasSubstr(R"("content":"# One\nalpha\n","size":12,"truncated":false)"));
  EXPECT_THAT(said("cp__read_file", R"({"path":"../x"})"), HasSubstr("leads out of the project's folder"));
  EXPECT_THAT(said("cp__read_file", R"({"path":"/etc/passwd"})"), HasSubstr("must be relative"));
  EXPECT_THAT(said("cp__read_file", R"({"path":"docs/link"})"), HasSubstr("symbolic link"));
  EXPECT_THAT(said("cp__read_file", R"({"path":"outside/passwd"})"), HasSubstr("symbolic link"));
  EXPECT_THAT(said("cp__write_file", R"({"path":"outside/x","content":"y"})"), HasSubstr("symbolic link"));
  EXPECT_THAT(said("cp__read_file", R"({"path":"docs"})"), HasSubstr("not a regular file"));
  EXPECT_EQ(said("cp__write_file", R"({"path":"out/x.txt","content":"y"})"),
            R"({"path":"out/x.txt","bytes":1,"success":true})");
  EXPECT_THAT(said("cp__write_file", R"({"path":"out/x.txt","content":"z","append":true})"), HasSubstr("success"));
  EXPECT_THAT(said("cp__read_file", R"({"path":"out/x.txt"})"), HasSubstr("\"yz\""));
  EXPECT_THAT(said("cp__read_file", R"({})"), HasSubstr("FAILED tool 'cp__read_file', input"));
}

TEST_F(ToolboxTest, ListsAndSearchesFiles) {
  write("docs/a.md", "# One\nalpha\n");
  write("docs/deep/b.go", "package b\nvar Alpha = 1\n");
  write("docs/node_modules/c.md", "x");
  EXPECT_EQ(said("cp__list_files", R"({"dir":"docs"})"), R"({"dir":"docs","files":["a.md","deep/b.go"],"count":2})");
  EXPECT_THAT(said("cp__list_files", R"({"dir":"docs","exclude":"!*.go"})"), HasSubstr(R"(["deep/b.go"])"));
  EXPECT_THAT(said("cp__list_files", R"({"dir":"docs","exclude":["*.go"]})"), HasSubstr(R"(["a.md"])"));
  EXPECT_THAT(said("cp__list_files", R"({"pattern":"*.md"})"), HasSubstr(R"(["docs/a.md"])"));
  EXPECT_THAT(said("cp__list_dir", R"({"path":"docs"})"), HasSubstr(R"({"name":"deep","type":"dir","size":0})"));
  EXPECT_THAT(
      said("cp__grep", R"({"pattern":"alpha","ignore_case":true,"path":"docs"})"),
      HasSubstr(
          R"({"file":"docs/a.md","line":2,"text":"alpha"},{"file":"docs/deep/b.go","line":2,"text":"var Alpha = 1"})"));
  EXPECT_THAT(said("cp__grep", R"({"pattern":"("})"), HasSubstr("bad regular expression"));
}

TEST_F(ToolboxTest, RunsOnlyProgramsThatAreListed) {
  EXPECT_THAT(said("cp__exec", R"({"command":"/bin/echo"})"), HasSubstr("cp__exec may not run '/bin/echo'"));
  options_.runtime.native_tools = *json::parse(R"({"exec":{"allowlist":[{"path":"/bin/echo"}]}})");
  toolbox_.reset();
  EXPECT_EQ(said("cp__exec", R"({"command":"/bin/echo","args":["a b","$HOME"]})"),
            R"({"exit_code":0,"success":true,"stdout":"a b $HOME\n","stderr":""})");
  EXPECT_THAT(said("cp__exec", R"({"command":"/bin/ls"})"), HasSubstr("may not run"));
}

TEST(ToolProtocol, TellsEnvelopesFromPlainResults) {
  EXPECT_EQ(json::print(*decode_tool_answer("t", R"({"result":5,"metadata":{}})")), "5");
  EXPECT_EQ(json::print(*decode_tool_answer("t", R"({"result":5,"count":1})")), R"({"result":5,"count":1})");
  EXPECT_EQ(json::print(*decode_tool_answer("t", R"({"result":5,"error":null})")), "5");
  EXPECT_EQ(json::print(*decode_tool_answer("t", "\n")), "{}");
  EXPECT_FALSE(decode_tool_answer("t", R"({"error":"x"})"));
}

}  // namespace
}  // namespace compozy::agent
