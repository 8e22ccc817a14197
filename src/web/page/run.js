// SPDX-License-Identifier: Apache-2.0
// View 2: one run while it goes: header and actions, waterfall, the chosen task, events, JSON.
import { follow, get, post } from "./api.js";
import { answerApproval, openApprovals } from "./approval.js";
import { Detail, problemView } from "./detail.js";
import { cli, cliLine, clock, copyButton, dialog, duration, h, pill, toast, when } from "./dom.js";
import { jsonView } from "./json.js";
import { isOpen, RunModel } from "./model.js";
import { Waterfall } from "./waterfall.js";

const EVENTS_SHOWN = 300;
const PAINT_MS = 200;  // how often open bars grow

export function runView(root, runId, wanted) {
  const abort = new AbortController();
  const model = new RunModel();
  const path = `/executions/workflows/${encodeURIComponent(runId)}`;
  const link = document.getElementById("link");
  let tab = "waterfall", scheduled = false, drawn = {}, wantedTask = Number(wanted) || 0;

  const detail = new Detail(model, () => waterfall.select(null));
  const waterfall = new Waterfall(model, (task) => {
    detail.show(task);
    split.classList.toggle("open", Boolean(task));
    wantedTask = 0;
    const address = `#/runs/${encodeURIComponent(runId)}${task ? "/" + task.n : ""}`;
    if (location.hash !== address) history.replaceState(null, "", address);
  });
  const search = h("input", { type: "search", placeholder: "Filter tasks  ( / )", "aria-label": "Filter tasks", spellcheck: "false", oninput: () => {
    waterfall.filter = search.value.trim();
    waterfall.draw();
  } });
  const split = h("div.split", null, waterfall.element, detail.element);
  const other = h("div.other", { hidden: true });
  const title = h("div.title"), facts = h("dl.facts"), problem = h("div"), actions = h("div.actions");
  const tabs = h("div.tabs", { role: "tablist" }, [["waterfall", "Waterfall"], ["events", "Events"], ["data", "Input & output"], ["json", "JSON"]]
    .map(([name, text]) => h("button", { type: "button", role: "tab", "data-tab": name, "aria-selected": String(name === tab), onclick: () => choose(name) }, text)));
  root.append(h("section.page.run", null,
    h("div.head", null, title, h("span.grow"), actions), facts, problem,
    h("div.tools", null, tabs, h("span.grow"), search), split, other));

  function choose(name) {
    tab = name;
    for (const button of tabs.children) button.setAttribute("aria-selected", String(button.dataset.tab === name));
    split.hidden = search.hidden = name !== "waterfall";
    other.hidden = name === "waterfall";
    drawn.other = undefined;
    paint();
  }

  async function act(verb, body) {
    try {
      await post(`${path}/${verb}`, body);
      toast("Accepted");
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  function confirmCancel() {
    const reason = h("input", { type: "text", placeholder: "Why (kept in the history)" });
    const line = h("div", null, cliLine(cli("execution", "cancel", runId)));
    reason.addEventListener("input", () => line.replaceChildren(cliLine(cli("execution", "cancel", runId, ...(reason.value ? ["--reason", reason.value] : [])))));
    const box = dialog("Cancel this run?", [h("p", null, "Everything that it has under way is stopped. What is recorded stays."), reason, line],
      [h("span.grow"), h("button.danger", { type: "button", onclick: () => { box.close(); act("cancel", reason.value ? { reason: reason.value } : {}); } }, "Cancel the run")]);
    reason.focus();
  }

  function sendSignal() {
    const open = [...model.tasks.values()].filter((task) => task.type === "wait" && !task.end);
    const known = open.map((task) => task.input && (task.input.wait_for || task.input.signal_name || task.input.signal)).find((name) => typeof name === "string");
    const name = h("input", { type: "text", value: known || "", placeholder: "name", "aria-label": "Name of the signal" });
    const payload = h("textarea.mono", { rows: "6", spellcheck: "false", "aria-label": "Payload as JSON" });
    payload.value = "{}";
    const issue = h("p.problem", { role: "alert", hidden: true });
    const line = h("div");
    const read = () => JSON.parse(payload.value.trim() || "{}");
    const preview = () => {
      try {
        line.replaceChildren(cliLine(cli("execution", "signal", runId, name.value || "NAME", "--payload", JSON.stringify(read()))));
        issue.hidden = true;
      } catch (error) {
        issue.hidden = false;
        issue.textContent = error.message;
      }
    };
    const box = dialog("Send a signal", [h("label.field", null, h("span.name", null, "Name"), name), h("label.field", null, h("span.name", null, "Payload"), payload), issue, line],
      [h("span.grow"), h("button.primary", { type: "button", onclick: () => {
        preview();
        if (!issue.hidden || !name.value.trim()) return;
        box.close();
        act("signals", { signal_name: name.value.trim(), payload: read() });
      } }, "Send")]);
    box.addEventListener("input", preview);
    preview();
    name.focus();
  }

  const asCommand = (words) => dialog("As commands", words.map(([what, line]) => [h("p.hint", null, what), cliLine(line)]));

  function drawHead() {
    const { run } = model;
    const asked = isOpen(run.status) ? openApprovals(model) : [];
    const state = `${run.status}/${run.workflow_id}/${run.ended_at || model.endMs}/${asked.map((task) => task.n)}`;
    if (state !== drawn.head) {
      drawn.head = state;
      const going = isOpen(run.status);
      title.replaceChildren(h("a.back", { href: "#/runs", "aria-label": "All runs", title: "All runs (Esc)" }, "‹"),
        h("h1", null, run.workflow_id || "…"), run.status ? pill(run.status) : "");
      const button = (text, onclick, className = "", attributes = {}) => h("button" + className, { type: "button", onclick, ...attributes }, text);
      const isOnly = (task) => asked.filter((other) => other.id === task.id).length === 1;
      actions.replaceChildren(...[
        ...asked.slice(0, 3).map((task) => button(`Answer ${isOnly(task) ? task.id : task.path} …`, () => answerApproval(runId, run.workflow_id, task, isOnly(task)), ".primary", { "data-approval": task.path })),
        going && (run.status === "PAUSED" ? button("Resume", () => act("resume")) : button("Pause", () => act("pause"))),
        going && button("Signal …", sendSignal),
        going && button("Cancel", confirmCancel, ".danger"),
        button("Commands", () => asCommand([["Follow", cli("execution", "watch", runId)], ["Show", cli("execution", "get", runId, "--json")],
          ...(going ? [["Pause, and go on", cli("execution", "pause", runId)], ["", cli("execution", "resume", runId)],
            ["Send a signal", cli("execution", "signal", runId, "NAME", "--payload", "{}")], ["Cancel", cli("execution", "cancel", runId)]] : []),
          ["Start again", cli("workflow", "execute", run.workflow_id || "WORKFLOW", "--input", JSON.stringify(run.input ?? {}), "--watch")]]),
        "", { title: "The same on the command line" })].filter(Boolean));
      document.title = `${run.workflow_id || "Run"} · ${(run.status || "").toLowerCase()} · Compozy`;
      problem.replaceChildren(...[problemView(run.error)].filter(Boolean));
      drawn.facts = "";
    }
    const fact = (name, ...value) => h("div", null, h("dt", null, name), h("dd", null, ...value));
    if (!drawn.facts && run.created_at) {
      drawn.facts = "x";
      drawn.took = h("span");
      drawn.tasks = h("span");
      drawn.usage = h("span");
      facts.replaceChildren(fact("Run", h("span.mono", null, runId), copyButton(runId, "Copy id")), fact("Started", when(run.created_at)),
        fact("Took", drawn.took), fact("Tasks", drawn.tasks), fact("Model", drawn.usage),
        fact("Definition", h("span.mono", { title: run.definition }, String(run.definition || "").slice(0, 12)), copyButton(run.definition || "", "Copy definition hash")));
    }
    if (drawn.facts) {
      const { usage } = model;
      const counts = {};
      for (const task of model.tasks.values()) counts[model.shownStatus(task)] = (counts[model.shownStatus(task)] || 0) + 1;
      const going = model.tasks.size - (counts.SUCCESS || 0) - (counts.FAILED || 0) - (counts.CANCELED || 0) - (counts.TIMED_OUT || 0);
      drawn.took.textContent = duration((model.endMs || Date.now()) - model.startMs);
      drawn.tasks.textContent = [`${model.tasks.size}`, going && `${going} open`, counts.FAILED && `${counts.FAILED} failed`,
        model.retries && `${model.retries} ${model.retries === 1 ? "retry" : "retries"}`].filter(Boolean).join(" · ");
      drawn.usage.textContent = usage.calls ? `${usage.calls} ${usage.calls === 1 ? "call" : "calls"} · ${usage.input.toLocaleString()} in, ${usage.output.toLocaleString()} out` : "—";
    }
  }

  const eventRow = (event) => {
    const about = event.data.path || event.data.name || event.data.status || "";
    const box = h("details", { ontoggle: () => box.open && box.childElementCount === 1 && box.append(jsonView("Event " + event.id, event.data)) },
      h("summary", null, h("span.num", null, String(event.id)), h("time", null, clock(event.ts, true)), h("b", null, event.type),
        h("span.mono", null, String(about)), h("span.grow"), event.data.status ? h("small", null, event.data.status.toLowerCase()) : null));
    return box;
  };

  // What is shown stays as the reader has it; only what is new is added.
  function drawEvents() {
    if (drawn.other !== "events") {
      drawn.other = "events";
      drawn.events = Math.max(0, model.events.length - EVENTS_SHOWN);
      drawn.hidden = h("p.hint.pad");
      drawn.list = h("div.events");
      other.replaceChildren(h("div.card", null, drawn.hidden, drawn.list));
    }
    drawn.list.append(...model.events.slice(Math.max(drawn.events, model.events.length - EVENTS_SHOWN)).map(eventRow));
    drawn.events = model.events.length;
    while (drawn.list.childElementCount > EVENTS_SHOWN) drawn.list.firstChild.remove();
    drawn.hidden.hidden = model.events.length <= EVENTS_SHOWN;
    drawn.hidden.textContent = `The last ${EVENTS_SHOWN} of ${model.events.length.toLocaleString()}; all of them: GET ${"/api/v0" + path}/events`;
  }

  function drawOther() {
    if (tab === "events") return drawEvents();
    const state = `${tab}/${model.run.status}`;
    if (drawn.other === state) return;
    drawn.other = state;
    const { started, ended, ...plain } = model.run;
    other.replaceChildren(h("div.card.pad", null, tab === "data"
      ? [jsonView("Output", model.run.output) || h("p.hint", null, "No output yet."), jsonView("Input", model.run.input ?? null)]
      : jsonView("Run", plain)));
  }

  function paint() {
    scheduled = false;
    if (abort.signal.aborted) return;
    if (wantedTask && model.tasks.has(wantedTask)) waterfall.select(model.tasks.get(wantedTask));
    drawHead();
    if (tab === "waterfall") {
      waterfall.draw();
      detail.update();
    } else {
      drawOther();
    }
  }
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    if (document.hidden) setTimeout(paint, PAINT_MS);
    else requestAnimationFrame(paint);
  };
  const timer = setInterval(() => !model.endMs && schedule(), PAINT_MS);

  async function load() {
    const view = async () => {
      model.setRun(await get(path, { signal: abort.signal }));
      schedule();
    };
    try {
      await view();
      await follow(runId, {
        event: (event) => model.apply(event),
        batch: schedule,
        link(state) {
          link.textContent = state === "live" ? "live" : state === "reconnecting" ? "reconnecting …" : "";
          link.dataset.state = state;
        },
      }, abort.signal);
      await view();
    } catch (error) {
      if (abort.signal.aborted || error.status === 401) return;
      if (!error.status && !model.run.status) return void setTimeout(load, 1000);  // away at the very first request
      if (error.status === 404) root.replaceChildren(h("div.empty", null, h("h2", null, "No such run"), h("p.mono", null, runId), h("p", null, h("a", { href: "#/runs" }, "All runs"))));
      else toast(error.message, "bad");
    }
  }
  load();

  return {
    title: "Run",
    runId,
    select(task) {
      const found = model.tasks.get(Number(task));
      waterfall.select(found || null);
    },
    close() {
      abort.abort();
      clearInterval(timer);
      waterfall.close();
      delete link.dataset.state;
    },
    key(event) {
      if (event.key === "Escape") {
        if (waterfall.selected) waterfall.select(null);
        else location.hash = "#/runs";
      } else if (event.key === "/" && tab === "waterfall") search.focus();
      else if (event.key === "f") waterfall.follow = true;
      else if (event.key === "Enter" && waterfall.selected && !event.target.closest("button, a, summary")) detail.show(waterfall.selected);
      else if (tab === "waterfall" && !event.target.closest(".detail, summary")) return waterfall.key(event);
      else return false;
      return true;
    },
  };
}
