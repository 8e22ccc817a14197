// SPDX-License-Identifier: Apache-2.0
// Building elements, times and small controls. Text only ever becomes a text node: data cannot write markup.

/** h("button.ghost", {onclick, title}, "text", child, …) */
export function h(selector, attributes, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Percent-decoded, or as it is where that cannot be: addresses are typed by people. */
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  SUCCESS: "M4 8.5l2.7 2.7L12 5.5",
  FAILED: "M5 5l6 6M11 5l-6 6",
  TIMED_OUT: "M8 4.5V8l2.5 1.8",
  CANCELED: "M4.5 8h7",
  CANCELING: "M4.5 8h7",
  PAUSED: "M6.3 5v6M9.7 5v6",
  WAITING: "M5 4.5h6M5 11.5h6M5.5 4.5c0 3 5 4 5 7M10.5 4.5c0 3-5 4-5 7",
  RETRY: "M11.2 6.2A3.7 3.7 0 1 0 11.6 9M11.6 4.2v2.3H9.3",
  PENDING: "M8 8h.01",
  RUNNING: "",
};

export const STATUS_TEXT = {
  SUCCESS: "success", FAILED: "failed", TIMED_OUT: "timed out", CANCELED: "canceled", CANCELING: "canceling",
  PAUSED: "paused", WAITING: "waiting", RETRY: "will retry", PENDING: "pending", RUNNING: "running",
};

/** A status as icon and colour; the word is there for who sees neither. */
export function statusIcon(status) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon s-" + status);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", STATUS_TEXT[status] || status);
  const circle = document.createElementNS(SVG, "circle");
  for (const [name, value] of [["cx", 8], ["cy", 8], ["r", 6.6]]) circle.setAttribute(name, value);
  svg.append(circle);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", status === "RUNNING" ? "M8 1.4A6.6 6.6 0 0 1 14.6 8" : SHAPES[status] || "");
  svg.append(path);
  return svg;
}

function copyIcon() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", "M6 6h7v7H6zM10 3.5V3H3v7h.5");
  svg.append(path);
  return svg;
}

export const pill = (status) =>
  h("span.pill.p-" + status, null, statusIcon(status), STATUS_TEXT[status] || String(status).toLowerCase());

export function duration(ms) {
  if (ms === undefined || ms === null || Number.isNaN(ms)) return "";
  ms = Math.max(0, ms);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export function ago(ms) {
  const past = Date.now() - ms;
  if (past < 2000) return "now";
  if (past < 60_000) return `${Math.floor(past / 1000)} s ago`;
  if (past < 3_600_000) return `${Math.floor(past / 60_000)} min ago`;
  if (past < 86_400_000) return `${Math.floor(past / 3_600_000)} h ago`;
  return `${Math.floor(past / 86_400_000)} d ago`;
}

const two = (n) => String(n).padStart(2, "0");
export function clock(ms, exact = false) {
  const t = new Date(ms);
  const time = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
  if (exact) return `${time}.${String(t.getMilliseconds()).padStart(3, "0")}`;
  const day = `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
  return t.toDateString() === new Date().toDateString() ? time : `${day} ${time}`;
}

/** Relative and absolute; the relative half is kept fresh by tick(). */
export function when(text) {
  const ms = Date.parse(text);
  return h("time", { datetime: text, title: new Date(ms).toString() },
    h("span.ago", { "data-at": String(ms) }, ago(ms)), h("span.clock", null, clock(ms)));
}
export function tick(root = document) {
  for (const element of root.querySelectorAll(".ago")) {
    const text = ago(Number(element.dataset.at));
    if (element.textContent !== text) element.textContent = text;
  }
}

export function toast(text, kind = "") {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.className = "toast show " + kind;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (box.className = "toast"), kind === "bad" ? 7000 : 2200);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // not a secure origin: the old way
    const area = h("textarea", { "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied");
}
export const copyButton = (text, label = "Copy") =>
  h("button.copy", { type: "button", title: label, "aria-label": label, onclick: () => copy(typeof text === "function" ? text() : text) }, copyIcon());

// What the shell of a POSIX system needs to get this very text as one word.
export const quote = (text) => (/^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
export function cli(...words) {
  const server = location.port === "5001" ? [] : ["--server", location.origin];
  return ["compozy", ...words, ...server].map(quote).join(" ");
}
export const cliLine = (line) => h("div.cli", null, h("code", null, line), copyButton(line, "Copy as command line"));

/** A modal dialog; Esc and the backdrop close it. */
export function dialog(title, body, buttons) {
  const element = h("dialog", { "aria-label": title },
    h("form", { method: "dialog" },
      h("header", null, h("h2", null, title), h("button.ghost", { value: "close", type: "submit", "aria-label": "Close" }, "✕"))),
    h("div.body", null, body), buttons ? h("footer", null, buttons) : null);
  element.addEventListener("click", (event) => event.target === element && element.close());
  element.addEventListener("close", () => element.remove());
  document.body.append(element);
  element.showModal();
  return element;
}
