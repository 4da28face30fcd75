/** Measures an artifact: loading, the first call, and then calls until there are enough of them. */

import type { Session } from "../engine.ts";
import type { Tensors } from "../tensor.ts";
import { gpuOf } from "./gpu.ts";
import { open } from "./open.ts";
import { inNode, program } from "./place.ts";
import { type Benchmark, getCalls, loadOptions, post, readArtifact } from "./server.ts";
import { wasmMemoryBytes } from "./wasm_memory.ts";

const collect = (globalThis as { gc?: () => void }).gc ?? (() => undefined);

export async function benchmark(task: Benchmark): Promise<object> {
  const options = loadOptions(task.options);
  const inputs = (await getCalls(0))[0] as Tensors;
  const engine = await open(task.engine, options);
  collect();
  await post("ready", { engine_version: engine.version });

  const began = performance.now();
  const session = await engine.load(task.artifact, readArtifact, options);
  const loaded = performance.now();
  await session.run(inputs);
  const first = performance.now();
  await runUntil(session, inputs, task.procedure.warmupRuns, task.procedure.warmupSeconds);
  const latency = await runUntil(session, inputs, task.procedure.minRuns, task.procedure.minSeconds);
  return {
    engine_version: engine.version,
    program: program(),
    load_ms: loaded - began,
    first_ms: first - loaded,
    latency_ms: latency,
    context: {
      user_agent: inNode ? null : navigator.userAgent,
      cross_origin_isolated: inNode ? null : String(crossOriginIsolated),
      timer_resolution_us: timerResolutionUs(),
      js_heap_bytes: jsHeapBytes(),
      wasm_memory_bytes: wasmMemoryBytes(),
      gpu: await gpuOf(options.backend),
    },
  };
}

/** Runs at least so often and at least so long; gives the milliseconds of each call. */
async function runUntil(session: Session, inputs: Tensors, minRuns: number, minSeconds: number): Promise<number[]> {
  const samples: number[] = [];
  let now = performance.now();
  const end = now + minSeconds * 1000;
  while (samples.length < minRuns || now < end) {
    const began = performance.now();
    await session.run(inputs);
    now = performance.now();
    samples.push(now - began);
  }
  return samples;
}

/** The smallest step of the clock that is seen: browsers make it coarse on purpose. */
function timerResolutionUs(): number {
  let smallest = Infinity;
  let before = performance.now();
  for (let steps = 0; steps < 100; ) {
    const now = performance.now();
    if (now <= before) continue;
    smallest = Math.min(smallest, now - before);
    before = now;
    steps += 1;
  }
  return Math.round(smallest * 1e6) / 1e3;
}

/** What JavaScript's own objects take; null where a browser does not say it. */
function jsHeapBytes(): number | null {
  if (inNode) return process.memoryUsage().heapUsed;
  const { memory } = performance as { memory?: { usedJSHeapSize: number } };
  return memory?.usedJSHeapSize ?? null;
}
