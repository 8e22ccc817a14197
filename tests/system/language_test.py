"""The task language, statement by statement: one small workflow each, with exactly what it gives.

A case is (name, what follows `id:`, input, expectation). The expectation is the run's output; a text is what its error
must say; {"refused": text} what `config validate` must say, with the place.
"""
import json
import subprocess
import unittest

from server import BINARY, Server, write_project

CONFIG = """
name: language
models: [{id: m1, provider: mock, model: m, default: true}]
schemas: [{id: city_input, type: object, properties: {city: {type: string, default: Oslo}}}]
memories: [{id: mem, type: message_count_based, max_messages: 50, persistence: {type: redis, ttl: 168h}, default_key_template: "k:{{ .workflow.id }}"}]
agents: [{id: shared, instructions: hi, actions: [{id: say, prompt: "{{ .input.m }}"}]}]
tools: [{id: echo, description: e, execute: tools/echo.sh}, {id: failing, description: f, execute: tools/fail.sh}, {id: spell, description: s, execute: tools/spell.sh}]
config: {retry_policy: {initial_interval: 10ms, maximum_attempts: 1}}
workflows: %s
"""
FILES = {
    "tools/echo.sh": "#!/bin/sh\npython3 -c 'import sys,json; print(json.dumps({\"result\": json.load(sys.stdin)[\"input\"]}))'\n",
    "tools/spell.sh": "#!/bin/sh\ncat > /dev/null\necho \"{\\\"result\\\": {\\\"k\\\": \\\"$K\\\"}}\"\n",
    "tools/fail.sh": "#!/bin/sh\ncat > /dev/null\necho '{\"error\": {\"message\": \"boom\"}}'\n",
}


def of(task):
    """A workflow whose one task `a` has the marker's fields given, and whose output is that task's."""
    return f"tasks: [{{id: a, {task}}}]\noutputs: {{v: '{{{{ .tasks.a.output }}}}'}}"


def routed(condition, routes="{'y': y, 'n': n}", more=""):
    return (f"tasks:\n  - {{id: r, type: router, condition: {json.dumps(condition)}, routes: {routes}{more}}}\n  - {{id: y}}\n  - {{id: n}}\n"
            "outputs: {took: '{{ .tasks.r.output.route_taken }}'}")


def each(fields, child="{id: 'c-{{ .index }}', with: {v: '{{ .item }}'}}"):
    return f"tasks: [{{id: l, type: collection, {fields}, task: {child}}}]\noutputs: {{r: '{{{{ .tasks.l.output.results }}}}'}}"


def values(*items):
    return {"r": [{"v": item} for item in items]}


CASES = [
    # 2.2 output and status
    ("output_by_id", "tasks: [{id: b, with: {x: 1}, on_success: {next: a}}, {id: a, with: {y: '{{ .tasks.b.output.x }}'}}]", {}, {"a": {"output": {"y": 1}}, "b": {"output": {"x": 1}}}),
    ("output_names", "tasks: [{id: a}]\noutputs: {s: '{{ .status }}', w: '{{ .workflow_id }}', n: '{{ len .tasks }}'}", {}, {"s": "SUCCESS", "w": "output_names", "n": 1}),
    ("output_template_error", "tasks: [{id: a}]\noutputs: {x: '{{ .workflow.input.q }}'}", {}, "outputs of workflow 'output_template_error': '.workflow.input.q' does not exist"),
    ("output_empty", "tasks: [{id: a}]\noutputs: {}", {}, {"refused": "outputs: must not be empty"}),
    ("input_defaults", "config: {input: city_input}\ntasks: [{id: a, with: {c: '{{ .workflow.input.city }}'}}]\noutputs: {c: '{{ .tasks.a.output.c }}'}", {}, {"c": "Oslo"}),
    # 3.1 common fields
    ("env_is_merged", "config: {env: {A: flow, B: flow}}\n" + of("env: {B: task}, with: {a: '{{ .env.A }}', b: '{{ .env.B }}'}"), {}, {"v": {"a": "flow", "b": "task"}}),
    ("env_of_the_host", of("with: {v: '{{ .env.NO_SUCH_VARIABLE | default \"none\" }}'}"), {}, {"v": {"v": "none"}}),
    ("env_of_nobody", of("with: {v: '{{ .env.NO_SUCH_VARIABLE }}'}"), {}, "'.env.NO_SUCH_VARIABLE' does not exist: no key 'NO_SUCH_VARIABLE' in '.env'; neither 'env' nor the host's environment has it"),
    ("env_of_a_container", "tasks: [{id: p, type: composite, env: {K: v}, tasks: [{id: a, with: {k: '{{ .env.K }}', up: '{{ .parent.env.K }}'}}]}]\noutputs: {k: '{{ .tasks.a.output }}'}", {}, {"k": {"k": "v", "up": "v"}}),
    ("input_and_with", of("with: {n: 1}, outputs: {i: '{{ .input.n }}', w: '{{ .with.n }}', o: '{{ .output.n }}'}"), {}, {"v": {"i": 1, "w": 1, "o": 1}}),
    ("condition_false", of("condition: '1 > 2', tool: failing"), {}, {"v": {"skipped": True}}),
    ("unparsable_duration", of("timeout: 5 bananas"), {}, {"refused": "'5 bananas' is not a duration"}),
    ("unknown_author", "author: {nme: x}\ntasks: [{id: a}]", {}, {"refused": "author: unknown field 'nme'"}),
    ("input_schema_of_nothing", of("input: {type: object, required: [zz]}"), {}, "input of task 'a': value: 'zz' is required"),
    ("env_of_a_container_in_its_tools", "tasks: [{id: p, type: parallel, env: {K: v}, tasks: [{id: a, tool: spell}]}]\noutputs: {k: '{{ .tasks.a.output.k }}'}", {}, {"k": "v"}),
    # 3.6 - 3.8 what a container offers, as other builds spell it
    ("children_beside_the_output", "tasks:\n  - {id: p, type: parallel, tasks: [{id: x, with: {v: 1}}, {id: y-z, with: {v: 2}}], outputs: {n: '{{ len .output }}{{ .progress_info.success_count }}'}, on_success: {next: q}}\n  - {id: q, with: {a: '{{ .tasks.p.output.x.output.v }}', b: '{{ (index .tasks.p.output \"y-z\").status }}', c: '{{ .tasks.p.output.output.n }}', d: '{{ .tasks.p.children.y-z.output.v }}', e: '{{ .tasks.p.output }}'}}\noutputs: {v: '{{ .tasks.q.output }}'}", {}, {"v": {"a": 1, "b": "SUCCESS", "c": "22", "d": 2, "e": {"n": "22"}}}),
    ("children_of_a_collection", "tasks:\n  - {id: c, type: collection, items: [5, 6], task: {id: 'i-{{ .index }}', with: {v: '{{ .item }}'}}, on_success: {next: q}}\n  - {id: q, condition: 'tasks.c.output.collection_metadata.item_count == 2 && tasks.c.output[\"i-1\"].output.v == 6', with: {a: '{{ .tasks.c.output.outputs.i-0.v }}', b: '{{ .tasks.c.output.i-1.output.v }}'}}\noutputs: {v: '{{ .tasks.q.output }}'}", {}, {"v": {"a": 5, "b": 6}}),
    ("child_that_is_not_there", "tasks:\n  - {id: p, type: parallel, tasks: [{id: one}], on_success: {next: q}}\n  - {id: q, with: {a: '{{ .tasks.p.output.oen.output }}'}}", {}, {"refused": "there is no 'oen' in '.tasks.p.output'; did you mean 'one'?"}),
    ("composite_handles", "tasks: [{id: c, type: composite, tasks: [{id: x, tool: failing, on_success: {next: z}, on_error: {next: y}}, {id: y, with: {m: '{{ .error.message }}'}}, {id: z, with: {y: '{{ .tasks.y.output.m }}'}}]}]\noutputs: {v: '{{ .tasks.z.output }}', n: '{{ .tasks.c.output.progress_info.failed_count }}'}", {}, {"v": {"y": "tool 'failing': boom"}, "n": 1}),
    ("composite_routes", "tasks: [{id: c, type: composite, tasks: [{id: r, type: router, condition: 'workflow.input.n > 1 ? \"big\" : \"small\"', routes: {big: {type: aggregate, outputs: {n: 2}}, small: s}}, {id: m, on_success: {next: t}}, {id: s, on_success: {next: t}}, {id: t}]}]\noutputs: {v: '{{ keys .tasks.c.children | sortAlpha }}'}", {"n": 2}, {"v": ["m", "r", "r.big", "t"]}),
    ("ids_in_a_collection", "tasks: [{id: e, type: collection, items: [a, b], task: {id: 's-{{ .item }}', type: composite, tasks: [{id: 'u-{{ .item }}', with: {v: '{{ .item }}'}}]}}]\noutputs: {v: '{{ (index .tasks \"u-b\").output.v }}'}", {}, {"v": "b"}),
    # 3.2 transitions
    ("handed_on", "tasks: [{id: a, tool: echo, with: {x: 1}, on_success: {next: b, with: {t: '{{ .tasks.a.output.x }}', o: '{{ .output.x }}'}}}, {id: b, with: {k: 2}}]\noutputs: {b: '{{ .tasks.b.output }}'}", {}, {"b": {"k": 2, "t": 1, "o": 1}}),
    ("handed_to_a_handler", "tasks: [{id: a, tool: failing, on_error: {next: h, with: {m: '{{ .error.message }}', s: '{{ .tasks.a.status }}'}}}, {id: h}]\noutputs: {h: '{{ .tasks.h.output }}'}", {}, {"h": {"m": "tool 'failing': boom", "s": "FAILED"}}),
    ("unhandled", "tasks: [{id: a, tool: failing}]", {}, "tool 'failing': boom"),
    ("next_template", "tasks: [{id: a, on_success: {next: '{{ .x }}'}}]", {}, {"refused": "must be the id of a task; use a router"}),
    ("route_template", routed("1", "{'1': '{{ .x }}'}"), {}, {"refused": "a route of its own"}),
    ("next_unknown", "tasks: [{id: a, on_success: {next: zz}}]", {}, {"refused": "unknown task 'zz'"}),
    ("back_to_an_earlier_task", "tasks:\n  - {id: a, with: {n: '{{ add (default 0 .tasks.a.output.n) 1 }}'}, on_success: {next: r}}\n  - {id: r, type: router, condition: 'tasks.a.output.n < 3', routes: {true: a, false: e}}\n  - {id: e}\noutputs: {n: '{{ .tasks.a.output.n }}'}", {}, {"n": 3}),
    # 3.3 what an output says
    ("error_text", of("tool: echo, with: {error: bad}"), {}, "task output error: bad"),
    ("error_map", of("tool: echo, with: {error: {message: bad2}}"), {}, "task output error: bad2"),
    ("success_false_text", of("tool: echo, with: {success: 'false'}"), {}, "the output says success: false"),
    ("error_empty", of("tool: echo, with: {error: '', success: 'true'}"), {}, {"v": {"error": "", "success": "true"}}),
    # 3.4 basic
    ("agent_and_tool", of("agent: shared, action: say, tool: echo"), {}, {"refused": "an 'agent' or a 'tool', not both"}),
    ("action_of_a_tool", of("action: say, tool: echo"), {}, {"refused": "'action' belongs to an agent"}),
    ("prompt_alone", of("prompt: 'hello {{ .workflow.input.c }}'"), {"c": "X"}, {"v": {"response": "hello X"}}),
    ("agent_env", "config: {env: {E: flow, F: flow}}\nagents: [{id: z, instructions: i, env: {E: '{{ .env.E }}, agent'}, actions: [{id: q, prompt: '{{ .env.E }}; {{ .env.F }}'}]}]\n" + of("agent: z, action: q"), {}, {"v": {"response": "flow, agent; flow"}}),
    ("action_and_prompt", of("agent: shared, action: say, prompt: more, with: {m: first}"), {}, {"v": {"response": "first\n\nmore"}}),
    # 3.5 router
    ("route_by_template", routed("{{ .workflow.input.k }}"), {"k": "y"}, {"took": "y"}),
    ("route_by_cel", routed("workflow.input.n > 3 ? 'y' : 'n'"), {"n": 5}, {"took": "y"}),
    ("route_by_both", routed("'{{ .workflow.input.k }}' == 'q' ? 'y' : 'n'"), {"k": "q"}, {"took": "y"}),
    ("route_by_word", routed("y"), {}, {"took": "y"}),
    ("route_by_boolean", routed("workflow.input.n > 1", "{true: y, false: n}"), {"n": 2}, {"took": "y"}),
    ("route_by_number", routed("workflow.input.n", "{'1': n, '2': y}"), {"n": 2}, {"took": "y"}),
    ("route_without_match", routed("'q'"), {}, "no route for 'q'; the routes are n, y"),
    ("route_default", routed("'q'", "{y: y}", ", default_route: n"), {}, {"took": "n"}),
    ("route_called_default", routed("'q'", "{y: y, default: n}"), {}, {"took": "n"}),
    ("route_inline", "tasks: [{id: r, type: router, condition: \"'b'\", routes: {b: {id: i, type: basic, with: {v: '{{ .workflow.input.z }}'}}}}]\noutputs: {v: '{{ .tasks.i.output.v }}'}", {"z": 7}, {"v": 7}),
    ("route_with", "tasks:\n  - {id: r, type: router, condition: \"'b'\", routes: {b: a}, on_success: {next: a, with: {x: '{{ .output.condition }}'}}}\n  - {id: a}\noutputs: {a: '{{ .tasks.a.output }}'}", {}, {"a": {"x": "b"}}),
    ("route_outputs", "tasks:\n  - {id: r, type: router, condition: \"'b'\", routes: {b: a}, outputs: {to: '{{ .output.route_taken }}'}}\n  - {id: a}\noutputs: {r: '{{ .tasks.r.output }}'}", {}, {"r": {"to": "a"}}),
    ("route_output_schema", "tasks:\n  - {id: r, type: router, condition: \"'b'\", routes: {b: a}, output: {type: object, required: [zz]}}\n  - {id: a}", {}, "output of task 'r': value: 'zz' is required"),
    ("route_final", routed("'y'", more=", final: true"), {}, {"refused": "it cannot be final"}),
    # 3.6 parallel, 3.8 composite, 3.9 aggregate
    ("parallel_outputs", "tasks: [{id: p, type: parallel, tasks: [{id: x, with: {v: 1}}, {id: y, with: {v: 2}}], outputs: {a: '{{ .output.x.v }}', c: '{{ .children.y.output.v }}', s: '{{ .children.x.status }}', n: '{{ .progress_info.success_count }}'}}]\noutputs: {p: '{{ .tasks.p.output }}'}", {}, {"p": {"a": 1, "c": 2, "s": "SUCCESS", "n": 2}}),
    ("parallel_best_effort", "tasks: [{id: p, type: parallel, strategy: best_effort, tasks: [{id: x, with: {v: 1}}, {id: y, tool: failing}]}]\noutputs: {f: '{{ .tasks.p.output.progress_info.failed_count }}', e: '{{ .tasks.p.children.y.error.message }}'}", {}, {"f": 1, "e": "tool 'failing': boom"}),
    ("parallel_wait_all", "tasks: [{id: p, type: parallel, tasks: [{id: x}, {id: y, tool: failing}]}]", {}, "1 of 2 children succeeded, 1 failed; task[y]: tool 'failing': boom"),
    ("parallel_parent", "tasks: [{id: p, type: parallel, with: {b: 3}, tasks: [{id: q, type: parallel, tasks: [{id: x, with: {a: '{{ .parent.id }}', b: '{{ .parent.parent.input.b }}', c: '{{ .current.type }}'}}]}]}]\noutputs: {x: '{{ .tasks.x.output }}'}", {}, {"x": {"a": "q", "b": 3, "c": "parallel"}}),
    ("parallel_twice", "tasks: [{id: p, type: parallel, tasks: [{id: a}, {id: a}]}]", {}, {"refused": "task 'a' is defined twice"}),
    ("composite_in_order", "tasks: [{id: p, type: composite, tasks: [{id: x, with: {v: 1}}, {id: y, with: {v: '{{ add .tasks.x.output.v 1 }}'}}], outputs: {l: '{{ .children.y.output.v }}'}}]\noutputs: {l: '{{ .tasks.p.output.l }}'}", {}, {"l": 2}),
    ("composite_strategy", "tasks: [{id: p, type: composite, strategy: wait_all, tasks: [{id: x}]}]", {}, {"refused": "unknown field 'strategy' in a composite task"}),
    ("aggregate_shapes", "tasks: [{id: g, type: aggregate, outputs: {v: '{{ .workflow.input.n }}', l: [1, '{{ .workflow.input.n }}'], m: {n: '{{ add .workflow.input.n 1 }}'}}}]\noutputs: {g: '{{ .tasks.g.output }}'}", {"n": 4}, {"g": {"v": 4, "l": [1, 4], "m": {"n": 5}}}),
    ("aggregate_empty", "tasks: [{id: g, type: aggregate, outputs: {}}]", {}, {"refused": "an aggregate task needs 'outputs'"}),
    # 3.7 collection
    ("items_map", each("items: '{{ .workflow.input.m }}'"), {"m": {"b": 1, "a": 2}}, values({"key": "a", "value": 2}, {"key": "b", "value": 1})),
    ("items_json", each("items: '[\"x\", 1]'"), {}, values("x", 1)),
    ("items_range", each("items: '3..1'"), {}, values(3, 2, 1)),
    ("items_letters", each("items: 'a..c'"), {}, values("a", "b", "c")),
    ("items_text", each("items: hello"), {}, values("hello")),
    ("items_null", each("items: '{{ .workflow.input.none }}'"), {"none": None}, values()),
    ("items_range_of_templates", each("items: '1..{{ .workflow.input.n }}'"), {"n": 3}, values(1, 2, 3)),
    ("filter_cel", each("items: [1, 2, 3], filter: 'item > 1'"), {}, values(2, 3)),
    ("filter_template", each("items: [1, 2, 3], filter: '{{ ne .item 2 }}'"), {}, values(1, 3)),
    ("filter_words", each("items: ['yes', 'no', '1', '0', 'on', 'off', '', 'true'], filter: '{{ .item }}'"), {}, values("yes", "1", "on", "true")),
    ("index_after_filter", each("items: [5, 6, 7], filter: 'item > 5'", "{id: 'c-{{ .index }}', with: {v: '{{ .index }}'}}"), {}, values(0, 1)),
    ("own_names", each("items: [x], item_var: fruit, index_var: pos", "{id: 'c-{{ .pos }}', with: {v: '{{ .fruit }}{{ .item }}{{ .pos }}{{ .index }}'}}"), {}, values("xx00")),
    ("old_names", each("items: [x], item_var: fruit", "{id: 'c-{{ .index }}', with: {v: '{{ ._collection_item }}{{ .input._collection_index }}{{ ._collection_item_var }}{{ ._collection_index_var }}'}}"), {}, values("x0fruitindex")),
    ("with_below_that_of_children", each("items: [x], with: {base: 4, v: '{{ .item }}!'}", "{id: 'c-{{ .index }}'}"), {}, {"r": [{"base": 4, "v": "x!"}]}),
    ("metadata", "tasks: [{id: l, type: collection, items: [1, 2, 3], filter: 'item != 2', mode: sequential, task: {id: 'c-{{ .index }}'}}]\noutputs: {m: '{{ .tasks.l.output.collection_metadata }}'}", {}, {"m": {"item_count": 2, "skipped_count": 1, "mode": "sequential", "batch": 0}}),
    ("children_by_name", "tasks: [{id: l, type: collection, items: [1, 2], task: {id: 'c-{{ .index }}', with: {v: '{{ .item }}'}}}]\noutputs: {a: '{{ .tasks.c-1.output.v }}', b: '{{ (index .tasks.l.children \"c-0\").output.v }}'}", {}, {"a": 2, "b": 1}),
    # 3.10 wait and signal
    ("wait_in_vain", "tasks: [{id: w, type: wait, wait_for: r, condition: 'true', timeout: 50ms, on_error: {next: t}}, {id: t}]\noutputs: {s: '{{ .tasks.w.status }}', c: '{{ .tasks.w.error.code }}', d: '{{ .tasks.w.error.details.signal_name }} {{ .tasks.w.error.details.timeout }}'}", {}, {"s": "FAILED", "c": "WAIT_TIMEOUT", "d": "r 50ms"}),
    ("wait_then", "tasks: [{id: w, type: wait, wait_for: r, condition: 'true', timeout: 50ms, on_timeout: t}, {id: t, with: {c: '{{ .error.code }}'}}]\noutputs: {c: '{{ .tasks.t.output.c }}'}", {}, {"c": "WAIT_TIMEOUT"}),
    ("receiver", "triggers: [{type: signal, name: go, schema: {type: object, required: [m]}}]\ntasks: [{id: a}]", {}, {"a": {"output": {}}}),
    ("sender", "tasks: [{id: s, type: signal, signal: {id: go, payload: {m: '{{ .workflow.input.q }}'}}}]\noutputs: {s: '{{ .tasks.s.output }}'}", {"q": 3}, {"s": {"signal_dispatched": True, "signal_id": "go"}}),
    ("sender_to_nobody", "tasks: [{id: s, type: signal, signal: {id: nobody}}]", {}, "no workflow has a trigger for the signal 'nobody'"),
    # 3.11 memory
    ("memory_read", "tasks: [{id: w, type: memory, operation: append, memory_ref: mem, key_template: 'u:{{ .workflow.input.u }}', payload: [{role: user, content: hello}], on_success: {next: x}}, {id: x, type: memory, operation: read, memory_ref: mem, key_template: 'u:{{ .workflow.input.u }}'}]\noutputs: {o: '{{ .tasks.x.output }}'}", {"u": 1}, {"o": {"messages": [{"role": "user", "content": "hello"}], "count": 1, "key": "u:1"}}),
    ("memory_clear", "tasks: [{id: x, type: memory, operation: clear, memory_ref: mem, key_template: k}]", {}, {"refused": "needs 'clear_config: {confirm: true}'"}),
    # 3.12 references
    ("ref", "tools: [{id: mine, description: d, execute: tools/echo.sh}]\n" + of("tool: {$ref: 'local::tools.#(id==\"mine\")'}, with: {x: 1}"), {}, {"v": {"x": 1}}),
    ("use", of("$use: 'agent(global::agents.#(id=\"shared\"))', action: say, with: {m: ok}"), {}, {"v": {"response": "ok"}}),
    ("merge", of("with: {$merge: {strategy: deep, sources: [{a: {x: 1}}, {a: {y: 2}}]}}"), {}, {"v": {"a": {"x": 1, "y": 2}}}),
    # 4 templates and CEL
    ("always_there", of("with: {n: '{{ len .agents }}{{ len .tools }}{{ len .trigger }}'}"), {}, {"v": {"n": "000"}}),
    ("typed", of("with: {n: '{{ .workflow.input.n }}', t: '{{ eq 1 1 }}', l: '{{ list 1 \"a\" }}', j: '[{{ 1 }}, 2]', s: 'n={{ .workflow.input.n }}', d: '{{ default \"d\" .workflow.input.x.y }}'}"), {"n": 12345678901234567}, {"v": {"n": 12345678901234567, "t": True, "l": [1, "a"], "j": [1, 2], "s": "n=12345678901234567", "d": "d"}}),
    ("hyphens", of("with: {v: '{{ .workflow.input.a-b.c-d }}'}"), {"a-b": {"c-d": 5}}, {"v": {"v": 5}}),
    ("no_host_environment", of("with: {v: '{{ env \"HOME\" }}'}"), {}, {"refused": "function 'env' is not available"}),
    ("undeclared_in_cel", routed("nosuch.x == 1"), {}, {"refused": "undeclared name 'nosuch'"}),
]


class LanguageTest(unittest.TestCase):
    maxDiff = None

    def project(self, cases):
        sources = [{"source": f"./{name}.yaml"} for name, *_ in cases]
        return write_project({"compozy.yaml": CONFIG % json.dumps(sources), **{name + ".yaml": f"id: {name}\n{text}\n" for name, text, *_ in cases}, **FILES})

    def test_each_statement_holds(self):
        running = [case for case in CASES if not (isinstance(case[3], dict) and "refused" in case[3])]
        with Server(self.project(running)) as server:
            runs = {name: server.start(name, given) for name, _, given, _ in running}
            for name, _, _, expected in running:
                with self.subTest(name):
                    run = server.wait(runs[name])
                    if isinstance(expected, str):
                        self.assertEqual(run["status"], "FAILED")
                        self.assertIn(expected, run["error"]["message"])
                    else:
                        self.assertEqual((run["status"], run.get("output")), ("SUCCESS", expected), run.get("error"))

    def test_what_is_refused_is_named_with_its_place(self):
        for case in CASES:
            name, _, _, expected = case
            if not (isinstance(expected, dict) and "refused" in expected):
                continue
            with self.subTest(name):
                done = subprocess.run([BINARY, "config", "validate", "--cwd", str(self.project([case]))], capture_output=True, text=True, timeout=10)
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                self.assertRegex(done.stderr, rf"{name}\.yaml:\d+:\d+: ")
                self.assertIn(expected["refused"], done.stderr)


if __name__ == "__main__":
    unittest.main()
