/** Runs one job that a server on this machine has, in a page or in Node, and tells the server what came of it. */

import "./job/wasm_memory.ts"; // first: it sees what memory the engines take
import { benchmark } from "./job/benchmark.ts";
import { facts } from "./job/facts.ts";
import { infer } from "./job/infer.ts";
import { sayWhy } from "./job/failure.ts";
import { inNode } from "./job/place.ts";
import { getTask, post } from "./job/server.ts";

async function run(): Promise<object> {
  const task = await getTask();
  switch (task.do) {
    case "facts":
      return facts(task);
    case "infer":
      return infer(task);
    case "benchmark":
      return benchmark(task);
  }
}

async function fail(error: unknown): Promise<void> {
  await post("error", { error: sayWhy(error) });
  if (inNode) process.exit(1);
}

if (!inNode) {
  // An engine's worker or callback that fails, fails nowhere else: the call that waits for it would wait on.
  addEventListener("error", (event) => void fail(event.error ?? event.message));
  addEventListener("unhandledrejection", (event) => void fail(event.reason));
}
try {
  await post("result", await run());
  if (inNode) process.exit(0); // engines may have left workers behind
} catch (error) {
  await fail(error);
}
