/** What `bundle.json` says of the bundle that is previewed; `pipeline/preview/catalog.py` writes it. */

import type { EngineName } from "../engine.ts";
import type { Tolerance } from "../fallback/manifest.ts";
import type { Signature, TensorSpec } from "../fallback/spec.ts";
import type { DType } from "../tensor.ts";

export interface TensorFacts {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** What the report says of an artifact on one device. */
export interface Seen {
  readonly device: string;
  readonly runtime: string;
  readonly threads: number;
  readonly evidence: string;
  readonly verdict: "pass" | "fail" | "not-run";
  readonly p50_ms: number | null;
  readonly max_abs: number | null;
  readonly reasons: readonly string[];
}

/** An artifact; without an engine `reason` says why a browser cannot run it. */
export interface Choice {
  readonly name: string;
  readonly target: string;
  readonly variant: string;
  readonly precision: string;
  readonly size_bytes: number;
  readonly files: readonly { readonly path: string }[];
  readonly runtime: string;
  readonly engine: EngineName | null;
  readonly reason: string | null;
  readonly optimize: boolean;
  readonly signature: Signature;
  readonly tolerances: Readonly<Record<string, readonly Tolerance[]>>;
  readonly seen: readonly Seen[];
}

/** What can be given for an input besides rows; a reason says why not. */
export interface InputKinds {
  readonly no_picture: string | null;
  readonly no_recording: string | null;
  readonly samples: number | null;
}

export interface RowSet {
  readonly calls: number;
  readonly rows: number;
  readonly inputs: readonly TensorFacts[];
  readonly outputs: readonly TensorFacts[] | null;
  readonly largest: Readonly<Record<string, number>>;
  readonly labels: TensorFacts | null;
}

export interface Catalog {
  readonly name: string;
  readonly version: string;
  readonly signed_by: string;
  readonly signature: Signature;
  readonly kinds: Readonly<Record<string, InputKinds>>;
  readonly choices: readonly Choice[];
  readonly start: {
    readonly artifact: string;
    readonly runtime: string | null;
    readonly threads: number;
    readonly why: string;
  } | null;
  readonly sets: Readonly<Record<string, RowSet>>;
}

/** Where the site's paths begin: the folder above the page's own files. */
export const SITE = new URL("../", import.meta.url);

/** Fetches a path of the site; rejects with the server's own words when it refuses. */
export async function fetchBytes(path: string): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(new URL(path.split("/").map(encodeURIComponent).join("/"), SITE));
  } catch {
    throw new Error("the preview does not answer any more: has `edgewright preview` ended?");
  }
  if (!response.ok) throw new Error((await response.text()).trim() || `${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

export async function fetchCatalog(): Promise<Catalog> {
  const catalog = JSON.parse(new TextDecoder().decode(await fetchBytes("bundle.json"))) as Catalog;
  return {
    ...catalog,
    signature: completed(catalog.signature),
    choices: catalog.choices.map((choice) => ({ ...choice, signature: completed(choice.signature) })),
  };
}

/** What a signature leaves out is what it would say by default. */
const DEFAULTS = { layout: null, range: null, preprocess: null, labels: null, state: null, quantization: null, known_as: null };

function completed({ inputs, outputs }: Signature): Signature {
  const complete = (spec: TensorSpec): TensorSpec => ({
    ...DEFAULTS,
    ...spec,
    preprocess: spec.preprocess ? { ...{ scale: [1], bias: [0], colour: null }, ...spec.preprocess } : null,
  });
  return { inputs: inputs.map(complete), outputs: outputs.map(complete) };
}
