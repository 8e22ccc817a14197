// SPDX-License-Identifier: Apache-2.0
// The shell: which view the address asks for, the key, the keyboard. A view is a function (root, parameter) that gives
// {close(), key(event)?, title}.
import { key, setUnauthorized } from "./api.js";
import { decoded, dialog, h, tick } from "./dom.js";
import { runView } from "./run.js";
import { runsView } from "./runs.js";

const main = document.getElementById("main");
let view = null;

function show() {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const [, name, rawId, task] = path.split("/");
  const id = rawId && decoded(rawId);
  const parameters = new URLSearchParams(query || "");
  if (name === "runs" && id && view && view.runId === id) return view.select(task);
  if (view) view.close();
  for (const box of document.querySelectorAll("dialog")) box.close();
  document.getElementById("link").textContent = "";
  main.replaceChildren();
  if (name === "runs" && id) view = runView(main, id, task);
  else view = runsView(main, parameters);
  document.title = view.title + " · Compozy";
  document.getElementById("leave").hidden = !key.get();
}

function askForKey() {
  if (view) view.close();
  const input = h("input", { type: "password", name: "key", placeholder: "cpzy_…", autocomplete: "off", spellcheck: "false", "aria-label": "API key" });
  const form = h("form.gate", {
    onsubmit: (event) => {
      event.preventDefault();
      if (!input.value.trim()) return;
      key.set(input.value.trim());
      show();
    },
  },
  h("img", { src: "/web/icon.svg", alt: "", width: "44", height: "44" }),
  h("h1", null, "API key"),
  h("p", null, key.get() ? "The server does not know this key." : "This server asks for a key. It stays in this tab, until you close it."),
  input, h("button.primary", { type: "submit" }, "Continue"),
  h("p.hint", null, "The first key lies in the data directory: ", h("code", null, "cat .compozy/api_key")));
  key.forget();
  view = { close() {}, title: "API key" };
  main.replaceChildren(form);
  input.focus();
}

const KEYS = [["j / k", "next, previous"], ["Enter", "open"], ["Esc", "back"], ["/", "filter"], ["n", "start a run"],
  ["← / →", "close, open a task's children"], ["f", "follow a run as it goes"], ["?", "this list"]];
const showKeys = () => dialog("Keyboard", h("dl.keys", null, KEYS.map(([k, what]) => [h("dt", null, h("kbd", null, k)), h("dd", null, what)])));

document.getElementById("keys").addEventListener("click", showKeys);
document.getElementById("leave").addEventListener("click", askForKey);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const typing = event.target.closest("input, textarea, select");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  if (event.key === "?") showKeys();
  else if (!view || !view.key || !view.key(event)) return;
  event.preventDefault();
});

setUnauthorized(() => !document.querySelector(".gate") && askForKey());
window.addEventListener("hashchange", () => { key.takeFromAddress(); show(); });
setInterval(tick, 1000);
key.takeFromAddress();
show();
