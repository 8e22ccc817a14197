// SPDX-License-Identifier: Apache-2.0
// The tasks of a run over time: a tree on the left, bars on the right. Only the rows in sight exist in the document, so
// that thousands of tasks cost no more than a screenful.
import { clock, duration, h, statusIcon } from "./dom.js";

const ROW = 30;
const MARK_WIDTH = 62;   // of a time on the ruler, in pixels
const LABEL_WIDTH = 64;  // of a duration beside a bar
const SPARE = 8;  // rows beyond the edge
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
  600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];

export class Waterfall {
  constructor(model, onSelect) {
    this.model = model;
    this.onSelect = onSelect;
    this.closed = new Set();
    this.selected = null;
    this.filter = "";
    this.follow = true;
    this.rows = [];
    this.shown = new Map();
    this.seen = -1;
    this.ruler = h("div.ruler", { "aria-hidden": "true" });
    this.space = h("div.space");
    this.scroller = h("div.rows", { role: "tree", tabindex: "0", "aria-label": "Tasks", onscroll: () => this.onScroll() }, this.space);
    this.element = h("div.waterfall", null, h("div.wf-head", null, h("span", null, "Task"), this.ruler), this.scroller);
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(this.scroller);
  }

  close() {
    this.resize.disconnect();
  }

  onScroll() {
    const rest = this.scroller.scrollHeight - this.scroller.clientHeight - this.scroller.scrollTop;
    if (rest > ROW * 2 && !this.scrolling) this.follow = false;
    this.scrolling = false;
    this.draw();
  }

  list() {
    const rows = [];
    const words = this.filter.toLowerCase();
    if (words) {
      for (const task of this.model.tasks.values()) {
        const text = `${task.path} ${task.type} ${this.model.shownStatus(task)}`.toLowerCase();
        if (text.includes(words)) rows.push(task);
      }
      return rows;
    }
    const walk = (tasks) => {
      for (const task of tasks) {
        rows.push(task);
        if (task.children.length && !this.closed.has(task.n)) walk(task.children);
      }
    };
    walk(this.model.roots);
    return rows;
  }

  draw() {
    const { model } = this;
    const key = `${model.order}/${this.closed.size}/${this.filter}/${this.filter ? model.version : 0}/${this.toggles || 0}`;
    const grew = key !== this.seen;
    if (grew) {
      this.rows = this.list();
      this.seen = key;
      this.space.style.height = `${this.rows.length * ROW}px`;
    }
    this.from = model.startMs;
    const end = model.endMs || Math.max(Date.now(), this.from + 200);
    this.span = Math.max(20, end - this.from) * (model.endMs ? 1.0 : 1.04);
    this.drawRuler();
    if (grew && this.follow && !model.endMs) {
      this.scrolling = true;
      this.scroller.scrollTop = this.scroller.scrollHeight;
    }
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - SPARE);
    const last = Math.min(this.rows.length, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / ROW) + SPARE);
    const wanted = new Set();
    for (let i = first; i < last; ++i) {
      const task = this.rows[i];
      wanted.add(task.n);
      let row = this.shown.get(task.n);
      if (!row) {
        row = this.make(task);
        this.shown.set(task.n, row);
        this.space.append(row.element);
      }
      this.update(row, task, i);
    }
    for (const [n, row] of this.shown) {
      if (wanted.has(n)) continue;
      row.element.remove();
      this.shown.delete(n);
    }
    if (this.selected && wanted.has(this.selected.n)) this.scroller.setAttribute("aria-activedescendant", "task-" + this.selected.n);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  drawRuler() {
    this.laneWidth = this.ruler.clientWidth || 600;
    const marksMax = Math.max(1, Math.min(6, Math.floor(this.laneWidth / MARK_WIDTH)));
    const step = STEPS.find((ms) => this.span / ms <= marksMax) || 86_400_000;
    const key = `${step}/${Math.round(this.span)}`;
    if (key === this.rulerKey) return;
    this.rulerKey = key;
    const marks = [];
    for (let at = 0; at < this.span * 0.97; at += step) {
      const mark = h("span", null, at === 0 ? "0" : duration(at).replace(/\.0+ | (?=ms)/, " ").replace(/(\.\d)0 /, "$1 "));
      mark.style.left = `${(at / this.span) * 100}%`;
      marks.push(mark);
    }
    this.ruler.replaceChildren(...marks);
    this.scroller.style.setProperty("--step", `${(step / this.span) * 100}%`);
  }

  make(task) {
    const toggle = h("button.toggle", { type: "button", tabindex: "-1", "aria-label": "Children" });
    const icon = h("span.state");
    const bar = h("div.bar"), label = h("span.took"), marks = h("div.marks"), note = h("span.note");
    const index = /\[(\d+)\]$/.exec(task.path);
    const visit = /#(\d+)(?:\[\d+\])?$/.exec(task.path);
    const element = h("div.row", { role: "treeitem", id: "task-" + task.n, "data-path": task.path, title: task.path },
      h("div.name", null, toggle, icon, h("span.id", null, task.id, index && !task.id.endsWith(index[1]) ? h("small", null, `[${index[1]}]`) : null,
        visit && visit[1] > 1 ? h("small", { title: "visit" }, "×" + visit[1]) : null),
        h("span.type", null, task.type === "basic" ? "" : task.type), note),
      h("div.lane", null, bar, marks, label));
    element.addEventListener("click", (event) => {
      if (event.target === toggle) this.toggle(task);
      else this.select(task);
    });
    return { element, toggle, icon, bar, label, marks, note, marked: -1 };
  }

  update(row, task, i) {
    const { element } = row;
    const status = this.model.shownStatus(task);
    const set = (name, value) => element.getAttribute(name) !== value && element.setAttribute(name, value);
    if (row.at !== i) element.style.transform = `translateY(${i * ROW}px)`;
    row.at = i;
    const depth = this.filter ? 0 : task.depth;
    if (row.depth !== depth) element.style.setProperty("--depth", Math.min(depth, 12));
    row.depth = depth;
    set("aria-level", String(task.depth + 1));
    set("aria-selected", String(this.selected === task));
    const children = task.children.length && !this.filter;
    row.toggle.style.visibility = children ? "visible" : "hidden";
    if (children) set("aria-expanded", String(!this.closed.has(task.n)));
    if (row.status !== status) {
      row.icon.replaceChildren(statusIcon(status));
      element.className = "row b-" + status;
      element.dataset.status = status;
      row.status = status;
    }
    const place = (ms) => Math.max(0, Math.min(100, ((ms - this.from) / this.span) * 100));
    const end = task.end || this.model.endMs || Date.now();
    const left = place(task.start);
    const width = Math.max(0, place(end) - left);
    row.bar.style.left = `${left}%`;
    row.bar.style.width = `max(3px, ${width}%)`;
    // Behind the bar where there is room, else before it, else on it.
    const pixels = (percent) => (percent / 100) * this.laneWidth;
    const behind = pixels(100 - left - width) + 14 >= LABEL_WIDTH;
    const on = !behind && pixels(left) < LABEL_WIDTH;
    row.label.classList.toggle("on", on);
    row.label.style.left = behind ? `calc(${left + width}% + 7px)` : "";
    row.label.style.right = behind ? "" : on ? `calc(${100 - left - width}% + 8px)` : `calc(${100 - left}% + 7px)`;
    let text = duration(end - task.start);
    if (task.retryAt) text = `attempt ${task.retries.at(-1).attempt + 1} in ${duration(Math.max(0, task.retryAt - Date.now()))}`;
    if (row.label.textContent !== text) row.label.textContent = text;
    const notes = [];
    const failures = task.retries.filter((retry) => !retry.blocked).length;
    if (failures) notes.push(`${failures} ${failures === 1 ? "retry" : "retries"}`);
    const tools = task.turns.filter((turn) => turn.kind === "tool").length;
    if (tools) notes.push(`${tools} tool${tools === 1 ? "" : "s"}`);
    if (task.route) notes.push("→ " + task.route);
    if (children && this.closed.has(task.n)) notes.push(`${task.children.length} inside`);
    const note = notes.join(" · ");
    if (row.note.textContent !== note) row.note.textContent = note;
    this.mark(row, task, place);
  }

  mark(row, task, place) {
    const points = [...task.retries.map((retry) => ["retry", retry.at, "failed attempt"]),
      ...task.turns.filter((turn) => turn.kind !== "memory").map((turn) => [turn.kind, turn.at, turn.kind === "tool" ? turn.name : "answer of the model"])];
    if (row.marked !== points.length) {
      row.marks.replaceChildren(...points.map(([kind, at, text]) => h("i." + kind, { title: `${text}, ${clock(at, true)}` })));
      row.marked = points.length;
    }
    points.forEach(([, at], i) => (row.marks.children[i].style.left = `${place(at)}%`));
  }

  toggle(task, open = this.closed.has(task.n)) {
    if (open) this.closed.delete(task.n);
    else this.closed.add(task.n);
    this.toggles = (this.toggles || 0) + 1;
    this.draw();
  }

  select(task, tell = true) {
    this.selected = task;
    if (task) {
      for (let up = task.parent; up; up = up.parent) this.closed.delete(up.n);
      this.draw();
      const i = this.rows.indexOf(task);
      const { scrollTop, clientHeight } = this.scroller;
      if (i >= 0 && (i * ROW < scrollTop || (i + 1) * ROW > scrollTop + clientHeight)) {
        this.scroller.scrollTop = i * ROW - clientHeight / 2;
      }
    }
    this.draw();
    if (tell) this.onSelect(task);
  }

  move(by) {
    if (!this.rows.length) return;
    const at = this.rows.indexOf(this.selected);
    this.follow = false;
    this.select(this.rows[Math.max(0, Math.min(this.rows.length - 1, at < 0 ? (by > 0 ? 0 : this.rows.length - 1) : at + by))]);
  }

  key(event) {
    if (event.key === "j" || event.key === "ArrowDown") this.move(1);
    else if (event.key === "k" || event.key === "ArrowUp") this.move(-1);
    else if (event.key === "ArrowLeft" && this.selected) {
      if (this.selected.children.length && !this.closed.has(this.selected.n)) this.toggle(this.selected, false);
      else if (this.selected.parent) this.select(this.selected.parent);
    } else if (event.key === "ArrowRight" && this.selected) this.toggle(this.selected, true);
    else return false;
    return true;
  }
}
