/**
 * TF.js's backend wasm, whose failures are failures.
 *
 * By itself it goes on in two cases. When memory has run out it writes to address 0, over other tensors. And a kernel that
 * cannot compute (a dtype, a setting of XNNPACK) prints a line and leaves what it should have filled as it was.
 */

import * as tf from "@tensorflow/tfjs-core";

export interface Kernels {
  /** Forgets what was said before. */
  listen(): void;
  /** Throws when a kernel has said since then that it computed nothing. */
  requireSuccess(): void;
}

let started: { kernels: Kernels; threads: number } | null = null;

/** Starts the backend once and makes it the one that computes. A page or process has one number of threads. */
export async function startWasm(threads: number, assets: string): Promise<Kernels> {
  if (started !== null) {
    if (started.threads !== threads) {
      throw new Error(`TF.js runs with ${started.threads} threads here already, not ${threads}`);
    }
    await select();
    return started.kernels;
  }
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  // One thread needs no pool of workers: the variant without threads is the same code.
  if (threads === 1) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  else if (!(await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT"))) {
    throw new Error(`TF.js has no threads here, ${threads} are asked for (a page needs cross-origin isolation)`);
  }
  wasm.setWasmPaths(`${assets}tfjs/`);
  wasm.setThreadsCount(threads);
  const kernels = await listening(select);
  refuseWhenFull();
  started = { kernels, threads };
  return kernels;
}

async function select(): Promise<void> {
  if (!(await tf.setBackend("wasm"))) throw new Error("TF.js cannot start its backend wasm here");
}

/** Starts the module while `console.warn` listens: it keeps for good what `console.warn` is when it starts. */
async function listening(start: () => Promise<void>): Promise<Kernels> {
  const said: string[] = [];
  const { warn } = console;
  console.warn = (...parts: unknown[]) => {
    said.push(parts.join(" "));
    warn.apply(console, parts);
  };
  try {
    await start();
  } finally {
    console.warn = warn;
  }
  return {
    listen() {
      said.length = 0;
    },
    requireSuccess() {
      if (said.length) throw new Error(`a kernel computed nothing: ${said.join("; ")}`);
    },
  };
}

/** `malloc` gives 0 when there is no more memory, and counts up to 4 GiB alone; TF.js does not look. */
function refuseWhenFull(): void {
  const { wasm } = tf.backend() as unknown as { wasm: { _malloc(bytes: number): number; _free(place: number): void } };
  wasm._free(wasm._malloc(1)); // at its first call it puts another function into its own place
  const malloc = wasm._malloc;
  wasm._malloc = (bytes) => {
    const place = bytes < 2 ** 32 ? malloc(bytes) : 0;
    // Close below 4 GiB it adds its own header and counts from 0 again: the block is there, and too short.
    const there = place !== 0 && (place >>> 0) + bytes <= 2 ** 32;
    if (!there && bytes > 0) throw new Error(`WebAssembly is out of memory: ${bytes} more bytes are not to be had`);
    return place;
  };
}
