// SPDX-License-Identifier: Apache-2.0
// One task: what went in, what came out, what went wrong, its attempts, what the model wrote and which tools it called.
import { clock, copyButton, duration, h, pill } from "./dom.js";
import { jsonView } from "./json.js";

const TURNS_MAX = 60;

export const problemView = (error) => error && h("div.error-box", { role: "alert" },
  h("strong", null, error.code || "error"), h("p", null, error.message || JSON.stringify(error)),
  error.details ? jsonView("Details", error.details) : null);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function turnView(turn) {
  const time = h("time", null, clock(turn.at, true));
  if (turn.kind === "memory") return h("div.turn", null, h("header", null, "memory", h("small", null, `${turn.messages} messages read`), time));
  if (turn.kind === "tool") {
    const failed = turn.error !== undefined;
    return h("div.turn.tool", null,
      h("header", null, h("b", null, turn.name), h("small", null, failed ? "failed" : "tool"), time),
      failed ? problemView(turn.error) : jsonView("Result", turn.output));
  }
  const usage = turn.usage || {};
  const tokens = (usage.input_tokens ?? usage.prompt_tokens ?? 0) + (usage.output_tokens ?? usage.completion_tokens ?? 0);
  return h("div.turn.answer", null,
    h("header", null, h("b", null, "model"), h("small", null, [turn.finish_reason, tokens ? `${tokens} tokens` : ""].filter(Boolean).join(" · ")), time,
      turn.text ? copyButton(turn.text, "Copy answer") : null),
    turn.text ? h("p.said", null, turn.text) : null,
    (turn.tool_calls || []).map((call) => {
      const asked = call.function || call;
      return h("div.call", null, "calls ", h("b", null, asked.name), jsonView("Arguments", typeof asked.arguments === "string" ? parsed(asked.arguments) : asked.arguments));
    }));
}

/** The panel; update() draws what is new and leaves alone what the reader has opened. */
export class Detail {
  constructor(model, onClose) {
    this.model = model;
    this.onClose = onClose;
    this.element = h("aside.detail", { "aria-label": "Task", hidden: true });
  }

  show(task) {
    this.task = task;
    this.element.hidden = !task;
    if (!task) return;
    this.parts = {};
    this.head = h("header.d-head");
    this.body = h("div.d-body");
    const order = ["error", "retries", "live", "turns", "output", "input", "about"];
    for (const name of order) {
      this.parts[name] = { box: h("div"), key: undefined };
      this.body.append(this.parts[name].box);
    }
    this.element.replaceChildren(this.head, this.body);
    this.element.scrollTop = 0;
    this.headKey = "";
    this.update();
  }

  part(name, key, make) {
    const part = this.parts[name];
    if (part.key === key) return;
    part.key = key;
    part.box.replaceChildren(...[make()].flat().filter(Boolean));
  }

  update() {
    const { task, model } = this;
    if (!task) return;
    const status = model.shownStatus(task);
    if (this.headKey !== status) {
      this.headKey = status;
      this.took = h("span");
      this.head.replaceChildren(h("div", null, h("h2", null, task.id), pill(status), h("span.grow"),
        h("button.ghost", { type: "button", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.onClose() }, "✕")),
      h("p.meta", null, h("span.tag", null, task.type), h("span", { title: new Date(task.start).toString() }, clock(task.start, true)), this.took));
    }
    this.took.textContent = duration((task.end || model.endMs || Date.now()) - task.start);
    this.part("error", task.error, () => problemView(task.error));
    this.part("retries", task.retries.length, () => task.retries.length ? h("section", null, h("h3", null, "Attempts"),
      h("ol.attempts", null, task.retries.map((retry) => h("li", null,
        h("b", null, retry.blocked ? "blocked" : `attempt ${retry.attempt} failed`), h("time", null, clock(retry.at, true)),
        h("p", null, (retry.error && (retry.error.message || retry.error.code)) || "no reason given"),
        h("small", null, `next after ${duration(retry.retry_in_ms)}`))))) : null);
    const live = model.liveText(task);
    if (live) {
      this.part("live", true, () => {
        this.text = h("p.said");
        return h("section.live", null, h("h3", null, "Model, writing"), this.text);
      });
      if (this.text.textContent.length !== live.length) {
        const down = this.body.scrollHeight - this.body.scrollTop - this.body.clientHeight < 40;
        this.text.textContent = live;
        if (down) this.body.scrollTop = this.body.scrollHeight;
      }
    } else {
      this.part("live", false, () => null);
    }
    this.part("turns", task.turns.length, () => {
      if (!task.turns.length) return null;
      const hidden = task.turns.length - TURNS_MAX;
      return h("section", null, h("h3", null, "Model and tools"), hidden > 0 ? h("p.hint", null, `${hidden} earlier turns: see Events`) : null,
        task.turns.slice(-TURNS_MAX).map(turnView));
    });
    this.part("output", task.output, () => jsonView("Output", task.output));
    this.part("input", task.input, () => task.input === null ? null : jsonView("Input", task.input));
    this.part("about", task.handledBy || "-", () => h("section", null, h("h3", null, "Place"),
      h("p.mono.path", null, task.path, copyButton(task.path, "Copy path")), task.handledBy ? h("p.hint", null, "error handled by ", task.handledBy) : null));
  }
}
