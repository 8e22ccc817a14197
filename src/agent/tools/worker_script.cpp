// SPDX-License-Identifier: Apache-2.0
#include "agent/tools/worker_script.hpp"

namespace compozy::agent {

// The function of a tool: a member named like it of the default export object, a named export of that name, the default
// export itself when it is a function, or an export named `run`. Whatever a tool prints goes to standard error.
const std::string_view kWorkerScript = R"js(
import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline";
import process from "node:process";

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (...args) => process.stderr.write(...args);
for (const name of ["log", "info", "debug", "warn", "error", "trace", "dir", "table"]) {
  console[name] = (...args) => {
    const text = args.map((a) => (typeof a === "string" ? a : safe(a))).join(" ");
    process.stderr.write(text + "\n");
  };
}
function safe(value) {
  try { return JSON.stringify(value) ?? String(value); } catch { return String(value); }
}
function functionOf(module, id) {
  const exported = module.default;
  if (exported && typeof exported === "object" && typeof exported[id] === "function") return exported[id];
  if (typeof module[id] === "function") return module[id];
  const camel = id.replace(/[-_](\w)/g, (_, c) => c.toUpperCase());
  if (typeof module[camel] === "function") return module[camel];
  if (exported && typeof exported === "object" && typeof exported[camel] === "function") return exported[camel];
  if (typeof exported === "function") return exported;
  if (typeof module.run === "function") return module.run;
  const names = Object.keys(exported && typeof exported === "object" ? { ...module, ...exported } : module);
  throw lasting(new Error(`the module exports no function '${id}'; it exports: ${names.join(", ") || "nothing"}`));
}
// Another attempt meets the same error.
function lasting(error) {
  if (error instanceof Error) error.retryable = false;
  return error;
}
let loaded;
async function answer(line) {
  const started = Date.now();
  const request = JSON.parse(line);
  const added = Object.entries({ ...request.env, COMPOZY_IDEMPOTENCY_KEY: request.tool_exec_id });
  const before = added.map(([name]) => [name, process.env[name]]);
  const metadata = { tool_id: request.tool_id, tool_exec_id: request.tool_exec_id };
  try {
    for (const [name, value] of added) process.env[name] = String(value);
    loaded ??= await import(pathToFileURL(process.argv[2]).href).catch((error) => { throw lasting(error); });
    const call = functionOf(loaded, request.tool_id);
    const result = (await call(request.input, request.config, { ...metadata, env: request.env })) ?? {};
    return { result, metadata: { ...metadata, execution_time: Date.now() - started } };
  } catch (error) {
    const message = error instanceof Error ? error.message : safe(error);
    return { error: { message, name: error?.name, retryable: error?.retryable !== false }, metadata };
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (!line.trim()) continue;
  let reply = await answer(line);
  let text;
  try { text = JSON.stringify(reply); }
  catch (error) {
    text = JSON.stringify({ error: { message: "the result is no JSON: " + error.message, retryable: false } });
  }
  write(text + "\n");
}
process.exit(0);
)js";

}  // namespace compozy::agent
