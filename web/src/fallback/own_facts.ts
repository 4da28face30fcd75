/** What this browser is, asked without loading an engine. */

import type { Backend, EngineName } from "../engine.ts";
import { features } from "../features.ts";
import type { Facts } from "./select.ts";

/** Engine → what it computes with, as the engines themselves have it (`Engine.backends`); a test compares the two. */
export const BACKENDS: Readonly<Record<EngineName, readonly Backend[]>> = {
  tfjs: ["wasm", "webgl", "webgpu", "cpu"],
  litertjs: ["wasm", "webgpu"],
  "onnxruntime-web": ["wasm", "webgpu"],
};

/** What a wasm module of 32 bits can have at most: 4 GiB. */
const MOST_MEMORY_BYTES = 2 ** 32;

/** The engines that run in a page's workers as well. */
const IN_WORKERS: readonly EngineName[] = ["tfjs", "onnxruntime-web"];

/**
 * Gives this browser's facts. The family is that of ladders for the web.
 *
 * A backend that is found missing only by its engine is not missed here: loading the rung fails then, with the reason.
 */
export async function ownFacts(): Promise<Facts> {
  const found = await features();
  const { hardwareConcurrency, deviceMemory, userAgent } = globalThis.navigator as Navigator & {
    deviceMemory?: number;
  };
  const has: Readonly<Record<Backend, boolean>> = {
    wasm: typeof WebAssembly !== "undefined",
    webgl: found.includes("webgl2"),
    webgpu: found.includes("webgpu"),
    cpu: true,
  };
  const engines = typeof document === "undefined" ? IN_WORKERS : (Object.keys(BACKENDS) as EngineName[]);
  const runtimes = engines.flatMap((engine) =>
    BACKENDS[engine].filter((backend) => has[backend]).map((backend) => [`${engine}/${backend}`, VERSIONS[engine]]),
  );
  return {
    kind: "browser",
    arch: "wasm32",
    os: "web",
    cpu: userAgent,
    features: found,
    cores: hardwareConcurrency,
    ram_bytes: deviceMemory === undefined ? MOST_MEMORY_BYTES : Math.min(deviceMemory * 2 ** 30, MOST_MEMORY_BYTES),
    runtimes: Object.fromEntries(runtimes),
  };
}
