/** Runs an artifact over all rows, a call after the other. */

import type { Tensors } from "../tensor.ts";
import { open } from "./open.ts";
import { getCalls, type Infer, loadOptions, postCalls, readArtifact } from "./server.ts";

/** So many bytes of outputs are handed over at once, or one call's. */
const POST_BYTES = 1_000_000;

export async function infer(task: Infer): Promise<object> {
  const options = loadOptions(task.options);
  const engine = await open(task.engine, options);
  const session = await engine.load(task.artifact, readArtifact, options);
  // While calls are computed, the next ones' rows come and the last ones' outputs go.
  let coming = getCalls(0);
  let going = Promise.resolve();
  let computed: Tensors[] = [];
  for (let start = 0, first = 0; start < task.rowCount; ) {
    const calls = await coming;
    const next = start + calls.length * task.rowsPerCall;
    if (next < task.rowCount) coming = getCalls(next);
    for (const inputs of calls) {
      computed.push(await session.run(inputs));
      start += task.rowsPerCall;
      if (start < next && bytesOf(computed) < POST_BYTES) continue;
      await going;
      going = postCalls(first, computed);
      [first, computed] = [start, []];
    }
  }
  await going;
  return { engine_version: engine.version };
}

function bytesOf(calls: readonly Tensors[]): number {
  const sizes = calls.map((outputs) => Object.values(outputs).map(({ data }) => data.byteLength));
  return sizes.flat().reduce((total, size) => total + size, 0);
}
