// SPDX-License-Identifier: Apache-2.0
// JSON as a tree that opens on demand. Size guard: long texts are cut, long lists come in slices, on request in whole.
import { copyButton, h } from "./dom.js";

const TEXT_MAX = 1500;
const SLICE = 100;
const OPEN_BELOW = 14;  // members: smaller values are open from the start

export const pretty = (value) => JSON.stringify(value, null, 2);

function textNode(text, className) {
  if (text.length <= TEXT_MAX) return h("span." + className, null, text);
  const rest = h("button.more", { type: "button", onclick: () => box.replaceChildren(text) },
    `… show all ${text.length.toLocaleString()} characters`);
  const box = h("span." + className, null, text.slice(0, TEXT_MAX), rest);
  return box;
}

function leaf(value) {
  if (value === null) return h("span.j-null", null, "null");
  if (typeof value === "string") return textNode(JSON.stringify(value), "j-text");
  return h("span.j-" + (typeof value === "number" ? "number" : "bool"), null, String(value));
}

const isTree = (value) => value !== null && typeof value === "object";

function members(value) {
  const entries = Array.isArray(value) ? value.map((item, i) => [i, item]) : Object.entries(value);
  const list = h("ul");
  let shown = 0;
  const more = () => {
    const slice = entries.slice(shown, shown + SLICE);
    shown += slice.length;
    const rows = slice.map(([name, item]) => h("li", null, node(item, name, entries.length)));
    const left = entries.length - shown;
    const button = left > 0
      ? h("li", null, h("button.more", { type: "button", onclick: (event) => { event.target.parentNode.remove(); more(); } },
          `… ${left.toLocaleString()} more`))
      : null;
    list.append(...rows, ...(button ? [button] : []));
  };
  more();
  return list;
}

function node(value, name, siblings = 1) {
  const label = name === undefined ? null : h("span.j-name", null, String(name));
  if (!isTree(value)) return h("div.j-leaf", null, label, label ? ": " : null, leaf(value));
  const count = Array.isArray(value) ? value.length : Object.keys(value).length;
  const kind = Array.isArray(value) ? `[${count}]` : `{${count}}`;
  if (count === 0) return h("div.j-leaf", null, label, label ? ": " : null, h("span.j-null", null, Array.isArray(value) ? "[]" : "{}"));
  const details = h("details", null, h("summary", null, label, label ? " " : null, h("span.j-kind", null, kind)));
  const fill = () => details.childElementCount === 1 && details.append(members(value));
  details.addEventListener("toggle", () => details.open && fill());
  if (count <= OPEN_BELOW && siblings <= OPEN_BELOW) {
    fill();
    details.open = true;
  }
  return details;
}

/** A titled value: the tree, its size, a button that copies it whole. */
export function jsonView(title, value) {
  if (value === undefined) return null;
  const text = JSON.stringify(value);
  const size = text.length < 2048 ? "" : text.length < 1 << 20 ? `${Math.round(text.length / 1024)} KB` : `${(text.length / (1 << 20)).toFixed(1)} MB`;
  const plain = typeof value === "string"
    ? h("div.j-plain", null, textNode(value, "j-string"))
    : h("div.j-tree", null, node(value));
  return h("section.json", null,
    h("h3", null, title, size ? h("small", null, size) : null, copyButton(() => (typeof value === "string" ? value : pretty(value)), "Copy " + title.toLowerCase())),
    plain);
}
