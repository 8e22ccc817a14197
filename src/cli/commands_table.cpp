// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "cli/command.hpp"

namespace compozy::cli {

namespace {

constexpr std::array kDirectory{Positional{"DIR", "Where to write it; created where missing.", false}};
constexpr std::array kWorkflowId{Positional{"WORKFLOW", "Id of the workflow."}};
constexpr std::array kExecId{Positional{"EXEC", "Id of the execution."}};
constexpr std::array kExecAndSignal{Positional{"EXEC", "Id of the execution."},
                                    Positional{"NAME", "Name of the signal."}};
constexpr std::array kExecAndApproval{
    Positional{"EXEC", "Id of the execution."},
    Positional{"TASK", "Id of the approval task; its path where several have that id."}};
constexpr std::array kWorkflowAndCron{Positional{"WORKFLOW", "Id of the workflow."},
                                      Positional{"CRON", "Five, six or seven fields, a macro, or '@every 10m'."}};
constexpr std::array kReferenceName{Positional{"NAME", "cli, config, errors or commands."}};
constexpr std::array kKey{Positional{"KEY", "Path of the key, as in redis.mode."}};

constexpr std::array kInitOptions{Option{"--name", "NAME", "Name of the project; default: the folder's."}};
constexpr std::array kStartOptions{
    Option{"--standalone", "", "Everything inside this process: the same as --mode standalone."}};
constexpr std::array kExecuteOptions{
    Option{"--input", "JSON", "The input: JSON, @FILE, or - for standard input."},
    Option{"--param", "NAME=VALUE",
           "One member of the input; JSON where it reads as such, else text. May be given again.", true},
    Option{"--task", "ID", "Start at this task instead of the first."},
    Option{"--key", "KEY", "Idempotency key: the same key gives the same run again."},
    Option{"--wait", "", "Wait for the end and print the output."},
    Option{"--watch", "", "Print every event until the end."}};
constexpr std::array kListOptions{Option{"--workflow", "ID", "Only runs of this workflow."},
                                  Option{"--status", "STATUS", "Only runs in this state, as in FAILED."},
                                  Option{"--where", "NAME=VALUE",
                                         "Only runs with this attribute; NAME>=N and NAME<=N "
                                         "compare numbers. May be given again.",
                                         true},
                                  Option{"--since", "TIME", "Only runs started since then, or so long ago, as in 24h."},
                                  Option{"--until", "TIME", "Only runs started before then."},
                                  Option{"--limit", "N", "At most so many; default 20."}};
constexpr std::array kWatchOptions{Option{"--from", "N", "Begin after event N; default 0, the start of the run."}};
constexpr std::array kSignalOptions{Option{"--payload", "JSON", "The payload: JSON, @FILE, or - for standard input."},
                                    Option{"--dedupe", "KEY", "A signal with a key seen before changes nothing."}};
constexpr std::array kVoteOptions{
    Option{"--values", "JSON", "What the approval's form asks for: JSON, @FILE, or - for standard input."},
    Option{"--comment", "TEXT", "Why; kept in the history."}};
constexpr std::array kPurgeOptions{Option{"--workflow", "ID", "Only runs of this workflow."},
                                   Option{"--dry-run", "", "Count them, and delete nothing."}};
constexpr std::array kReasonOptions{Option{"--reason", "TEXT", "Why; kept in the history."}};

constexpr std::array kGroups{Group{"workflow", "What can be run: list, look at, start."},
                             Group{"execution", "Runs: list, watch, steer, approve, delete."},
                             Group{"schedule", "What runs when, and changing that."},
                             Group{"config", "Check the project; see every setting and where it comes from."}};

constexpr std::array kCommands{
    Command{.path = "init",
            .summary = "Write a new project that runs as it is.",
            .examples = "compozy init hello\ncd hello && compozy start",
            .positionals = kDirectory,
            .options = kInitOptions,
            .run = run_init},
    Command{.path = "start",
            .summary = "Start the server on a project.",
            .examples = "compozy start --standalone\ncompozy start --standalone --cwd examples/weather --port 8080",
            .options = kStartOptions,
            .takes_config = true,
            .run = run_start},
    Command{.path = "workflow list",
            .summary = "List the workflows that the server can run.",
            .examples = "compozy workflow list",
            .talks_to_server = true,
            .run = run_workflow_list},
    Command{.path = "workflow get",
            .summary = "Show one workflow as it was resolved.",
            .examples = "compozy workflow get hello --json",
            .positionals = kWorkflowId,
            .talks_to_server = true,
            .run = run_workflow_get},
    Command{.path = "workflow execute",
            .summary = "Start a run.",
            .examples = "compozy workflow execute hello --param name=Ada --wait\ncompozy workflow execute weather "
                        "--input '{\"city\":\"Oslo\"}' --watch",
            .positionals = kWorkflowId,
            .options = kExecuteOptions,
            .talks_to_server = true,
            .run = run_workflow_execute},
    Command{.path = "execution list",
            .summary = "List runs, newest first.",
            .examples = "compozy execution list --status FAILED --since 24h --where tenant=acme",
            .options = kListOptions,
            .talks_to_server = true,
            .run = run_execution_list},
    Command{.path = "execution get",
            .summary = "Show one run with its tasks.",
            .examples = "compozy execution get 01JD4XTQ5Y3ZJ8",
            .positionals = kExecId,
            .talks_to_server = true,
            .run = run_execution_get},
    Command{.path = "execution watch",
            .summary = "Follow a run's events until it ends.",
            .examples = "compozy execution watch 01JD4XTQ5Y3ZJ8",
            .positionals = kExecId,
            .options = kWatchOptions,
            .talks_to_server = true,
            .run = run_execution_watch},
    Command{.path = "execution signal",
            .summary = "Send a signal to a run that waits for it.",
            .examples = "compozy execution signal 01JD4XTQ5Y3ZJ8 ready --payload '{\"status\":\"ready\"}'",
            .positionals = kExecAndSignal,
            .options = kSignalOptions,
            .talks_to_server = true,
            .run = run_execution_signal},
    Command{.path = "execution approve",
            .summary = "Say yes to an approval that a run waits for.",
            .examples = "compozy execution approve 01JD4XTQ5Y3ZJ8 sign-off --values '{\"amount\":100}'",
            .positionals = kExecAndApproval,
            .options = kVoteOptions,
            .talks_to_server = true,
            .run = run_execution_approve},
    Command{.path = "execution reject",
            .summary = "Say no to an approval that a run waits for.",
            .examples = "compozy execution reject 01JD4XTQ5Y3ZJ8 sign-off --comment 'too dear'",
            .positionals = kExecAndApproval,
            .options = kVoteOptions,
            .talks_to_server = true,
            .run = run_execution_reject},
    Command{.path = "execution cancel",
            .summary = "Cancel a run and everything that it has under way.",
            .examples = "compozy execution cancel 01JD4XTQ5Y3ZJ8 --reason 'wrong input'",
            .positionals = kExecId,
            .options = kReasonOptions,
            .talks_to_server = true,
            .run = run_execution_cancel},
    Command{.path = "execution pause",
            .summary = "Hold a run before its next step.",
            .examples = "compozy execution pause 01JD4XTQ5Y3ZJ8",
            .positionals = kExecId,
            .talks_to_server = true,
            .run = run_execution_pause},
    Command{.path = "execution resume",
            .summary = "Let a paused run go on.",
            .examples = "compozy execution resume 01JD4XTQ5Y3ZJ8",
            .positionals = kExecId,
            .talks_to_server = true,
            .run = run_execution_resume},
    Command{.path = "execution purge",
            .summary = "Delete ended runs that are older than their retention.",
            .examples = "compozy execution purge --dry-run",
            .options = kPurgeOptions,
            .talks_to_server = true,
            .run = run_execution_purge},
    Command{.path = "schedule list",
            .summary = "List what runs when.",
            .examples = "compozy schedule list",
            .talks_to_server = true,
            .run = run_schedule_list},
    Command{.path = "schedule get",
            .summary = "Show one schedule with its next ten times.",
            .examples = "compozy schedule get nightly",
            .positionals = kWorkflowId,
            .talks_to_server = true,
            .run = run_schedule_get},
    Command{.path = "schedule pause",
            .summary = "Hold a schedule until it is resumed.",
            .examples = "compozy schedule pause nightly",
            .positionals = kWorkflowId,
            .talks_to_server = true,
            .run = run_schedule_pause},
    Command{.path = "schedule resume",
            .summary = "Let a paused schedule go on.",
            .examples = "compozy schedule resume nightly",
            .positionals = kWorkflowId,
            .talks_to_server = true,
            .run = run_schedule_resume},
    Command{.path = "schedule update",
            .summary = "Give a schedule another cron, until its YAML changes.",
            .examples = "compozy schedule update nightly '30 2 * * *'",
            .positionals = kWorkflowAndCron,
            .talks_to_server = true,
            .run = run_schedule_update},
    Command{.path = "schedule reset",
            .summary = "Go back to what the YAML says.",
            .examples = "compozy schedule reset nightly",
            .positionals = kWorkflowId,
            .talks_to_server = true,
            .run = run_schedule_reset},
    Command{.path = "config show",
            .summary = "Show every setting with where it comes from.",
            .examples = "compozy config show --standalone",
            .options = kStartOptions,
            .takes_config = true,
            .run = run_config_show},
    Command{.path = "config validate",
            .summary = "Check the project and its configuration without starting anything.",
            .examples = "compozy config validate --cwd examples/weather",
            .options = kStartOptions,
            .takes_config = true,
            .run = run_config_validate},
    Command{.path = "config explain",
            .summary = "Explain one setting: what it does, its value, and what it hides.",
            .examples = "compozy config explain redis.mode",
            .positionals = kKey,
            .options = kStartOptions,
            .takes_config = true,
            .run = run_config_explain},
    Command{
        .path = "redis-server",
        .summary = "Run the embedded Redis-compatible engine alone, with the arguments and settings of redis-server.",
        .examples = "compozy redis-server --port 7000 --appendonly yes\ncompozy redis-server redis.conf --loglevel "
                    "verbose",
        .takes_all_arguments = true},
    Command{.path = "reference",
            .summary = "Print a reference as Markdown: the command line, the settings, the errors, the Redis commands.",
            .examples = "compozy reference config",
            .positionals = kReferenceName,
            .run = run_reference},
    Command{.path = "version", .summary = "Print the version.", .examples = "compozy version", .run = run_version},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }
std::span<const Group> groups() { return kGroups; }

}  // namespace compozy::cli
