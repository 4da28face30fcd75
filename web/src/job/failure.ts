/** Says in words what went wrong. */

import { wasmMemoryBytes } from "./wasm_memory.ts";

/** What engines and browsers say when memory has run out; none has an error class for it. */
const OUT_OF_MEMORY =
  /out of memory|\bOOM\b|bad_alloc|could not allocate|failed to allocate|cannot enlarge memory|array buffer allocation failed/i;
/** A 32-bit address reaches no further. Near it, engines fail in ways that do not speak of memory. */
const WASM_BYTES = 2 ** 32;

export function sayWhy(error: unknown): string {
  const said = (error instanceof Error ? error.message || error.name : String(error)).trim();
  const held = wasmMemoryBytes();
  if (held > 0.9 * WASM_BYTES) {
    return `out of memory: WebAssembly has taken ${gigabytes(held)} of the ${gigabytes(WASM_BYTES)} that it can: ${said}`;
  }
  return OUT_OF_MEMORY.test(said) ? `out of memory: ${said}` : said;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
