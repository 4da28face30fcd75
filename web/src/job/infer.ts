/** Runs an artifact over all rows, a call after the other. */

import { getRows, type Infer, loadOptions, postRows, readArtifact } from "./server.ts";
import { open } from "./open.ts";

export async function infer(task: Infer): Promise<object> {
  const options = loadOptions(task.options);
  const engine = await open(task.engine, options);
  const session = await engine.load(task.artifact, readArtifact, options);
  // While a call computes, the next one's rows come and the last one's outputs go.
  let coming = getRows(0);
  let going = Promise.resolve();
  for (let start = 0; start < task.rowCount; start += task.rowsPerCall) {
    const inputs = await coming;
    const next = start + task.rowsPerCall;
    if (next < task.rowCount) coming = getRows(next);
    const outputs = await session.run(inputs);
    await going;
    going = postRows(start, outputs);
  }
  await going;
  return { engine_version: engine.version };
}
