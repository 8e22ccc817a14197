// SPDX-License-Identifier: Apache-2.0
// What a run's events add up to. Pure: no document, no network. The same events give the same state, whether they were
// read from the store or came live.

const OPEN = new Set(["PENDING", "RUNNING", "WAITING", "PAUSED"]);
export const isOpen = (status) => OPEN.has(status) || status === "CANCELING";
const bytes = (text) => new TextEncoder().encode(text).length;

export class RunModel {
  constructor() {
    this.run = {};
    this.tasks = new Map();   // by number of entry
    this.byPath = new Map();  // the latest of each path
    this.roots = [];
    this.events = [];
    this.usage = { input: 0, output: 0, calls: 0, tools: 0 };
    this.retries = 0;
    this.texts = new Map();   // of an activity whose path is not known yet, by its number
    this.pathOf = new Map();  // activity → path
    this.version = 0;
    this.order = 0;           // changes when rows come
  }

  setRun(run) {
    const { tasks, ...rest } = run;
    Object.assign(this.run, rest);
    this.version++;
  }

  apply(event) {
    this.version++;
    if (event.id) this.events.push(event);
    const { type, data, ts } = event;
    if (type === "task_status") this.task(data, ts);
    else if (type === "workflow_start") Object.assign(this.run, data, { started: ts, status: this.run.status || "RUNNING" });
    else if (type === "workflow_status") this.run.status = data.status;
    else if (type === "complete" || type === "error") {
      Object.assign(this.run, data, { ended: ts });
    } else if (type === "llm_chunk") this.chunk(data);
    else if (data.path !== undefined) this.about(event);
  }

  task(data, ts) {
    let task = this.tasks.get(data.n);
    if (!task) {
      task = { n: data.n, path: data.path, id: data.task_id, type: data.type, status: data.status,
        start: ts - (data.duration_ms || 0), children: [], depth: 0, log: [], retries: [], turns: [], texts: new Map(), open: true };
      const cut = data.path.lastIndexOf("/");
      const parent = cut < 0 ? null : this.byPath.get(data.path.slice(0, cut));
      if (parent) {
        task.parent = parent;
        task.depth = parent.depth + 1;
        parent.children.push(task);
      } else {
        this.roots.push(task);
      }
      this.tasks.set(data.n, task);
      this.byPath.set(data.path, task);
      this.order++;
    }
    task.status = data.status;
    for (const name of ["input", "output", "error"]) if (data[name] !== undefined) task[name] = data[name];
    if (data.duration_ms !== undefined) {
      task.end = task.start + data.duration_ms;
      task.retryAt = 0;
      if (data.handled_by) task.handledBy = data.handled_by;
    }
  }

  about(event) {
    const { type, data, ts } = event;
    const task = this.byPath.get(data.path);
    if (!task) return;
    task.log.push(event);
    if (data.op !== undefined) this.learn(data.op, data.path);
    task.retryAt = 0;
    if (type === "task_retry" || type === "task_blocked") {
      task.retries.push({ at: ts, ...data, blocked: type === "task_blocked" });
      task.retryAt = ts + data.retry_in_ms;
      if (type === "task_retry") this.retries++;
    } else if (type === "llm_response") {
      task.turns.push({ kind: "answer", at: ts, ...data });
      const usage = data.usage || {};
      this.usage.calls++;
      this.usage.input += usage.input_tokens ?? usage.prompt_tokens ?? 0;
      this.usage.output += usage.output_tokens ?? usage.completion_tokens ?? 0;
    } else if (type === "tool_call") {
      task.turns.push({ kind: "tool", at: ts, ...data });
      this.usage.tools++;
    } else if (type === "memory_loaded") {
      task.turns.push({ kind: "memory", at: ts, ...data });
    } else if (type === "route_taken") {
      task.route = data.route;
    }
  }

  // A piece of text while it is written: `offset` counts bytes, and what begins at 0 replaces what was known.
  chunk(data) {
    if (data.path !== undefined) this.learn(data.op, data.path);
    const path = this.pathOf.get(data.op);
    const texts = path === undefined ? this.texts : this.byPath.get(path)?.texts;
    if (!texts) return;
    let text = texts.get(data.op);
    if (!text || data.attempt > text.attempt || data.offset === 0) {
      text = { attempt: data.attempt, text: "", bytes: 0 };
      texts.set(data.op, text);
    }
    if (data.offset < text.bytes || data.attempt < text.attempt) return;
    if (data.offset > text.bytes) text.text += " … ";
    text.text += data.text;
    text.bytes = data.offset + bytes(data.text);
    const task = path === undefined ? null : this.byPath.get(path);
    if (task) task.retryAt = 0;
  }

  learn(op, path) {
    if (this.pathOf.has(op)) return;
    this.pathOf.set(op, path);
    const waiting = this.texts.get(op);
    if (waiting) this.byPath.get(path)?.texts.set(op, waiting);
    this.texts.delete(op);
  }

  /** What the model is writing right now: its text behind the answers that are recorded. */
  liveText(task) {
    if (task.end) return "";
    let all = "";
    for (const { text } of task.texts.values()) {
      let rest = text;
      for (const turn of task.turns) {
        if (turn.kind === "answer" && turn.text && rest.startsWith(turn.text)) rest = rest.slice(turn.text.length);
      }
      all += rest;
    }
    return all;
  }

  shownStatus(task) {
    if (task.end) return task.status;
    if (task.retryAt) return "RETRY";
    if (task.status === "RUNNING" && ["wait", "approval"].includes(task.type)) return "WAITING";
    return task.status;
  }

  get startMs() {
    return this.run.started || Date.parse(this.run.created_at) || Date.now();
  }
  get endMs() {
    return this.run.ended || Date.parse(this.run.ended_at) || 0;
  }
}
