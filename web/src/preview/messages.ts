/** What the page and its worker say to each other. */

import type { Backend, EngineName } from "../engine.ts";
import type { Tensors } from "../tensor.ts";
import type { Signature } from "../fallback/spec.ts";
import type { Choice } from "./catalog.ts";

export type Ask =
  | { readonly ask: "lacks"; readonly engine: EngineName }
  | {
      readonly ask: "open";
      readonly choice: Choice;
      readonly original: Signature;
      readonly backend: Backend;
      readonly threads: number;
    }
  | { readonly ask: "run"; readonly inputs: Tensors }
  | { readonly ask: "measure"; readonly inputs: Tensors; readonly runs: number };

/** For each backend of an engine why it cannot be had here, or null. */
export type Lacking = Readonly<Partial<Record<Backend, string | null>>>;

export interface Opened {
  readonly engine: EngineName;
  readonly version: string;
  readonly backend: Backend;
  readonly threads: number;
  /** Reading the files and making the artifact ready; the engine itself was ready before. */
  readonly loadMs: number;
}

export interface Ran {
  readonly outputs: Tensors;
  readonly ms: number;
}

export type Answer =
  | { readonly done: "lacks"; readonly lacking: Lacking }
  | { readonly done: "open"; readonly opened: Opened }
  | { readonly done: "run"; readonly ran: Ran }
  | { readonly done: "progress"; readonly runs: number }
  | { readonly done: "measure"; readonly ms: readonly number[] }
  | { readonly done: "failed"; readonly message: string };
