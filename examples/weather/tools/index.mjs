// The module's exports are the tools: `save` is the tool whose id is "save".
// input: what the task's `with` says; config: the tool's own settings; context: ids and environment of this call.
import { mkdir, writeFile } from "node:fs/promises";

export async function save(input, config, context) {
  const folder = config.folder ?? "out";
  await mkdir(folder, { recursive: true });
  const path = `${folder}/weather.${input.format}`;
  const text = input.format === "json" ? JSON.stringify(input.payload, null, 2) : describe(input.payload);
  await writeFile(path, text + "\n"); // writing the same file again does no harm, so a repeated call is harmless
  return { path, bytes: text.length, key: context.tool_exec_id };
}

function describe(payload) {
  const now = payload.now ?? {};
  const lines = Object.values(payload.each?.all ?? {}).map((e) => `- ${e.what}: ${e.verdict.suitable ? "yes" : "no"}, ${e.verdict.reason}`);
  return [`${payload.city}: ${now.weather}, ${now.temperature} degrees`, ...lines].join("\n");
}
