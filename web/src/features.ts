/** What this browser, or Node, has beyond plain JavaScript and WebAssembly. */

/** A module of one function, `() -> v128`, with these instructions; written out as the WebAssembly binary format has it. */
function moduleOf(instructions: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0, ...instructions, 0x0b]; // no locals … end
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version
    ...[1, 5, 1, 0x60, 0, 1, 0x7b], // types: one function, no parameters, one v128
    ...[3, 2, 1, 0], // functions: one, of type 0
    ...[10, body.length + 2, 1, body.length, ...body], // code
  ]);
}

const V128 = [0x41, 0, 0xfd, 0x0f]; // i32.const 0, i8x16.splat
const SIMD = moduleOf(V128);
const RELAXED_SIMD = moduleOf([...V128, ...V128, 0xfd, 0x80, 0x02]); // i8x16.relaxed_swizzle

const TESTS: Readonly<Record<string, () => boolean | Promise<boolean>>> = {
  "cross-origin-isolated": () => globalThis.crossOriginIsolated === true,
  "relaxed-simd": () => WebAssembly.validate(RELAXED_SIMD),
  simd: () => WebAssembly.validate(SIMD),
  threads: () => typeof SharedArrayBuffer === "function",
  webgl2: () => typeof document === "object" && document.createElement("canvas").getContext("webgl2") !== null,
  webgpu: async () => {
    const { gpu } = (globalThis.navigator ?? {}) as { gpu?: GPU };
    return gpu !== undefined && (await gpu.requestAdapter()) !== null;
  },
};

/** Gives the names of what is there, sorted. `webgpu` is there when an adapter is. */
export async function features(): Promise<string[]> {
  const found = await Promise.all(Object.entries(TESTS).map(async ([name, test]) => ((await test()) ? [name] : [])));
  return found.flat();
}
