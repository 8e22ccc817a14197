// SPDX-License-Identifier: Apache-2.0
//
// approval: holds until enough people have said yes.
//
//   requested ──approvals_required yes──> closed SUCCESS {approved, values, votes}
//       │ so many no that the rest cannot suffice (without a list of approvers: the first no) ──> closed FAILED
//       REJECTED └ timeout ──> closed TIMED_OUT, then on_timeout, else on_error
//
// A vote that comes after the deadline is refused, also when the timer has not fired yet.
#include <algorithm>

#include "base/clock.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

namespace {

json::Value votes_of(const Frame& frame) {
  json::Value votes = json::Value::array();
  for (const CastVote& vote : frame.votes) {
    json::Value shown = json::Value::object({{"by", vote.by}, {"approve", vote.approve}});
    if (!vote.values.is_null()) shown.set("values", vote.values);
    if (!vote.comment.empty()) shown.set("comment", vote.comment);
    shown.set("at", format_rfc3339(vote.at_ms));
    votes.push_back(std::move(shown));
  }
  return votes;
}

}  // namespace

Result<void> Decider::on(const Vote& event) {
  if (is_terminal(state_.status)) {
    return fail(Errc::conflict, "run '" + state_.run_id + "' has ended: " + std::string(status_name(state_.status)));
  }
  std::vector<const Frame*> open;
  std::vector<std::string> names;
  for (const auto& [path, frame] : state_.frames) {
    if (frame.type != project::TaskType::approval || !frame.requested) continue;
    names.push_back(path);
    if (path == event.task || frame.id == event.task) open.push_back(&frame);
  }
  if (open.empty()) {
    std::ranges::sort(names);
    return fail(Errc::not_found,
                "no approval '" + event.task + "' is being asked for" + did_you_mean(event.task, names));
  }
  if (open.size() > 1)
    return fail(Errc::conflict, "several approvals are called '" + event.task + "'; name one by its path");
  const Frame& frame = *open.front();
  const Task& task = *program_.find_task(frame.path);
  if (const auto timeout = state_.ops.find(frame.timeout_op);
      timeout != state_.ops.end() && timeout->second.due_ms < clock_ms_) {
    return fail(Errc::conflict, "the approval '" + frame.id + "' expired at " + format_rfc3339(timeout->second.due_ms));
  }
  if (!task.approvers.empty() && std::ranges::find(task.approvers, event.by) == task.approvers.end())
    return fail(Errc::permission_denied, "'" + event.by + "' is not among the approvers of '" + frame.id + "'");
  if (const auto cast = std::ranges::find(frame.votes, event.by, &CastVote::by); cast != frame.votes.end()) {
    if (cast->approve == event.approve) return {};  // said again
    return fail(Errc::conflict, "'" + event.by + "' has voted on '" + frame.id + "' already");
  }
  if (const json::Schema* form = event.approve ? program_.schema(task.form) : nullptr)
    TRY(form->check(event.values.is_null() ? json::Value::object() : event.values));
  const std::string path = frame.path;
  emit(ApprovalVoted{
      .path = path, .by = event.by, .approve = event.approve, .values = event.values, .comment = event.comment});
  ready_.push_back(path);
  return {};
}

void Decider::advance_approval(const Task& task, Frame& frame) {
  const std::string path = frame.path;
  if (!frame.requested) {
    auto message = render_to_text(task.message, context_of(task, frame));
    if (!message)
      return close(path, failure(std::move(message).error().with_context("message of approval '" + frame.id + "'")));
    emit(ApprovalRequested{.path = path, .message = std::move(*message)});
    return;
  }
  const auto yes = static_cast<int64_t>(std::ranges::count(frame.votes, true, &CastVote::approve));
  const int64_t no = static_cast<int64_t>(frame.votes.size()) - yes;
  if (yes >= task.approvals_required) {
    json::Value values = json::Value::object();
    for (const CastVote& vote : frame.votes) {
      if (vote.approve) values = merge(std::move(values), vote.values);
    }
    return close_with_outputs(
        task, frame,
        json::Value::object({{"approved", true}, {"values", std::move(values)}, {"votes", votes_of(frame)}}), {});
  }
  const auto voters = static_cast<int64_t>(task.approvers.size());
  const bool lost = voters == 0 ? no > 0 : voters - no < task.approvals_required;
  if (!lost) return;
  const auto against = std::ranges::find(frame.votes, false, &CastVote::approve);
  Outcome outcome =
      failure("REJECTED", "rejected by " + against->by + (against->comment.empty() ? "" : ": " + against->comment),
              json::Value::object({{"votes", votes_of(frame)}}));
  outcome.output = json::Value::object({{"approved", false}, {"votes", votes_of(frame)}});
  close(path, std::move(outcome));
}

}  // namespace compozy::workflow
