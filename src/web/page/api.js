// SPDX-License-Identifier: Apache-2.0
// The HTTP API: requests with the key, problems as exceptions, and server-sent events that go on where they stopped.
import { decoded } from "./dom.js";

const BASE = "/api/v0";
const STORE = "compozy.key";
const SILENCE_MAX_MS = 45_000;  // the server sends a heartbeat every 15 s

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the server answered ${status}`);
    this.status = status;
    this.code = body.code || "";
    this.field = body.field || "";
  }
}

export const key = {
  get: () => sessionStorage.getItem(STORE) || "",
  set: (value) => sessionStorage.setItem(STORE, value),
  forget: () => sessionStorage.removeItem(STORE),
  /** `#key=…` becomes this session's key and leaves the address bar and the history. */
  takeFromAddress() {
    const match = /^#key=([^&]+)(?:&(.*))?$/.exec(location.hash);
    if (!match) return;
    key.set(decoded(match[1]));
    history.replaceState(null, "", location.pathname + "#" + (match[2] || "/runs"));
  },
};

let onUnauthorized = () => {};
export const setUnauthorized = (handler) => (onUnauthorized = handler);

function request(method, path, { body, headers = {}, signal } = {}) {
  const all = { ...headers };
  if (key.get()) all.Authorization = "Bearer " + key.get();
  if (body !== undefined) all["Content-Type"] = "application/json";
  return fetch(BASE + path, { method, headers: all, body: body === undefined ? undefined : JSON.stringify(body), signal, cache: "no-store" });
}

async function refuse(response) {
  let body = {};
  try {
    body = await response.json();
  } catch { /* not from the API */ }
  if (response.status === 401) onUnauthorized();
  throw new Problem(response.status, body);
}

export async function call(method, path, options) {
  const response = await request(method, path, options);
  if (!response.ok) await refuse(response);
  return (await response.json()).data;
}
export const get = (path, options) => call("GET", path, options);
export const post = (path, body, options) => call("POST", path, { body: body || {}, ...options });

const pause = (ms, signal) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
});

/** Reads `text/event-stream`; calls each(id, event, data). An event without an id has "": it passes by, unnumbered. */
async function readEvents(body, each, alive) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", id = "", event = "", data = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) each(id, event || "message", data.join("\n"));
        id = event = "";
        data = [];
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (name === "data") data.push(text);
        else if (name === "event") event = text;
        else if (name === "id") id = text;
      }
    }
  }
}

/**
 * Follows a run for as long as it is open: first what is stored (with its times), then the live stream from there on;
 * over lost connections and restarts of the server, each durable event exactly once and in order.
 *   on.event({id, ts, type, data})   id 0: passes by, is not kept
 *   on.batch()                       some events have come
 *   on.link(state)                   "live", "reconnecting", "ended"
 */
export async function follow(runId, on, signal) {
  const path = `/executions/workflows/${encodeURIComponent(runId)}`;
  let last = 0, ended = false, failures = 0;
  const take = (event) => {
    if (event.id && event.id <= last) return;
    if (event.id) last = event.id;
    if (event.type === "complete" || event.type === "error") ended = true;
    on.event(event);
  };
  while (!signal.aborted && !ended) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener("abort", stop, { once: true });
    let watchdog;
    try {
      for (;;) {
        const page = (await get(`${path}/events?after=${last}&limit=500`, { signal: attempt.signal })).events;
        for (const event of page) take({ ...event, ts: Date.parse(event.ts) });
        on.batch();
        if (page.length < 500) break;
      }
      if (ended) break;
      const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": String(last) } : {}) };
      const response = await request("GET", path + "/stream", { headers, signal: attempt.signal });
      if (!response.ok) await refuse(response);
      on.link("live");
      failures = 0;
      const alive = () => {
        clearTimeout(watchdog);
        watchdog = setTimeout(stop, SILENCE_MAX_MS);
      };
      alive();
      await readEvents(response.body, (id, type, text) => {
        take({ id: Number(id), ts: Date.now(), type, data: JSON.parse(text) });
        on.batch();
      }, alive);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && (error.status === 401 || error.status === 404)) throw error;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", stop);
    }
    if (ended || signal.aborted) break;
    on.link("reconnecting");
    await pause(Math.min(3000, 150 * 2 ** failures++) * (0.75 + Math.random() / 2), signal);
  }
  if (!signal.aborted) on.link("ended");
}
