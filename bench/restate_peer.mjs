// SPDX-License-Identifier: Apache-2.0
//
// The Restate side of ./dev bench workflows: a service of durable steps, and clients that call it. Run in a folder with
// @restatedev/restate-sdk: node restate_peer.mjs SERVICE_PORT INGRESS_PORT ADMIN_PORT. Prints "rate RUNS STEPS_PER_SECOND".
import { createRequire } from "node:module";

// The SDK asks for it; Node before 22 lacks it.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new Promise((kept, broken) => { resolve = kept; reject = broken; });
  return { promise, resolve, reject };
};

const restate = createRequire(process.cwd() + "/")("@restatedev/restate-sdk");
const [servicePort, ingressPort, adminPort] = process.argv.slice(2).map(Number);

const steps = restate.service({
  name: "Steps",
  handlers: {
    run: async (context, count) => {
      for (let i = 0; i < count; i++) await context.run("step", () => i);
      return count;
    },
  },
});

async function post(url, body) {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function registered() {
  for (let tries = 100; ; tries--) {
    try {
      return await post(`http://127.0.0.1:${adminPort}/deployments`, { uri: `http://127.0.0.1:${servicePort}` });
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((wake) => setTimeout(wake, 200));
    }
  }
}

const call = (count) => post(`http://127.0.0.1:${ingressPort}/Steps/run`, count);

await restate.endpoint().bind(steps).listen(servicePort);
await registered();
await call(1);
for (const [runs, count] of [[1, 40], [64, 10]]) {
  const began = performance.now();
  await Promise.all(Array.from({ length: runs }, () => call(count)));
  console.log("rate", runs, (runs * count * 1000) / (performance.now() - began));
}
process.exit(0);
