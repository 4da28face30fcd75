/** What the job's server is asked for and told: `devices/web/server.py` is the other side. */

import type { Backend, EngineName, LoadOptions, ReadFile } from "../engine.ts";
import type { Tensors } from "../tensor.ts";
import { decode, encode } from "./message.ts";
import { assets, server } from "./place.ts";

interface Options {
  readonly backend: Backend;
  readonly threads: number;
  readonly optimize: boolean;
}

export interface Facts {
  readonly do: "facts";
  readonly options: Options;
}

interface Run {
  readonly engine: EngineName;
  readonly options: Options;
  /** The artifact's first file. */
  readonly artifact: string;
  readonly rowCount: number;
  readonly rowsPerCall: number;
}

export interface Infer extends Run {
  readonly do: "infer";
}

export interface Benchmark extends Run {
  readonly do: "benchmark";
  readonly procedure: {
    readonly minRuns: number;
    readonly minSeconds: number;
    readonly warmupRuns: number;
    readonly warmupSeconds: number;
  };
}

export type Task = Facts | Infer | Benchmark;

export function loadOptions(options: Options): LoadOptions {
  return { ...options, assets };
}

export async function getTask(): Promise<Task> {
  return (await get("task")).json() as Promise<Task>;
}

/** Reads a file of the artifact. */
export const readArtifact: ReadFile = async (path) => {
  const response = await fetch(`${server}artifact/${path.split("/").map(encodeURIComponent).join("/")}`);
  if (!response.ok) throw new Error(`${path}: the artifact has no such file`);
  return new Uint8Array(await response.arrayBuffer());
};

/** Gives the inputs of the call whose first row this is and of some behind it; the last call's are filled up. */
export async function getCalls(start: number): Promise<Tensors[]> {
  return decode(new Uint8Array(await (await get(`rows/${start}`)).arrayBuffer()));
}

/** Hands over the outputs of calls, whose first row this is. */
export async function postCalls(start: number, outputs: readonly Tensors[]): Promise<void> {
  await send(`rows/${start}`, encode(outputs));
}

export async function post(path: "ready" | "result" | "error", said: object): Promise<void> {
  await send(path, new Blob([JSON.stringify(said)]));
}

async function get(path: string): Promise<Response> {
  return check(await fetch(server + path));
}

async function send(path: string, body: Blob): Promise<void> {
  await check(await fetch(server + path, { method: "POST", body }));
}

async function check(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`the job's server says: ${(await response.text()).trim()}`);
  return response;
}
