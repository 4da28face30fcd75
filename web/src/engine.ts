/** What runs artifacts in a browser or in Node: an engine, and what it computes with. */

import type { Tensors } from "./tensor.ts";

/** What an engine computes with. `cpu` is plain JavaScript. */
export type Backend = "wasm" | "webgl" | "webgpu" | "cpu";

/** An engine by its name; with a backend it is what reports call a runtime, `tfjs/wasm`. */
export type EngineName = "tfjs" | "litertjs" | "onnxruntime-web";

declare global {
  /** The versions of the packages that are built in; the build knows them. */
  const VERSIONS: Readonly<Record<EngineName, string>>;
}

export interface LoadOptions {
  readonly backend: Backend;
  /** How many threads the wasm backend may use; more than one needs cross-origin isolation. */
  readonly threads: number;
  /** Whether the engine may rewrite the graph. False for the reference, which is run node by node. */
  readonly optimize: boolean;
  /** Where the wasm files of the engines lie: a URL, or a folder in Node; ends with `/`. */
  readonly assets: string;
}

/** Reads a file of an artifact by its path relative to the artifact's folder; rejects when it is not there. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

/** An artifact that is loaded and ready. */
export interface Session {
  /**
   * Runs once and waits until every output has been read back.
   * Rejects with a `TypeError` when an input is missing, unknown, or of another dtype or shape than the artifact takes.
   */
  run(inputs: Tensors): Promise<Tensors>;
  /** Lets go of what the engine holds for it. */
  dispose(): Promise<void>;
}

export interface Engine {
  readonly name: EngineName;
  readonly version: string;
  readonly backends: readonly Backend[];
  /** Says why a backend cannot be had here (`"this browser has no WebGPU"`), or null when it can. */
  lacks(backend: Backend): Promise<string | null>;
  /** Makes the engine ready with a backend, so that a `load` that is timed pays for the artifact alone. */
  prepare(options: LoadOptions): Promise<void>;
  /** How many tensors are held, and their bytes, for an engine that counts them. */
  held?(): { readonly tensors: number; readonly bytes: number };
  /** Opens an artifact by the path of its first file. Rejects when it is no artifact that this engine can run. */
  load(path: string, read: ReadFile, options: LoadOptions): Promise<Session>;
}

/** Gives an engine; its code is loaded when it is asked for. */
export async function engineOf(name: EngineName): Promise<Engine> {
  switch (name) {
    case "tfjs":
      return (await import("./engines/tfjs.ts")).tfjs;
    case "litertjs":
      return (await import("./engines/litertjs.ts")).litertjs;
    case "onnxruntime-web":
      return (await import("./engines/onnxruntime.ts")).onnxruntimeWeb;
  }
}
