// SPDX-License-Identifier: Apache-2.0
// Answering an approval: what the run asks, the form that a yes must fill, and why.
import { get, post } from "./api.js";
import { cli, cliLine, dialog, h, toast } from "./dom.js";
import { field, readFields } from "./start.js";

/** The tasks of a run that wait for people. */
export const openApprovals = (model) => [...model.tasks.values()].filter((task) => task.type === "approval" && !task.end);

const question = (task) => task.log.find((event) => event.type === "approval_requested")?.data.message || "";

// The form as the workflow declares it, at any depth. A run keeps the definition it began with: where that differs, the
// server has the last word and says what is wrong.
function formOf(tasks, id) {
  for (const task of tasks || []) {
    if (task.id === id && task.form) return task.form;
    const inside = formOf([...(task.tasks || []), ...[task.task, task.processor].filter((child) => child && typeof child === "object")], id);
    if (inside) return inside;
  }
  return null;
}

export async function answerApproval(runId, workflow, task, isOnly) {
  let form = null;
  try {
    form = formOf((await get("/workflows/" + encodeURIComponent(workflow))).resolved.tasks, task.id);
  } catch { /* the workflow is no longer there: then without a form */ }
  const name = isOnly ? task.id : task.path;
  // Nothing is made up here: what a person signs is what the form presets, or what they write.
  const required = form?.required || [];
  const fields = Object.entries(form?.properties || {}).map(([member, schema]) => field(member, schema, required.includes(member), schema.default));
  const comment = h("input", { type: "text", placeholder: "Why (kept in the history)", "aria-label": "Comment" });
  const problem = h("p.problem", { role: "alert", hidden: true });
  const line = h("div");
  const complain = (error) => {
    problem.hidden = !error;
    problem.textContent = error ? error.message : "";
  };
  const note = () => (comment.value ? ["--comment", comment.value] : []);
  const preview = () => {
    try {
      const given = readFields(fields);
      line.replaceChildren(cliLine(cli("execution", "approve", runId, name, ...(fields.length ? ["--values", JSON.stringify(given)] : []), ...note())));
      complain(null);
    } catch (error) {
      complain(error);
    }
  };
  const vote = async (decision) => {
    try {
      const body = { decision };
      if (decision === "approve" && fields.length) body.values = readFields(fields);
      const missing = required.find((member) => body.values && (body.values[member] ?? "") === "");
      if (missing) throw new Error(`${missing}: is needed for a yes`);
      if (comment.value) body.comment = comment.value;
      await post(`/executions/workflows/${encodeURIComponent(runId)}/approvals/${encodeURIComponent(name)}`, body);
      box.close();
      toast(decision === "approve" ? "Approved" : "Rejected");
    } catch (error) {
      complain(error);
    }
  };
  const box = dialog(task.id, [h("p.question", null, question(task) || "This run asks for a yes."), h("div.fields", null, fields.map((item) => item.element)), comment, problem, line],
    [h("button.danger", { type: "button", id: "reject", onclick: () => vote("reject") }, "Reject"), h("span.grow"),
      h("button.primary", { type: "button", id: "approve", onclick: () => vote("approve") }, "Approve")]);
  box.addEventListener("input", preview);
  preview();
  (box.querySelector(".fields input, .fields select, .fields textarea") || comment).focus();
}
