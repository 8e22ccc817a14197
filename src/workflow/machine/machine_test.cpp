#include "workflow/machine/machine.hpp"

#include "workflow/machine/played_run.hpp"

namespace compozy::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Machine, RunsTasksAlongTheirLinksAndRendersOutputs) {
  Played run(R"({"tasks":[
      {"id":"a","type":"basic","tool":"echo","with":{"city":"{{ .workflow.input.city }}"},"on_success":{"next":"b"}},
      {"id":"b","type":"basic","tool":"echo","with":{"was":"{{ .tasks.a.output.city }}"},"outputs":{"n":"{{ len .output.was }}"}}],
      "outputs":{"n":"{{ .tasks.b.output.n }}","status":"{{ .status }}"}})",
             R"({"city":"Oslo"})");
  EXPECT_EQ(run.open_paths(), "a#1");
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"city":"Oslo"})");
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.output(), R"({"n":4,"status":"SUCCESS"})");
  EXPECT_THAT(run.names, ElementsAre("run_started", "task_entered", "op_opened", "op_closed", "task_closed",
                                     "task_entered", "op_opened", "op_closed", "task_closed", "run_closed"));
}

TEST(Machine, ChildrenStandBesideTheOutputOfTheirContainer) {
  Played run(R"({"tasks":[{"id":"p","type":"parallel","tasks":[{"id":"x","with":{"v":1}},{"id":"y","with":{"v":2}}],
      "outputs":{"sum":"{{ add .output.x.v .output.y.v }}"},"on_success":{"next":"c"}},
      {"id":"c","condition":"tasks.p.output.x.status == 'SUCCESS'","with":{"all":"{{ .tasks.p.output }}",
       "own":"{{ .tasks.p.output.output.sum }}","y":"{{ .tasks.p.output.y.output.v }}"}}],
      "outputs":"{{ .tasks.c.output }}"})");
  EXPECT_EQ(run.output(), R"({"all":{"sum":3},"own":3,"y":2})");
}

TEST(Machine, AContainersEnvReachesTheToolsInIt) {
  Played run(R"({"env":{"A":"1"},"tasks":[{"id":"p","type":"parallel","env":{"B":"{{ .env.A }}2"},"tasks":[
      {"id":"q","type":"composite","env":{"C":"3"},"tasks":[{"id":"x","tool":"echo","env":{"D":"{{ .env.B }}"}}]}]}]})");
  EXPECT_EQ(json::print(run.spec()["env"]), R"({"A":"1","B":"12","C":"3","D":"12"})");
}

TEST(Machine, WithoutOutputsTheRunGivesEveryTasksOutputById) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo","with":{"x":1}}]})");
  run.echo_all();
  EXPECT_EQ(run.output(), R"({"a":{"output":{"x":1}}})");
}

TEST(Machine, AnUnhandledFailureFailsTheRun) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo","on_success":{"next":"b"}},{"id":"b","tool":"echo"}]})");
  run.fail_activity("no such file");
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_EQ(run.error(), "no such file");
}

TEST(Machine, Defect03And05_AHandledFailureDoesNotFailTheRun) {
  Played run(R"({"tasks":[
      {"id":"a","tool":"echo","on_error":{"next":"mend","with":{"why":"{{ .error.message }}"}}},
      {"id":"mend","tool":"echo","with":{"seen":"{{ .error.code }}"}}]})");
  run.fail_activity("boom");
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"seen":"tool_error","why":"boom"})");
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success);
}

TEST(Machine, AnOutputThatReportsAnErrorFailsTheTask) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo"}]})");
  run.answer(R"({"success":false,"error":{"message":"quota"}})");
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_EQ(run.error(), "task output error: quota");
}

TEST(Machine, AMissingPathFailsTheTaskAndSaysWhich) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo","with":{"x":"{{ .workflow.input.citty }}"}}]})",
             R"({"city":"Oslo"})");
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_THAT(run.error(), HasSubstr("input of task 'a'"));
  EXPECT_THAT(run.error(), HasSubstr("citty"));
}

TEST(Machine, ATimerIsDueByTheClockAlsoWhenThatWasSetBack) {
  Played run(
      R"({"tasks":[{"id":"a","tool":"echo","on_success":{"next":"b"}},{"id":"b","tool":"echo","sleep_ms":50}]})");
  run.now_ms -= 1'000;
  run.answer("{}");
  EXPECT_EQ(run.timers.begin()->second, run.now_ms + 50);
}

TEST(Machine, SleepsBeforeATaskUntilTheTimerFires) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo","sleep_ms":5000}]})");
  EXPECT_TRUE(run.activities.empty());
  EXPECT_EQ(run.timers.begin()->second, 6'000);
  run.fire(1);
  EXPECT_EQ(run.open_paths(), "a#1");
}

TEST(Router, TakesARouteByTemplateOrByCel) {
  const char* const kFlow = R"({"tasks":[
      {"id":"r","type":"router","condition":%s,"routes":[["big","b"],["small","s"]]},
      {"id":"b","tool":"echo","with":{"v":"B"}},{"id":"s","tool":"echo","with":{"v":"S"}}]})";
  const auto taken = [&](const char* condition) {
    std::string flow = kFlow;
    flow.replace(flow.find("%s"), 2, condition);
    Played run(flow, R"({"n":9})");
    return run.state.status == Status::failed ? run.error() : run.open_paths();
  };
  EXPECT_EQ(taken(R"("{{ if gt .workflow.input.n 5 }}big{{ else }}small{{ end }}")"), "b#1");
  EXPECT_EQ(taken(R"("workflow.input.n > 10 ? 'big' : 'small'")"), "s#1");
  EXPECT_THAT(taken(R"("'huge'")"), HasSubstr("no route for 'huge'; the routes are big, small"));
}

TEST(Router, Defect13_TakesTheDefaultRoute) {
  Played run(R"({"tasks":[{"id":"r","type":"router","condition":"'x'","routes":[["y","b"]],"default_route":"s"},
      {"id":"b","tool":"echo"},{"id":"s","tool":"echo"}]})");
  EXPECT_EQ(run.open_paths(), "s#1");
}

TEST(Router, ALoopVisitsATaskAgainUnderANewPath) {
  Played run(
      R"({"tasks":[{"id":"a","tool":"echo","with":{"n":"{{ if hasKey .tasks \"a\" }}again{{ else }}first{{ end }}"},"on_success":{"next":"r"}},
      {"id":"r","type":"router","condition":"tasks.a.output.n == 'first' ? 'more' : 'done'","routes":[["more","a"],["done","end"]]},
      {"id":"end","type":"basic"}]})");
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.state.visits["a"], 2);
}

constexpr const char* kThree = R"({"tasks":[{"id":"p","type":"parallel","strategy":"%s","max_workers":%d,"tasks":[
      {"id":"x","tool":"echo","with":{"v":1}},{"id":"y","tool":"echo","with":{"v":2}},{"id":"z","tool":"echo","with":{"v":3}}]}]})";
std::string three(const char* strategy, int workers) {
  std::array<char, 600> text{};
  std::snprintf(text.data(), text.size(), kThree, strategy, workers);
  return text.data();
}

TEST(Parallel, WaitAllRunsWithinItsWorkersAndGathersOutputs) {
  Played run(three("wait_all", 2));
  EXPECT_EQ(run.open_paths(), "p#1/x#1 p#1/y#1");
  run.answer(R"({"v":1})");
  EXPECT_EQ(run.open_paths(), "p#1/y#1 p#1/z#1");
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(json::print(run.state.tasks["p"]["output"]["outputs"]), R"({"x":{"v":1},"y":{"v":2},"z":{"v":3}})");
}

TEST(Parallel, WaitAllFailsOnlyAfterAllHaveEnded) {
  Played run(three("wait_all", 0));
  run.fail_activity("x broke");
  EXPECT_EQ(run.state.status, Status::running);
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_THAT(run.error(), HasSubstr("task[x]: x broke"));
}

TEST(Parallel, Defect01_FailFastCancelsTheOthersAtOnce) {
  Played run(three("fail_fast", 0));
  run.fail_activity("x broke");
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_EQ(run.canceled.size(), 2U);
  EXPECT_TRUE(run.activities.empty());
}

TEST(Parallel, Defect02_RaceEndsWithTheFirstSuccessNotTheFirstFailure) {
  Played run(three("race", 0));
  run.fail_activity("x broke");
  EXPECT_EQ(run.state.status, Status::running);
  run.answer(R"({"v":2})");
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.canceled.size(), 1U);
  EXPECT_EQ(json::print(run.state.tasks["p"]["output"]["outputs"]), R"({"y":{"v":2}})");
  EXPECT_EQ(run.state.tasks["z"]["status"].as_string(), "CANCELED");
}

TEST(Parallel, BestEffortNeedsOneSuccess) {
  Played some(three("best_effort", 0));
  some.fail_activity("x");
  some.fail_activity("y");
  some.answer("{}");
  EXPECT_EQ(some.state.status, Status::success);
  Played none(three("best_effort", 0));
  for (int i = 0; i < 3; ++i) none.fail_activity("no");
  EXPECT_EQ(none.state.status, Status::failed);
}

TEST(Collection, RunsAChildPerItemWithItsOwnVariables) {
  Played run(
      R"({"tasks":[{"id":"c","type":"collection","items":"{{ .workflow.input.xs }}","item_var":"x","mode":"parallel",
      "tasks":[{"id":"c-{{ .index }}","tool":"echo","with":{"v":"{{ .x }}"},"outputs":{"got":"{{ .output.v }}"}}],
      "outputs":{"n":"{{ len .output }}","all":"{{ .results }}"}}]})",
      R"({"xs":[5,6]})");
  EXPECT_EQ(run.open_paths(), "c#1/c-0#1[0] c#1/c-1#1[1]");
  run.echo_all();
  EXPECT_EQ(json::print(run.state.tasks["c"]["output"]), R"({"n":2,"all":[{"got":5},{"got":6}]})");
  EXPECT_EQ(json::print(run.state.tasks["c"]["children"]["c-1"]["output"]), R"({"got":6})");
}

TEST(Collection, Defect11_SequentialGoesByIndexNotByName) {
  Played run(
      R"({"tasks":[{"id":"c","type":"collection","items":"1..12","mode":"sequential","tasks":[{"id":"x-{{ .index }}","tool":"echo","with":{"i":"{{ .index }}"}}]}]})");
  std::string order;
  while (!run.activities.empty()) {
    order += json::print(run.spec()["input"]["i"]) + " ";
    run.answer("{}");
  }
  EXPECT_EQ(order, "0 1 2 3 4 5 6 7 8 9 10 11 ");
}

TEST(Collection, Defect10_FiltersByTemplateOrByCelAndRefusesOtherAnswers) {
  const auto kept = [](const char* filter) {
    Played run(std::string(R"({"tasks":[{"id":"c","type":"collection","items":[1,2,3,4],"filter":")") + filter +
               R"(","tasks":[{"id":"x-{{ .index }}","tool":"echo","with":{"v":"{{ .item }}"}}]}]})");
    if (run.state.status == Status::failed) return run.error();
    std::string all;
    for (const auto& [op, activity] : run.activities) all += json::print(activity.spec["input"]["v"]);
    return all;
  };
  EXPECT_EQ(kept("item > 2"), "34");
  EXPECT_EQ(kept("{{ eq (mod .item 2) 0 }}"), "24");
  EXPECT_THAT(kept("{{ .item }}"), HasSubstr("must give true or false"));
}

TEST(Collection, ItsChildrenSeeTheOldNamesOfItemAndIndexToo) {
  Played run(
      R"({"tasks":[{"id":"c","type":"collection","items":["x"],"item_var":"fruit","tasks":[{"id":"c-{{ .index }}","with":{
      "i":"{{ ._collection_item }}","n":"{{ .input._collection_index }}","v":"{{ ._collection_item_var }}{{ ._collection_index_var }}"}}]}]})");
  EXPECT_EQ(json::print(run.state.tasks["c-0"]["output"]), R"({"i":"x","n":0,"v":"fruitindex"})");
}

TEST(Transition, WhatIsHandedOnSeesTheTaskThatHasEnded) {
  Played run(
      R"({"tasks":[{"id":"p","type":"parallel","tasks":[{"id":"a","tool":"echo","with":{"n":1}}],"on_success":{"next":"b","with":{
      "own":"{{ .tasks.p.output.outputs.a.n }}","out":"{{ .output.outputs.a.n }}","child":"{{ .children.a.output.n }}"}}},
      {"id":"b","on_success":{"next":"c","with":{"s":"{{ .tasks.b.status }}"}}},{"id":"c"}]})");
  run.echo_all();
  EXPECT_EQ(json::print(run.state.tasks["b"]["output"]), R"({"own":1,"out":1,"child":1})");
  EXPECT_EQ(json::print(run.state.tasks["c"]["output"]), R"({"s":"SUCCESS"})");
}

TEST(Transition, ARoutersWithReachesTheTaskThatItsRouteChose) {
  Played run(
      R"({"tasks":[{"id":"r","type":"router","condition":"'x'","routes":[["x","a"]],"on_success":{"next":"b","with":{"v":"{{ .output.condition }}"}}},
      {"id":"a"},{"id":"b"}]})");
  EXPECT_EQ(json::print(run.state.tasks["a"]["output"]), R"({"v":"x"})");
  EXPECT_EQ(run.state.tasks.find("b"), nullptr);
}

TEST(Router, ARouteCalledDefaultIsTakenWhenNoOtherFits) {
  Played run(
      R"({"tasks":[{"id":"r","type":"router","condition":"'q'","routes":[["x","a"],["default","b"]]},{"id":"a"},{"id":"b"}]})");
  EXPECT_NE(run.state.tasks.find("b"), nullptr);
}

TEST(Container, ItsEnvironmentIsThatOfWhatRunsInIt) {
  Played run(
      R"({"env":{"A":"flow","B":"flow"},"tasks":[{"id":"p","type":"parallel","with":{"k":"deep"},"env":{"B":"{{ .input.k }}"},"tasks":[
      {"id":"a","env":{"C":"own"},"with":{"v":"{{ .env.A }} {{ .env.B }} {{ .env.C }}","up":"{{ .parent.env.B }}","cur":"{{ .current.id }}"}}]}]})");
  EXPECT_EQ(json::print(run.state.tasks["a"]["output"]), R"({"v":"flow deep own","up":"deep","cur":"p"})");
}

TEST(Container, ItsOutputsSeeItsProgress) {
  Played run(
      R"({"tasks":[{"id":"p","type":"parallel","tasks":[{"id":"a","tool":"echo"}],"outputs":{"n":"{{ .progress_info.success_count }}"}}]})");
  run.echo_all();
  EXPECT_EQ(json::print(run.state.tasks["p"]["output"]), R"({"n":1})");
}

TEST(Collection, MakesAListOfWhateverItemsAre) {
  const auto of = [](const char* items) {
    Played run(std::string(R"({"tasks":[{"id":"c","type":"collection","items":)") + items +
               R"(,"tasks":[{"id":"x-{{ .index }}","type":"basic","with":{"v":"{{ .item }}"}}]}]})");
    std::string all;
    for (const json::Value& result : run.state.tasks["c"]["output"]["results"].as_array())
      all += json::print(result["v"]) + " ";
    return all;
  };
  EXPECT_EQ(of("[1,\"a\",null]"), "1 \"a\" null ");
  EXPECT_EQ(of(R"({"b":2,"a":1})"), R"({"key":"a","value":1} {"key":"b","value":2} )");
  EXPECT_EQ(of(R"("[1, 2]")"), "1 2 ");
  EXPECT_EQ(of(R"("3..1")"), "3 2 1 ");
  EXPECT_EQ(of(R"("c..e")"), R"("c" "d" "e" )");
  EXPECT_EQ(of(R"("γ..α")"), R"("γ" "β" "α" )");
  EXPECT_EQ(of(R"("a..Z")"), R"("a..Z" )");
  EXPECT_EQ(of(R"("plain")"), R"("plain" )");
  EXPECT_EQ(of("7"), "7 ");
  EXPECT_EQ(of("null"), "");
}

TEST(Collection, AnEmptyListSucceedsWithoutChildren) {
  Played run(R"({"tasks":[{"id":"c","type":"collection","items":[],"tasks":[{"id":"x","tool":"echo"}]}]})");
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.state.tasks["c"]["output"]["collection_metadata"]["item_count"].as_integer(), 0);
}

TEST(Collection, ThousandsOfItemsThatNeedNoActivityEndInOneDecision) {
  Played run(
      R"({"tasks":[{"id":"c","type":"collection","items":"1..2000","tasks":[{"id":"x-{{ .index }}","type":"basic"}]}]})");
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.state.tasks["c"]["output"]["progress_info"]["success_count"].as_integer(), 2000);
}

TEST(Container, ATimeoutCancelsTheChildren) {
  Played run(
      R"({"tasks":[{"id":"p","type":"parallel","timeout_ms":1000,"tasks":[{"id":"x","tool":"echo"},{"id":"y","tool":"echo"}],"on_error":{"next":"late"}},
      {"id":"late","tool":"echo"}]})");
  run.fire(run.timers.begin()->first);
  EXPECT_EQ(run.state.tasks["p"]["status"].as_string(), "TIMED_OUT");
  EXPECT_EQ(run.state.tasks["x"]["status"].as_string(), "CANCELED");
  EXPECT_EQ(run.open_paths(), "late#1");
}

TEST(Container, NestsToAnyDepth) {
  Played run(R"({"tasks":[{"id":"root","type":"composite","tasks":[
      {"id":"par","type":"parallel","tasks":[{"id":"a","tool":"echo","with":{"m":"A"}}]},
      {"id":"col","type":"collection","items":["x","y"],"strategy":"best_effort","tasks":[{"id":"p-{{ .index }}","tool":"echo","with":{"m":"{{ .item }} at {{ .index }}"}}]},
      {"id":"inner","type":"composite","tasks":[{"id":"race","type":"parallel","strategy":"race","tasks":[{"id":"r1","tool":"echo","with":{"m":1}},{"id":"r2","tool":"echo"}]}]}],
      "outputs":{"items":"{{ .tasks.col.output.outputs }}"}}]})");
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(json::print(run.state.tasks["root"]["output"]), R"({"items":{"p-0":{"m":"x at 0"},"p-1":{"m":"y at 1"}}})");
}

constexpr const char* kWait = R"({"tasks":[
      {"id":"hold","type":"wait","wait_for":"ready","condition":"signal.payload.status == 'ready'","timeout_ms":60000,"on_success":{"next":"end"},"on_timeout":"late"},
      {"id":"end","tool":"echo","with":{"got":"{{ .tasks.hold.output.signal.payload.status }}"}},{"id":"late","tool":"echo"}]})";

TEST(Wait, GoesOnWhenASignalSatisfiesItsCondition) {
  Played run(kWait);
  run.feed(Signal{.inbox = 1, .name = "ready", .payload = json::Value::object({{"status", "nearly"}})}).value();
  run.feed(Signal{.inbox = 2, .name = "other", .payload = {}}).value();
  EXPECT_TRUE(run.activities.empty());
  run.feed(Signal{.inbox = 3, .name = "ready", .payload = json::Value::object({{"status", "ready"}})}).value();
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"got":"ready"})");
  EXPECT_EQ(run.canceled.size(), 1U);  // its timer
}

TEST(Wait, TakesASignalThatCameBeforeIt) {
  Played run(
      R"({"tasks":[{"id":"a","tool":"echo","on_success":{"next":"hold"}},{"id":"hold","type":"wait","wait_for":"go"}]})");
  run.feed(Signal{.inbox = 1, .name = "go", .payload = {}}).value();
  run.answer("{}");
  EXPECT_EQ(run.state.status, Status::success);
}

TEST(Wait, TimesOutAlongItsOwnLink) {
  Played run(kWait);
  run.fire(1);
  EXPECT_EQ(run.open_paths(), "late#1");
  EXPECT_EQ(run.state.tasks["hold"]["error"]["code"].as_string(), "WAIT_TIMEOUT");
}

TEST(Wait, Defect21_RunsItsProcessorForEachSignalInOrder) {
  Played run(
      R"({"tasks":[{"id":"hold","type":"wait","wait_for":"n","condition":"processor.output.v > 1","tasks":[{"id":"proc","tool":"echo","with":{"v":"{{ .signal.payload.v }}"}}]}]})");
  for (int64_t v = 1; v <= 3; ++v)
    run.feed(Signal{.inbox = v, .name = "n", .payload = json::Value::object({{"v", v}})}).value();
  EXPECT_EQ(run.open_paths(), "hold#1/proc#1");
  run.answer(R"({"v":1})");
  EXPECT_EQ(run.open_paths(), "hold#1/proc#2");
  run.answer(R"({"v":2})");
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.state.tasks["hold"]["output"]["signal"]["payload"]["v"].as_integer(), 2);
}

TEST(Wait, ARunRefusesMoreSignalsThanItCanHold) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo"}]})");
  for (int64_t i = 0; i < kSignalsMax; ++i) run.feed(Signal{.inbox = i, .name = "x", .payload = {}}).value();
  EXPECT_EQ(run.feed(Signal{.inbox = 9999, .name = "x", .payload = {}}).error().code, Errc::limit_exceeded);
}

TEST(Control, PauseHoldsTheNextStepAndResumeTakesItUp) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo","on_success":{"next":"b"}},{"id":"b","tool":"echo"}]})");
  run.feed(Controlled{.control = Control::pause}).value();
  run.answer("{}");
  EXPECT_TRUE(run.activities.empty());
  run.feed(Controlled{.control = Control::resume}).value();
  EXPECT_EQ(run.open_paths(), "b#1");
}

TEST(Control, ATimerThatFiresDuringAPauseActsOnResume) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo","sleep_ms":10}]})");
  run.feed(Controlled{.control = Control::pause}).value();
  run.fire(1);
  EXPECT_TRUE(run.activities.empty());
  run.feed(Controlled{.control = Control::resume}).value();
  EXPECT_EQ(run.open_paths(), "a#1");
}

TEST(Control, CancelEndsEverythingThatIsOpen) {
  Played run(three("wait_all", 0));
  run.feed(Controlled{.control = Control::cancel, .reason = "enough"}).value();
  EXPECT_EQ(run.state.status, Status::canceled);
  EXPECT_EQ(run.canceled.size(), 3U);
  EXPECT_EQ(run.error(), "enough");
  EXPECT_EQ(run.feed(Controlled{.control = Control::pause}).error().code, Errc::conflict);
}

TEST(Control, ALateAnswerOfAClosedActivityChangesNothing) {
  Played run(three("race", 0));
  const auto open = run.activities;
  run.answer(R"({"v":1})");
  const size_t before = run.names.size();
  run.feed(OpFinished{.op = open.rbegin()->first, .outcome = {}, .usage = {}}).value();
  EXPECT_EQ(run.names.size(), before);
}

TEST(Agent, TheActivityGetsEverythingRendered) {
  Played run(
      R"({"agents":[{"id":"guide","instructions":"You help in {{ .workflow.input.lang }}.","model":{"provider":"mock","model":"m"},"with":{"unit":"C"},
      "actions":[{"id":"get","prompt":"Weather in {{ .input.city }} ({{ .input.unit }})?"}],"memory":[{"id":"chat","key":"user:{{ .workflow.input.user }}"}]}],
      "tasks":[{"id":"a","agent":"guide","action":"get","prompt":"Be short.","with":{"city":"Oslo"}}]})",
      R"({"lang":"English","user":"u1"})");
  EXPECT_EQ(
      json::print(run.spec()),
      R"({"kind":"agent","agent":"guide","action":"get","instructions":"You help in English.","prompt":"Weather in Oslo (C)?\n\nBe short.",)"
      R"("input":{"unit":"C","city":"Oslo"},"memory":[{"id":"chat","key":"user:u1","read_only":false}]})");
}

TEST(Memory, TheActivityGetsItsKeyAndPayload) {
  Played run(
      R"({"tasks":[{"id":"m","type":"memory","operation":"append","memory_ref":"chat","key_template":"user:{{ .workflow.input.u }}","payload":{"role":"user","content":"hi {{ .workflow.input.u }}"}}]})",
      R"({"u":"ann"})");
  EXPECT_EQ(
      json::print(run.spec()),
      R"({"kind":"memory","operation":"append","memory":"chat","key":"user:ann","payload":{"role":"user","content":"hi ann"}})");
}

TEST(Machine, AValueThatNestsWithoutEndFailsItsTask) {
  const auto error_of = [](const char* outputs) {
    return Played(std::string(R"({"tasks":[{"id":"l","type":"loop","max_iterations":200,"tasks":[
        {"id":"b","type":"aggregate","outputs":)") +
                  outputs + "}]}]}")
        .error();
  };
  EXPECT_THAT(error_of(R"({"a":"{{ .last }}"})"), HasSubstr("nests deeper than 100 levels"));
}

TEST(Usage, AddsUpPerModel) {
  Played run(R"({"tasks":[{"id":"a","tool":"echo","on_success":{"next":"b"}},{"id":"b","tool":"echo"}]})");
  for (int64_t op = 1; op <= 2; ++op) {
    run.feed(OpFinished{.op = op,
                        .outcome = {.status = Status::success, .output = json::Value::object()},
                        .usage = json::Value::object({{"provider", "mock"}, {"model", "m"}, {"total_tokens", 5}})})
        .value();
  }
  EXPECT_EQ(json::print(run.state.usage), R"([{"provider":"mock","model":"m","total_tokens":10}])");
}

TEST(Loop, RunsItsBodyUntilTheConditionHolds) {
  Played run(R"({"tasks":[{"id":"refine","type":"loop","max_iterations":5,"until":"last.score >= 2","tasks":[
      {"id":"draft","tool":"echo","with":{"n":"{{ .iteration }}"}}]}],
      "outputs":{"n":"{{ .tasks.refine.output.iterations }}","why":"{{ .tasks.refine.output.stopped_by }}",
                 "best":"{{ .tasks.refine.output.last.score }}"}})");
  EXPECT_EQ(run.open_paths(), "refine#1/draft#1[0]");
  run.answer(R"({"score":1})");
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"n":1})");
  run.answer(R"({"score":2})");
  EXPECT_EQ(run.output(), R"({"n":2,"why":"until","best":2})");
}

TEST(Loop, EndsAtItsLimitAndBeforeTheFirstIterationWhenWhileIsFalse) {
  const char* kFlow = R"({"tasks":[{"id":"l","type":"loop","max_iterations":3,"while":"workflow.input.go","tasks":[
      {"id":"b","type":"aggregate","outputs":{"i":"{{ .iteration }}"}}]}],
      "outputs":{"l":"{{ .tasks.l.output }}"}})";
  EXPECT_EQ(
      Played(kFlow, R"({"go":true})").output(),
      R"({"l":{"iterations":3,"stopped_by":"max_iterations","last":{"i":2},"results":[{"i":0},{"i":1},{"i":2}]}})");
  EXPECT_EQ(Played(kFlow, R"({"go":false})").output(),
            R"({"l":{"iterations":0,"stopped_by":"while","last":null,"results":[]}})");
}

TEST(Loop, AFailedIterationFailsIt) {
  Played run(R"({"tasks":[{"id":"l","type":"loop","max_iterations":3,"tasks":[{"id":"b","tool":"echo"}]}]})");
  run.answer("{}");
  run.fail_activity("boom");
  EXPECT_EQ(run.state.status, Status::failed);
  EXPECT_EQ(run.error(), "boom");
}

TEST(ChildRun, ItsOutputIsTheTasksAndItsInputIsRendered) {
  Played run(
      R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"other","with":{"x":"{{ .workflow.input.y }}"}}],
      "outputs":{"got":"{{ .tasks.sub.output.z }}"}})",
      R"({"y":4})");
  ASSERT_EQ(run.children.size(), 1U);
  EXPECT_EQ(json::print(run.children.at(1).spec), R"({"workflow":"other","input":{"x":4},"depth":1})");
  run
      .feed(OpFinished{
          .op = 1, .outcome = {.status = Status::success, .output = json::parse(R"({"z":7})").value()}, .usage = {}})
      .value();
  EXPECT_EQ(run.output(), R"({"got":7})");
}

TEST(ChildRun, IsCanceledWithItsParentAndWhenItsTaskTimesOut) {
  const char* kFlow = R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"other","timeout_ms":1000}]})";
  Played canceled(kFlow);
  canceled.feed(Controlled{.control = Control::cancel, .reason = ""}).value();
  EXPECT_THAT(canceled.canceled, ::testing::Contains(canceled.children.begin()->first));
  Played late(kFlow);
  late.fire(late.timers.begin()->first);
  EXPECT_THAT(late.canceled, ::testing::Contains(late.children.begin()->first));
  EXPECT_EQ(late.state.status, Status::timed_out);
}

TEST(Task, ItsConditionSaysWhetherItRuns) {
  const char* const kFlow = R"({"tasks":[
      {"id":"a","tool":"echo","condition":%s,"on_success":{"next":"b"}},
      {"id":"b","type":"basic","with":{"skipped":"{{ .tasks.a.output.skipped | default false }}"}}],
      "outputs":{"skipped":"{{ .tasks.b.output.skipped }}"}})";
  const auto of = [&](const char* condition) {
    std::string flow = kFlow;
    flow.replace(flow.find("%s"), 2, condition);
    Played run(flow, R"({"n":3})");
    run.echo_all();
    return run.state.status == Status::failed ? run.error() : run.output();
  };
  EXPECT_EQ(of(R"("workflow.input.n > 2")"), R"({"skipped":false})");
  EXPECT_EQ(of(R"("workflow.input.n > 5")"), R"({"skipped":true})");
  EXPECT_EQ(of(R"("{{ eq .workflow.input.n 4 }}")"), R"({"skipped":true})");
  EXPECT_THAT(of(R"("workflow.input.n")"), HasSubstr("condition of task 'a': must give true or false, found 3"));
}

TEST(Collection, ItsWithIsBelowThatOfItsChildrenAndSeesTheItem) {
  Played run(R"({"tasks":[{"id":"c","type":"collection","items":[5,6],"with":{"unit":"kg","v":"{{ .item }}"},
      "tasks":[{"id":"x-{{ .index }}","tool":"echo","with":{"v":"{{ add .item 10 }}","up":"{{ .parent.input.unit }}"}}]}]})");
  EXPECT_EQ(json::print(run.spec()["input"]), R"({"unit":"kg","v":15,"up":"kg"})");
  EXPECT_EQ(json::print(run.state.tasks["c"]["input"]), R"({"unit":"kg"})");
}

constexpr const char* kShielded =
    R"({"on_cancel":"undo","tasks":[{"id":"a","tool":"t","on_success":{"next":"b"}},{"id":"b","tool":"t"},
    {"id":"undo","tool":"refund","with":{"why":"{{ .error.message }}"},"on_success":{"next":"tell"}},{"id":"tell","tool":"mail"}]})";

TEST(OnCancel, RunsShieldedAfterWhatWasOpenIsCanceled) {
  Played run(kShielded);
  run.feed(Controlled{.control = Control::cancel, .reason = "no longer wanted"}).value();
  EXPECT_EQ(run.canceled.size(), 1U);
  EXPECT_EQ(run.state.status, Status::running);
  ASSERT_EQ(run.activities.size(), 1U);
  EXPECT_EQ(json::print(run.activities.begin()->second.spec["input"]), R"({"why":"no longer wanted"})");
  EXPECT_EQ(run.feed(Controlled{.control = Control::cancel, .reason = {}}).error().code, Errc::conflict);
  run.answer("{}");
  run.answer("{}");
  EXPECT_EQ(run.state.status, Status::canceled);
  EXPECT_EQ(run.state.outcome.error["message"].string_or(""), "no longer wanted");
  EXPECT_EQ(run.state.tasks["a"]["status"].string_or(""), "CANCELED");
}

TEST(OnCancel, APausedRunIsCanceledToo) {
  Played run(kShielded);
  run.feed(Controlled{.control = Control::pause, .reason = {}}).value();
  run.feed(Controlled{.control = Control::cancel, .reason = "x"}).value();
  run.answer("{}");
  run.answer("{}");
  EXPECT_EQ(run.state.status, Status::canceled);
}

TEST(OnCancel, AFailureOfItIsTold) {
  Played run(kShielded);
  run.feed(Controlled{.control = Control::cancel, .reason = "x"}).value();
  const int64_t op = run.activities.begin()->first;
  run.feed(
         OpFinished{.op = op,
                    .outcome = {.status = Status::failed, .output = {}, .error = make_error("tool_error", "bank away")},
                    .usage = {}})
      .value();
  EXPECT_EQ(run.state.status, Status::canceled);
  EXPECT_EQ(run.state.outcome.error["details"]["on_cancel"]["message"].string_or(""), "bank away");
}

TEST(Limits, AnActivityCarriesItsRenderedKeys) {
  Played run(R"({"tasks":[{"id":"a","tool":"t","policy":{"priority":7,
      "concurrency":[{"scope":"task:w/a","key":"workflow.input.n + 1","limit":3},{"scope":"project","limit":2}],
      "rate_limit":{"scope":"s","key":"{{ .workflow.input.who }}","limit":5,"period_ms":2000,"burst":4}}}]})",
             R"({"who":"ann","n":1})");
  EXPECT_EQ(json::print(run.activities.begin()->second.spec["admission"]),
            R"({"priority":7,"concurrency":[{"key":"task:w/a:2","limit":3},{"key":"project","limit":2}],)"
            R"("rate":{"key":"s:ann","limit":5,"period_ms":2000,"burst":4}})");
}

TEST(Limits, AKeyThatCannotBeRenderedFailsTheTask) {
  Played run(R"({"tasks":[{"id":"a","tool":"t","policy":{"concurrency":[{"key":"workflow.input.none","limit":3}]}}]})");
  EXPECT_EQ(run.state.status, Status::failed);
}

TEST(Approval, NeedsSoManyYesAndCollectsTheirValues) {
  Played run(
      R"({"tasks":[{"id":"sign","type":"approval","message":"Pay {{ .workflow.input.sum }}?","approvals_required":2,
      "approvers":["ann","bob","eve"],"form":{"type":"object","required":["why"]}}]})",
      R"({"sum":9})");
  EXPECT_THAT(run.names, ::testing::Contains("approval_requested"));
  const auto vote = [&](const char* by, bool approve, const char* values) {
    return run.feed(
        Vote{.task = "sign", .by = by, .approve = approve, .values = json::parse(values).value(), .comment = ""});
  };
  EXPECT_EQ(vote("mallory", true, R"({"why":1})").error().code, Errc::permission_denied);
  EXPECT_EQ(vote("ann", true, "{}").error().code, Errc::validation_failed);
  EXPECT_TRUE(vote("ann", true, R"({"why":"due"})"));
  EXPECT_TRUE(vote("ann", true, R"({"why":"due"})"));  // said again: nothing changes
  EXPECT_EQ(vote("ann", false, "{}").error().code, Errc::conflict);
  EXPECT_TRUE(vote("bob", false, "{}"));  // the other two may still suffice
  EXPECT_EQ(run.state.status, Status::running);
  EXPECT_TRUE(vote("eve", true, R"({"why":"ok"})"));
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(json::print(run.state.tasks["sign"]["output"]["values"]), R"({"why":"ok"})");
  EXPECT_EQ(run.state.tasks["sign"]["output"]["votes"].size(), 3U);
}

TEST(Approval, IsRejectedOnceTheRestCannotSuffice) {
  Played run(R"({"tasks":[{"id":"sign","type":"approval","on_error":{"next":"tell"}},
      {"id":"tell","type":"aggregate","outputs":{"code":"{{ .error.code }}"}}]})");
  run.feed(Vote{.task = "sign#1", .by = "ann", .approve = false, .values = {}, .comment = "too dear"}).value();
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(json::print(run.state.tasks["tell"]["output"]), R"({"code":"REJECTED"})");
}

TEST(Approval, AVoteAfterTheDeadlineIsRefusedBeforeTheTimerHasFired) {
  Played run(
      R"({"tasks":[{"id":"sign","type":"approval","timeout_ms":1000,"on_timeout":"late"},{"id":"late","type":"basic"}]})");
  run.now_ms = 5'000;
  const auto refused = run.feed(Vote{.task = "sign", .by = "ann", .approve = true, .values = {}, .comment = ""});
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("expired"));
  run.fire(run.timers.begin()->first);
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(run.state.tasks["sign"]["status"].as_string(), "TIMED_OUT");
}

TEST(Approval, AnUnknownOneIsNamedWithTheNearest) {
  Played run(R"({"tasks":[{"id":"sign","type":"approval"}]})");
  const auto refused = run.feed(Vote{.task = "sign#2", .by = "ann", .approve = true, .values = {}, .comment = ""});
  EXPECT_EQ(refused.error().code, Errc::not_found);
  EXPECT_THAT(refused.error().message, HasSubstr("sign#1"));
}

TEST(Drain, OpensNothingNewAndEndsInACheckpointThatAnotherHistoryGoesOnFrom) {
  Played run(R"({"tasks":[{"id":"each","type":"collection","items":[1,2,3],"max_workers":1,"tasks":[
      {"id":"x-{{ .index }}","tool":"echo","with":{"v":"{{ .item }}"}}]}]})");
  run.feed(Drain{}).value();
  EXPECT_TRUE(run.checkpoint.is_null());  // one activity is under way
  run.echo_all();
  ASSERT_TRUE(run.checkpoint.is_object());
  EXPECT_TRUE(run.activities.empty());
  run.state = state_from_json(run.checkpoint).value();
  run.feed(Continued{}).value();
  run.echo_all();
  EXPECT_EQ(run.state.status, Status::success);
  EXPECT_EQ(json::print(run.state.tasks["each"]["output"]["results"]), R"([{"v":1},{"v":2},{"v":3}])");
}

}  // namespace
}  // namespace compozy::workflow
