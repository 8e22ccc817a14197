// SPDX-License-Identifier: Apache-2.0
// View 1: the runs, newest first, kept fresh; pages go by key. And where a run starts.
import { get } from "./api.js";
import { cli, cliLine, duration, h, pill, toast, when } from "./dom.js";
import { openStart, startSample } from "./start.js";

const STATUSES = ["RUNNING", "PAUSED", "SUCCESS", "FAILED", "TIMED_OUT", "CANCELED"];
const PAGE = 50;
const REFRESH_MS = 1500;
const RESULT_SHOWN = 160;

// The beginning of a result, on one line.
function summary(output) {
  if (output === undefined || output === null) return "";
  const text = typeof output === "string" ? output : JSON.stringify(output);
  return text.length > RESULT_SHOWN ? text.slice(0, RESULT_SHOWN) + " …" : text;
}

export function runsView(root, parameters) {
  const abort = new AbortController();
  const pages = [0];  // the `before` of each page up to this one
  let workflows = [], rows = [], next = 0, cursor = -1, timer = 0, busy = false, shownAs = "";

  const workflow = h("select", { "aria-label": "Workflow", onchange: () => filter() }, h("option", { value: "" }, "All workflows"));
  const status = h("select", { "aria-label": "Status", onchange: () => filter() },
    h("option", { value: "" }, "Any status"), STATUSES.map((name) => h("option", { value: name }, name.toLowerCase().replace("_", " "))));
  status.value = parameters.get("status") || "";
  const search = h("input", { type: "search", placeholder: "Open or filter by id  ( / )", "aria-label": "Filter by id", spellcheck: "false", oninput: () => draw(), onkeydown: (event) => {
    const id = search.value.trim();
    if (event.key === "Enter" && visible().length) open(visible()[0]);
    else if (event.key === "Enter" && id) location.hash = "#/runs/" + encodeURIComponent(id);
  } });
  const older = h("button", { type: "button", onclick: () => { pages.push(next); load(); } }, "Older");
  const newer = h("button", { type: "button", onclick: () => { pages.pop(); load(); } }, "Newer");
  const body = h("tbody");
  const table = h("table.runs", null,
    h("thead", null, h("tr", null, ["Status", "Workflow", "Run", "Started", "Took", "Result"].map((text) => h("th", { scope: "col" }, text)))), body);
  const empty = h("div.empty", { hidden: true });
  const command = h("div");
  root.append(h("section.page", null,
    h("div.head", null, h("h1", null, "Runs"), h("span.grow"),
      h("button.primary", { type: "button", id: "start", onclick: () => start() }, "Start a run")),
    h("div.filters", null, workflow, status, search, h("span.grow"), newer, older),
    h("div.card", null, table, empty), command));

  const visible = () => {
    const text = search.value.trim().toLowerCase();
    return text ? rows.filter((run) => run.exec_id.toLowerCase().includes(text) || run.workflow_id.toLowerCase().includes(text)) : rows;
  };
  const open = (run) => (location.hash = "#/runs/" + encodeURIComponent(run.exec_id));
  const start = () => openStart(workflows, workflow.value);

  function filter() {
    pages.length = 1;
    const query = new URLSearchParams();
    if (workflow.value) query.set("workflow", workflow.value);
    if (status.value) query.set("status", status.value);
    history.replaceState(null, "", "#/runs" + (query.size ? "?" + query : ""));
    load();
  }

  function row(run, index) {
    const took = run.duration_ms ?? Date.now() - Date.parse(run.created_at);
    const problem = run.error && (run.error.message || run.error.code);
    return h("tr" + (index === cursor ? ".at" : ""), { onclick: (event) => event.target.closest("a") || open(run), "data-id": run.exec_id },
      h("td", null, pill(run.status)),
      h("td.strong", null, run.workflow_id),
      h("td", null, h("a.mono", { href: "#/runs/" + encodeURIComponent(run.exec_id) }, run.exec_id)),
      h("td", null, when(run.created_at)),
      h("td.num", null, duration(took)),
      h("td.result" + (problem ? ".bad" : ""), { title: problem || "" }, problem || summary(run.output)));
  }

  function draw(isFresh = true) {
    const list = visible();
    cursor = Math.min(cursor, list.length - 1);
    const state = JSON.stringify([list, cursor, list.some((run) => !run.ended_at) && Math.floor(Date.now() / 1000)]);
    if (isFresh && state === shownAs) return;
    shownAs = state;
    body.replaceChildren(...list.map(row));
    table.hidden = list.length === 0;
    empty.hidden = list.length > 0;
    if (list.length === 0) empty.replaceChildren(...welcome());
    older.disabled = !next;
    newer.disabled = pages.length === 1;
    const words = ["execution", "list"];
    if (workflow.value) words.push("--workflow", workflow.value);
    if (status.value) words.push("--status", status.value);
    command.replaceChildren(cliLine(cli(...words)));
  }

  function welcome() {
    if (workflow.value || status.value || search.value || pages.length > 1) return [h("p", null, "No run matches.")];
    if (!workflows.length) return [h("p", null, "This project has no workflow yet.")];
    return [h("h2", null, "No runs yet"), h("p", null, "Start one of this project's workflows with a sample input:"),
      h("div.samples", null, workflows.map((item) => h("article", null,
        h("h3", null, item.id), h("p", null, item.description || `${item.tasks} task${item.tasks === 1 ? "" : "s"}`),
        h("button.primary", { type: "button", onclick: () => startSample(item) }, "Run sample"),
        h("button", { type: "button", onclick: () => openStart(workflows, item.id) }, "With input …"))))];
  }

  async function load() {
    clearTimeout(timer);
    if (busy) return (timer = setTimeout(load, 50));
    busy = true;
    try {
      const query = new URLSearchParams({ limit: PAGE });
      if (workflow.value) query.set("workflow", workflow.value);
      if (status.value) query.set("status", status.value);
      if (pages.at(-1)) query.set("before", pages.at(-1));
      const data = await get("/executions/workflows?" + query, { signal: abort.signal });
      rows = data.executions;
      next = rows.length === PAGE ? data.next_before : 0;
      document.getElementById("link").textContent = "";
      draw();
    } catch (error) {
      if (abort.signal.aborted) return;
      if (error.status && error.status !== 401) toast(error.message, "bad");
      else if (!error.status) document.getElementById("link").textContent = "server away, trying again";
    } finally {
      busy = false;
    }
    if (!abort.signal.aborted) timer = setTimeout(refresh, REFRESH_MS);
  }
  const refresh = () => (document.hidden ? (timer = setTimeout(refresh, REFRESH_MS)) : load());

  get("/workflows", { signal: abort.signal }).then((data) => {
    workflows = data.workflows;
    workflow.append(...workflows.map((item) => h("option", { value: item.id }, item.id)));
    workflow.value = parameters.get("workflow") || "";
  }).catch(() => {}).finally(() => abort.signal.aborted || load());

  return {
    title: "Runs",
    close() {
      abort.abort();
      clearTimeout(timer);
    },
    key(event) {
      const list = visible();
      if (event.key === "j" || event.key === "ArrowDown") cursor = Math.min(cursor + 1, list.length - 1);
      else if (event.key === "k" || event.key === "ArrowUp") cursor = Math.max(cursor - 1, 0);
      else if (event.key === "Enter" && list[cursor] && !event.target.closest("a, button")) return open(list[cursor]), true;
      else if (event.key === "/") return search.focus(), true;
      else if (event.key === "n") return start(), true;
      else return false;
      draw();
      body.querySelector(".at")?.scrollIntoView({ block: "nearest" });
      return true;
    },
  };
}
