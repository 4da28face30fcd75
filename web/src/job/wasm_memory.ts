/** Sees every memory that WebAssembly takes in this thread, whoever makes it: a threaded module's is shared by all. */

const memories = new Set<WebAssembly.Memory>();
const made = WebAssembly.Memory;
const { instantiate, instantiateStreaming } = WebAssembly;

WebAssembly.Memory = new Proxy(made, {
  construct(target, [descriptor]: [WebAssembly.MemoryDescriptor]) {
    const memory = new target(descriptor);
    memories.add(memory);
    return memory;
  },
});

function noteExports({ exports }: WebAssembly.Instance): void {
  for (const value of Object.values(exports)) {
    if (value instanceof made) memories.add(value);
  }
}

/** Both forms: of bytes comes a module with its instance, of a module the instance alone. */
async function noted<T>(coming: Promise<T>): Promise<T> {
  const found = await coming;
  noteExports((found as { instance?: WebAssembly.Instance }).instance ?? (found as unknown as WebAssembly.Instance));
  return found;
}

WebAssembly.instantiate = ((source: BufferSource, imports?: WebAssembly.Imports) =>
  noted(instantiate(source, imports))) as typeof instantiate;
if (instantiateStreaming !== undefined) {
  WebAssembly.instantiateStreaming = (source, imports) => noted(instantiateStreaming(source, imports));
}

/** What WebAssembly holds now. Its memories only grow, so this is the most that they have held. */
export function wasmMemoryBytes(): number {
  return [...memories].reduce((total, { buffer }) => total + buffer.byteLength, 0);
}
