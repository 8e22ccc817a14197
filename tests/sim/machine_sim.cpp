// SPDX-License-Identifier: Apache-2.0
//
// The workflow machine under a seed: activities succeed, fail, answer late or twice; timers fire; signals come at any
// time; runs are paused and resumed; the process crashes between any two commits, so that the state is folded again.
//
// Invariants, checked after every event and at the end:
//   the folded state equals the deciding state · an op is opened and closed once, numbers are dense · a task instance
//   is entered and closed once · a run that nothing holds always has something open · what has ended stays ended
//
// A violation prints the seed and the command that replays it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "base/text.hpp"
#include "journal_sim.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "observe/log.hpp"
#include "workflow/machine/machine.hpp"

namespace compozy::workflow {
namespace {

constexpr std::array kFlows{
    R"({"tasks":[{"id":"a","tool":"t","with":{"n":1},"on_success":{"next":"b"},"on_error":{"next":"b"}},{"id":"b","tool":"t","sleep_ms":50}]})",
    R"({"tasks":[{"id":"p","type":"parallel","strategy":"race","tasks":[{"id":"x","tool":"t"},{"id":"y","tool":"t"},{"id":"z","tool":"t","sleep_ms":5}],"on_error":{"next":"end"},"on_success":{"next":"end"}},{"id":"end"}]})",
    R"({"tasks":[{"id":"p","type":"parallel","strategy":"fail_fast","timeout_ms":200,"max_workers":2,"tasks":[{"id":"x","tool":"t"},{"id":"y","tool":"t"},{"id":"z","tool":"t"}],"on_error":{"next":"c"}},{"id":"c","type":"collection","strategy":"best_effort","items":"1..7","max_workers":3,"tasks":[{"id":"i-{{ .index }}","tool":"t","with":{"v":"{{ .item }}"}}]}]})",
    R"({"tasks":[{"id":"h","type":"wait","wait_for":"go","condition":"signal.payload.n > 2","timeout_ms":500,"tasks":[{"id":"look","tool":"t","with":{"n":"{{ .signal.payload.n }}"}}],"on_success":{"next":"r"},"on_timeout":"r","on_error":{"next":"r"}},{"id":"r","type":"router","condition":"has(tasks.h.error) ? 'late' : 'ok'","routes":[["late","l"],["ok","k"]]},{"id":"l"},{"id":"k","tool":"t"}]})",
    R"({"tasks":[{"id":"o","type":"composite","tasks":[{"id":"q","type":"collection","mode":"sequential","items":["a","b"],"tasks":[{"id":"s-{{ .index }}","type":"composite","tasks":[{"id":"u-{{ .index }}","tool":"t"},{"id":"w-{{ .index }}","type":"parallel","tasks":[{"id":"m","tool":"t"},{"id":"n","tool":"t"}]}]}]}],"on_error":{"next":"z"}},{"id":"z","type":"aggregate","outputs":{"n":"{{ len .tasks }}"}}]})",
    R"({"tasks":[{"id":"o","type":"composite","tasks":[{"id":"a","tool":"t","on_success":{"next":"r","with":{"n":"{{ .output.n }}"}},"on_error":{"next":"mend"}},{"id":"mend","tool":"t"},{"id":"r","type":"router","condition":"size(tasks) > 3 ? 'l' : 'k'","routes":[["l","l"],["k","k"]]},{"id":"l","tool":"t","sleep_ms":5,"final":true},{"id":"k","type":"wait","wait_for":"go","timeout_ms":50,"on_timeout":"late","on_success":{"next":"last"}},{"id":"late","tool":"t","on_error":{"next":"last"},"on_success":{"next":"last"}},{"id":"last","tool":"t"}],"on_error":{"next":"z"}},{"id":"z"}]})",
    R"({"tasks":[{"id":"a","tool":"t","on_success":{"next":"g"},"on_error":{"next":"g"}},{"id":"g","type":"router","condition":"{{ if gt (len .workflow.exec_id) 0 }}on{{ end }}","routes":[["on","m"]]},{"id":"m","type":"memory","operation":"read","memory_ref":"x","key_template":"k","on_error":{"next":"e"}},{"id":"e"}]})",
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed) {
    json::Value body = json::parse(kFlows[random_.below(kFlows.size())]).value();
    body.set("format", project::kDefinitionFormat).set("id", "sim");
    program_ = Program::load(project::workflow_from_json(body).value()).value();
  }

  // Nothing, or what was violated.
  std::string run() {
    feed(Started{.run_id = "sim", .input = json::Value::object(), .first_task = {}});
    for (int i = 0; i < kEventsMax && trouble_.empty() && !is_terminal(state_.status); ++i) step();
    if (trouble_.empty() && !is_terminal(state_.status))
      feed(Controlled{.control = Control::cancel, .reason = "out of events"});
    if (trouble_.empty()) check_end();
    return trouble_;
  }

 private:
  static constexpr int kEventsMax = 400;

  bool chance(uint64_t percent) { return random_.below(100) < percent; }

  void step() {
    if (chance(10)) crash();
    if (chance(4)) return feed(Controlled{.control = state_.paused ? Control::resume : Control::pause, .reason = {}});
    if (chance(15))
      return feed(Signal{.inbox = ++inbox_,
                         .name = chance(70) ? "go" : "other",
                         .payload = json::Value::object({{"n", random_.below(5)}})});
    if (chance(5) && !closed_.empty())
      return feed(OpFinished{.op = *closed_.begin(), .outcome = {}, .usage = {}});  // late
    if (!activities_.empty() && chance(70)) return answer();
    if (!timers_.empty()) return fire();
    if (!activities_.empty()) return answer();
    if (state_.paused) return feed(Controlled{.control = Control::resume, .reason = {}});
    for (const auto& [path, frame] : state_.frames) {
      if (frame.type == project::TaskType::wait)
        return feed(Signal{.inbox = ++inbox_, .name = "go", .payload = json::Value::object({{"n", 4}})});
    }
    trouble_ = "the run is stuck: nothing is open and nothing is waited for";
  }

  void answer() {
    auto chosen = activities_.begin();
    std::advance(chosen, static_cast<long>(random_.below(activities_.size())));
    const int64_t op = *chosen;
    const bool ok = !chance(20);
    Outcome outcome{.status = ok ? Status::success : Status::failed, .output = {}, .error = {}};
    (ok ? outcome.output : outcome.error) = ok ? json::Value::object({{"n", op}}) : make_error("tool_error", "no");
    feed(OpFinished{.op = op, .outcome = std::move(outcome), .usage = {}});
  }

  void fire() {
    const auto first = std::min_element(timers_.begin(), timers_.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
    now_ms_ = std::max(now_ms_, first->second);
    feed(TimerFired{.op = first->first});
  }

  void crash() { state_ = fold(); }

  State fold() const {
    State state;
    for (const std::string& row : log_) evolve(state, records_from_json(json::parse(row).value()).value());
    return state;
  }

  void feed(const Event& event) {
    now_ms_ += static_cast<int64_t>(random_.below(20));
    const bool had_ended = is_terminal(state_.status);
    auto records = decide(*program_, state_, event, {.at_ms = now_ms_, .entropy = random_.next()});
    if (!records) {
      if (!had_ended) trouble_ = "an event was refused: " + records.error().to_string();
      return;
    }
    if (records->empty()) return;
    log_.push_back(json::print(to_json(*records)));
    for (const Record& record : records->items) note(record);
    const State folded = fold();
    if (json::print(folded.tasks) != json::print(state_.tasks) || folded.status != state_.status ||
        folded.frames.size() != state_.frames.size() || folded.ops.size() != state_.ops.size() ||
        folded.signals.size() != state_.signals.size() || folded.next_task != state_.next_task) {
      trouble_ = "the folded state differs from the deciding state";
    }
  }

  void note(const Record& record) {
    if (const auto* opened = std::get_if<OpOpened>(&record)) {
      if (opened->op != ++last_op_) trouble_ = "op " + std::to_string(opened->op) + " is not the next number";
      if (opened->kind == OpKind::timer) {
        timers_[opened->op] = opened->due_ms;
      } else {
        activities_.insert(opened->op);
      }
    } else if (const auto* closed = std::get_if<OpClosed>(&record)) {
      if (activities_.erase(closed->op) + timers_.erase(closed->op) != 1)
        trouble_ = "op " + std::to_string(closed->op) + " was closed and not open";
      closed_.insert(closed->op);
    } else if (const auto* entered = std::get_if<TaskEntered>(&record)) {
      if (!entered_.insert(entered->path).second) trouble_ = entered->path + " was entered twice";
      open_.insert(entered->path);
    } else if (const auto* ended = std::get_if<TaskClosed>(&record)) {
      if (open_.erase(ended->path) != 1) trouble_ = ended->path + " was closed and not open";
      const auto below = open_.lower_bound(ended->path + "/");
      if (below != open_.end() && below->starts_with(ended->path + "/"))
        trouble_ = ended->path + " was closed over the open " + *below;
    } else if (std::holds_alternative<RunClosed>(record)) {
      if (run_closed_) trouble_ = "the run ended twice";
      run_closed_ = true;
    }
  }

  void check_end() {
    if (!activities_.empty() || !timers_.empty()) trouble_ = "the run ended with an open op";
    if (!open_.empty()) trouble_ = "the run ended with the open task " + *open_.begin();
    if (!run_closed_) trouble_ = "the run never ended";
  }

  SeededRandom random_;
  std::shared_ptr<const Program> program_;
  State state_;
  int64_t now_ms_ = 1'000;
  int64_t inbox_ = 0;
  int64_t last_op_ = 0;
  bool run_closed_ = false;
  std::vector<std::string> log_;
  std::set<int64_t> activities_;
  std::map<int64_t, int64_t> timers_;
  std::set<int64_t> closed_;
  std::set<std::string> entered_, open_;
  std::string trouble_;
};

struct Choice {
  bool with_journal = false;
  bool with_trace = false;
  int64_t first = 1;
  int64_t count = 500;
};

std::optional<Choice> read_choice(std::vector<std::string> arguments) {
  Choice choice{.with_journal = std::erase(arguments, "--journal") > 0,
                .with_trace = std::erase(arguments, "--trace") > 0};
  for (size_t i = 0; i < arguments.size(); i += 2) {
    int64_t value = 0;
    const bool is_seed = arguments[i] == "--seed";
    if ((!is_seed && arguments[i] != "--count") || i + 1 == arguments.size() || !parse_int64(arguments[i + 1], value) ||
        value < 0) {
      std::fprintf(stderr, "usage: compozy_sim [--journal [--trace]] [--seed N | --count N], not '%s'\n",
                   arguments[i].c_str());
      return std::nullopt;
    }
    if (is_seed) choice.first = value;
    choice.count = is_seed ? 1 : value;
  }
  return choice;
}

// --seed N runs one; --count M runs the seeds 1 to M. --journal: with the journal and its tables; --trace prints all
// that happened.
int simulate(const std::vector<std::string>& arguments) {
  const auto choice = read_choice(arguments);
  if (!choice) return 2;
  if (choice->count > 1) log::configure(log::Level::off, log::Format::text);  // what fails is meant to
  for (int64_t seed = choice->first; seed < choice->first + choice->count; ++seed) {
    const auto n = static_cast<uint64_t>(seed);
    const SimReport report = choice->with_journal ? simulate_journal(n) : SimReport{.trouble = Simulation(n).run()};
    if (choice->with_trace) std::fputs(report.trace.c_str(), stdout);
    if (report.trouble.empty()) continue;
    std::fprintf(stderr, "violated with seed %lld: %s\nreplay: ./dev sim %s--seed %lld\n", static_cast<long long>(seed),
                 report.trouble.c_str(), choice->with_journal ? "--journal " : "", static_cast<long long>(seed));
    return 1;
  }
  std::printf("%lld seeds, no invariant violated\n", static_cast<long long>(choice->count));
  return 0;
}

}  // namespace
}  // namespace compozy::workflow

int main(int argc, char** argv) { return compozy::workflow::simulate({argv + 1, argv + argc}); }
