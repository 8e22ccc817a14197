// SPDX-License-Identifier: Apache-2.0
// Starting a run: a form that follows the workflow's input schema, the same as JSON, and a sample in one click.
import { post } from "./api.js";
import { cli, cliLine, dialog, h, toast } from "./dom.js";
import { pretty } from "./json.js";

/** A value that a schema would take: its default, an example, or the plainest of its type. */
export function sample(schema, depth = 0) {
  if (!schema || typeof schema !== "object" || depth > 6) return null;
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (Array.isArray(schema.examples) && schema.examples.length) return schema.examples[0];
  if (schema.example !== undefined) return schema.example;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object" || schema.properties) {
    const required = schema.required || [];
    return Object.fromEntries(Object.entries(schema.properties || {})
      .map(([name, member]) => [name, sample(member, depth + 1), required.includes(name) || member.default !== undefined || depth === 0])
      .filter(([, value, wanted]) => wanted && value !== null).map(([name, value]) => [name, value]));
  }
  if (type === "array") return Array.from({ length: Math.min(3, schema.minItems || 0) }, () => sample(schema.items, depth + 1));
  if (type === "integer" || type === "number") return Math.max(schema.minimum ?? 1, Math.min(1, schema.maximum ?? 1));
  if (type === "boolean") return false;
  if (type === "string") return "example".padEnd(schema.minLength || 0, ".").slice(0, schema.maxLength || 64);
  return null;
}

const open = (id) => (location.hash = "#/runs/" + encodeURIComponent(id));
const begin = (workflow, input) => post(`/workflows/${encodeURIComponent(workflow)}/executions`, { input }, { headers: { "Idempotency-Key": crypto.getRandomValues(new Uint32Array(4)).join("-") } });

export async function startSample(workflow) {
  try {
    open((await begin(workflow.id, sample(workflow.input) || {})).exec_id);
  } catch (error) {
    toast(error.message, "bad");
  }
}

// One control per member; read() gives undefined where it is left empty.
export function field(name, schema, required, value) {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  let control, read;
  if (Array.isArray(schema.enum)) {
    control = h("select", null, required ? null : h("option", { value: "" }, "—"), schema.enum.map((item, i) => h("option", { value: String(i + 1) }, String(item))));
    control.value = String(schema.enum.indexOf(value) + 1 || "");
    read = () => (control.value ? schema.enum[control.value - 1] : undefined);
  } else if (type === "boolean") {
    control = h("input", { type: "checkbox" });
    control.checked = value === true;
    read = () => control.checked;
  } else if (type === "integer" || type === "number") {
    control = h("input", { type: "number", step: type === "integer" ? "1" : "any" });
    control.value = value ?? "";
    read = () => (control.value === "" ? undefined : Number(control.value));
  } else if (type === "string") {
    control = String(value ?? "").length > 60 ? h("textarea", { rows: "4" }) : h("input", { type: "text" });
    control.value = value ?? "";
    read = () => (control.value === "" && !required ? undefined : control.value);
  } else {
    control = h("textarea.mono", { rows: "4", spellcheck: "false" });
    control.value = value === undefined || value === null ? "" : pretty(value);
    read = () => (control.value.trim() === "" ? undefined : JSON.parse(control.value));
  }
  control.name = name;
  const element = h("label.field", null,
    h("span.name", null, name, required ? h("b", { title: "required" }, " *") : null, h("small", null, type || "any")),
    control, schema.description ? h("span.hint", null, schema.description) : null);
  return { name, element, read };
}

/** What the controls hold, as one object; throws where one holds no JSON. */
export function readFields(fields) {
  const out = {};
  for (const item of fields) {
    try {
      const value = item.read();
      if (value !== undefined) out[item.name] = value;
    } catch (error) {
      throw new Error(`${item.name}: ${error.message}`);
    }
  }
  return out;
}

export function openStart(workflows, chosen) {
  if (!workflows.length) return toast("This project has no workflow", "bad");
  let workflow, fields = null, values = {}, editing = false;
  const editor = h("textarea.mono.editor", { rows: "12", spellcheck: "false", "aria-label": "Input as JSON", oninput: () => preview() });
  const pick = h("select", { "aria-label": "Workflow", onchange: () => choose(pick.value) }, workflows.map((item) => h("option", { value: item.id }, item.id)));
  const about = h("p.hint");
  const area = h("div.fields", { oninput: () => preview() });
  const problem = h("p.problem", { role: "alert", hidden: true });
  const command = h("div");
  const swap = h("button", { type: "button", onclick: () => mode(!editing) });

  const collect = () => {
    if (editing) return JSON.parse(editor.value.trim() || "{}");
    return readFields(fields);
  };
  const complain = (error) => {
    problem.hidden = !error;
    problem.textContent = error ? error.message : "";
  };
  const preview = () => {
    try {
      command.replaceChildren(cliLine(cli("workflow", "execute", workflow.id, "--input", JSON.stringify(collect()), "--watch")));
      complain(null);
    } catch (error) {
      complain(error);
    }
  };
  const draw = () => {
    const schema = workflow.input || {};
    const members = Object.entries(schema.properties || {});
    fields = members.map(([name, member]) => field(name, member, (schema.required || []).includes(name), values[name]));
    editor.value = pretty(values);
    area.replaceChildren(...(editing ? [editor] : fields.length ? fields.map((item) => item.element) : [h("p.hint", null, "This workflow takes no input.")]));
    swap.textContent = editing ? "As form" : "As JSON";
    preview();
  };
  const mode = (asJson) => {
    try {
      values = collect();
      editing = asJson;
      draw();
    } catch (error) {
      complain(error);
    }
  };
  const choose = (id) => {
    workflow = workflows.find((item) => item.id === id) || workflows[0];
    pick.value = workflow.id;
    about.textContent = workflow.description || "";
    values = sample(workflow.input) || {};
    editing = Boolean(workflow.input && !workflow.input.properties);
    draw();
  };
  const go = async () => {
    complain(null);
    try {
      const run = await begin(workflow.id, collect());
      box.close();
      open(run.exec_id);
    } catch (error) {
      complain(error);
    }
  };
  const box = dialog("Start a run", [h("label.field", null, h("span.name", null, "Workflow"), pick), about, area, problem, command],
    [swap, h("span.grow"), h("button.primary", { type: "button", id: "go", onclick: go }, "Start")]);
  box.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && go());
  choose(chosen || workflows[0].id);
  area.querySelector("input, select, textarea")?.focus();
}
