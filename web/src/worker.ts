/**
 * A process that keeps sessions and answers requests one after the other, on its standard input and output.
 *
 * A message, either way, is one line of JSON and the raw bytes that it announces: each tensor in `tensors` has a name,
 * a dtype, a shape and a number of bytes; their bytes follow in that order, little-endian. A request that fails is
 * answered with `error`; the process lives on, until its input ends or the process that started it is gone.
 */

import { Console } from "node:console";
import { readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { Worker } from "node:worker_threads";
import { engineOf, type EngineName, type LoadOptions, type ReadFile, type Session } from "./engine.ts";
import { bytesOf, dtypeOf, numbersOf, type Tensors } from "./tensor.ts";

interface TensorHeader {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

type Request = { readonly dispose?: readonly number[]; readonly tensors?: readonly TensorHeader[] } & (
  | { readonly do: "prepare"; readonly engine: EngineName; readonly options: LoadOptions }
  | { readonly do: "load"; readonly engine: EngineName; readonly options: LoadOptions; readonly path: string }
  | { readonly do: "run"; readonly session: number }
  | { readonly do: "held"; readonly engine: EngineName }
);

const PARENT_CHECK_MS = 500;

/** What engines print is a log, and goes where logs go: standard output carries answers alone. */
const answers = process.stdout.write.bind(process.stdout);
globalThis.console = new Console(process.stderr, process.stderr);
process.stdout.write = process.stderr.write.bind(process.stderr);

/** A computation that hangs keeps this thread from seeing that its input has ended; another thread looks. */
const watch = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, "SIGKILL"), ${PARENT_CHECK_MS});`;
new Worker(watch, { eval: true }).unref();

/** Standard input as lines and counted bytes. */
class Reader {
  readonly #chunks = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  /** Gives the next line, null at the end. */
  async line(): Promise<string | null> {
    let parts: Buffer[] = [];
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end >= 0) {
        parts.push(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + 1);
        return Buffer.concat(parts).toString("utf8");
      }
      parts.push(this.#rest);
      if (!(await this.#more())) return null;
    }
  }

  async bytes(count: number): Promise<Uint8Array> {
    const whole = new Uint8Array(count); // its own memory, which begins where every dtype may
    let filled = 0;
    while (filled < count) {
      if (!this.#rest.length && !(await this.#more())) throw new Error("the input ended within a tensor");
      const part = this.#rest.subarray(0, count - filled);
      whole.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return whole;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    this.#rest = done ? Buffer.alloc(0) : value;
    return !done;
  }
}

async function write(header: object, tensors: Tensors = {}): Promise<void> {
  const announced = Object.entries(tensors).map(([name, { dtype, shape, data }]) => ({
    name,
    dtype,
    shape,
    bytes: data.byteLength,
  }));
  const parts = [Buffer.from(`${JSON.stringify({ ...header, tensors: announced })}\n`)];
  for (const { data } of Object.values(tensors)) parts.push(Buffer.from(bytesOf(data)));
  for (const part of parts) {
    if (!answers(part)) await new Promise<void>((resolve) => process.stdout.once("drain", resolve));
  }
}

function readerOf(folder: string): ReadFile {
  return async (path) => {
    if (path.split(/[\\/]/).includes("..")) throw new Error(`${path}: it lies outside the artifact`);
    try {
      return await readFile(join(folder, path));
    } catch (error) {
      throw new Error(`${path}: it cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  };
}

const sessions = new Map<number, Session>();
let loaded = 0;

async function serve(request: Request, inputs: Tensors): Promise<[object, Tensors?]> {
  for (const id of request.dispose ?? []) {
    await sessions.get(id)?.dispose();
    sessions.delete(id);
  }
  switch (request.do) {
    case "prepare": {
      const engine = await engineOf(request.engine);
      await engine.prepare(request.options);
      return [{ version: engine.version }];
    }
    case "load": {
      const engine = await engineOf(request.engine);
      const cut = request.path.lastIndexOf(sep) + 1;
      const read = readerOf(request.path.slice(0, cut));
      sessions.set(++loaded, await engine.load(request.path.slice(cut), read, request.options));
      return [{ session: loaded }];
    }
    case "run": {
      const session = sessions.get(request.session);
      if (session === undefined) throw new Error(`there is no session ${request.session}`);
      return [{}, await session.run(inputs)];
    }
    case "held":
      return [{ held: (await engineOf(request.engine)).held?.() ?? null }];
  }
}

async function inputsOf(request: Request, input: Reader): Promise<[string, string, readonly number[], Uint8Array][]> {
  const held: [string, string, readonly number[], Uint8Array][] = [];
  for (const { name, dtype, shape, bytes } of request.tensors ?? []) {
    held.push([name, dtype, shape, await input.bytes(bytes)]);
  }
  return held;
}

const input = new Reader();
for (let line = await input.line(); line !== null; line = await input.line()) {
  const request = JSON.parse(line) as Request;
  const held = await inputsOf(request, input); // all of it, before anything may fail: the next message begins behind it
  try {
    const tensors = held.map(([name, dtype, shape, bytes]) => {
      return [name, { dtype: dtypeOf(dtype), shape, data: numbersOf(dtypeOf(dtype), bytes) }] as const;
    });
    await write(...(await serve(request, Object.fromEntries(tensors))));
  } catch (error) {
    const wrong = error instanceof TypeError && request.do === "run";
    await write({ error: error instanceof Error ? error.message : JSON.stringify(error), wrong });
  }
}
process.exit(0);
