/**
 * `content/manifest.json`: what a bundle is. No I/O here.
 *
 * The rules are those of `bundle/manifest.py`; fields are called as in the file, see `docs/reference/bundle.md`.
 */

import { digestBytes } from "./digest.ts";
import { TrustError } from "./errors.ts";
import { compareCodePoints } from "./json.ts";
import { checkPaths } from "./paths.ts";
import { bool, float, integer, list, may, must, oneOf, orNull, struct, table, text } from "./schema.ts";
import { signatureJson, signatureType, type Signature } from "./spec.ts";
import { isVersion } from "./version.ts";
import { readVersioned } from "./versioned.ts";

export const MANIFEST_PATH = "content/manifest.json";
export const GOLDEN_INPUTS = "content/golden/inputs";
export const GOLDEN_OUTPUTS = "content/golden/outputs";
/** The name of the artifact that is the original model. */
export const REFERENCE = "reference";
const SCHEMA_VERSION = "1.0";

export interface File {
  readonly path: string;
  readonly sha256: string;
  readonly size_bytes: number;
}

/** What a device must have to run an artifact. Empty means any. */
export interface Requirements {
  readonly runtime: string;
  readonly min_runtime_version: string;
  readonly os: readonly string[];
  readonly arch: readonly string[];
  readonly accelerator: string | null;
  readonly min_ram_bytes: number;
  /** What the CPU must be able to do. */
  readonly features: readonly string[];
}

interface NodeCoverage {
  readonly node: string;
  readonly op: string;
  readonly handling: "native" | "decomposed" | "refused";
  readonly detail: string;
}

interface Note {
  readonly step: string;
  readonly where: string;
  readonly text: string;
}

/** One step of a recipe that learned; see `vocabulary/training.py`. */
interface TrainingRecord {
  readonly step: string;
  readonly options: string;
  readonly data: string;
  readonly rows: number;
  readonly labelled: boolean;
  readonly teacher: string;
  readonly seed: number;
  readonly steps: number;
  readonly planned: number;
  readonly kept: number;
  readonly metric: Measured;
  readonly threads: number;
  readonly stopped: string;
}

/** A figure on the rows that training held back, before and after. */
interface Measured {
  readonly name: string;
  readonly before: number;
  readonly after: number;
  readonly rows: number;
}

/** What a target made of the model; `files[0]` is the one that a runtime opens. */
export interface Artifact {
  readonly target: string;
  readonly variant: string;
  readonly precision: string;
  readonly format: string;
  readonly files: readonly File[];
  readonly requires: Requirements;
  readonly signature: Signature;
  readonly narrowed: ReadonlyMap<string, string>;
  readonly coverage: { readonly nodes: readonly NodeCoverage[] };
  readonly ops: ReadonlyMap<string, number>;
  readonly toolchain: ReadonlyMap<string, string>;
  readonly notes: readonly Note[];
  /** What must be known of it wherever it is shown. */
  readonly labels: readonly ("untuned" | "to-be-built")[];
  /** What its weights have learned since the model was imported. */
  readonly training: readonly TrainingRecord[];
}

export type ToleranceKind = "max_abs" | "max_abs_scaled" | "psnr_db" | "equal_fraction" | "snr_db" | "cosine";

/** The bound that an output of an artifact was held to, and is held to again on the golden vectors. */
export interface Tolerance {
  readonly kind: ToleranceKind;
  readonly bound: number;
}

/** The golden vectors: inputs with the original's outputs; the first axis of every array counts the rows. */
export interface Golden {
  readonly kind: "synthetic" | "rows";
  readonly rows: number;
  /** Whether the first axis is the inputs' own, or a row goes into a call without it. */
  readonly batched: boolean;
  /** Artifact → output → bounds. */
  readonly tolerances: ReadonlyMap<string, ReadonlyMap<string, readonly Tolerance[]>>;
}

export interface Update {
  readonly name: string;
  readonly version: string;
  readonly files: readonly File[];
  readonly requirements: ReadonlyMap<string, Requirements>;
  readonly interface: string;
}

export interface Manifest {
  readonly schema_version: string;
  readonly name: string;
  readonly version: string;
  readonly source_digest: string;
  /** How the original is called, and so how this module is called. */
  readonly signature: Signature;
  readonly artifacts: readonly Artifact[];
  readonly golden: Golden;
  readonly update: Update;
  readonly critical: readonly string[];
}

const file = struct<File>({ path: must(text), sha256: must(text), size_bytes: must(integer) });
const requirements = struct<Requirements>({
  runtime: must(text),
  min_runtime_version: must(text),
  os: may(list(text), []),
  arch: may(list(text), []),
  accelerator: may(orNull(text), null),
  min_ram_bytes: may(integer, 0),
  features: may(list(text), []),
});
const nodeCoverage = struct<NodeCoverage>({
  node: must(text),
  op: must(text),
  handling: must(oneOf("native", "decomposed", "refused")),
  detail: may(text, ""),
});
const trainingRecord = struct<TrainingRecord>({
  step: must(text),
  options: must(text),
  data: must(text),
  rows: must(integer),
  labelled: must(bool),
  teacher: must(text),
  seed: must(integer),
  steps: must(integer),
  planned: must(integer),
  kept: must(integer),
  metric: must(struct<Measured>({ name: must(text), before: must(float), after: must(float), rows: must(integer) })),
  threads: must(integer),
  stopped: may(text, ""),
});
const artifactType = struct<Artifact>({
  target: must(text),
  variant: must(text),
  precision: must(text),
  format: must(text),
  files: must(list(file)),
  requires: must(requirements),
  signature: must(signatureType),
  narrowed: must(table(text)),
  coverage: must(struct<Artifact["coverage"]>({ nodes: must(list(nodeCoverage)) })),
  ops: must(table(integer)),
  toolchain: must(table(text)),
  notes: may(list(struct<Note>({ step: must(text), where: must(text), text: must(text) })), []),
  labels: may(list(oneOf("untuned", "to-be-built")), []),
  training: may(list(trainingRecord), []),
});
const tolerance = struct<Tolerance>({
  kind: must(oneOf("max_abs", "max_abs_scaled", "psnr_db", "equal_fraction", "snr_db", "cosine")),
  bound: must(float),
});
const golden = struct<Golden>({
  kind: must(oneOf("synthetic", "rows")),
  rows: must(integer),
  batched: must(bool),
  tolerances: must(table(table(list(tolerance)))),
});
const update = struct<Update>({
  name: must(text),
  version: must(text),
  files: must(list(file)),
  requirements: must(table(requirements)),
  interface: must(text),
});
const manifestType = struct<Manifest>(
  {
    schema_version: must(text),
    name: must(text),
    version: must(text),
    source_digest: must(text),
    signature: must(signatureType),
    artifacts: must(list(artifactType)),
    golden: must(golden),
    update: must(update),
    critical: may(list(text), []),
  },
  check,
);

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** Semantic Versioning 2.0.0, its own grammar. */
const SEMVER = new RegExp(
  "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)" +
    "(-((0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(\\.(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?" +
    "(\\+([0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*))?$",
);

/**
 * Reads a manifest.
 *
 * Throws a `TrustError` when it is no manifest, is of another major version, or holds what this reader must know and
 * does not. The message says where.
 */
export async function parseManifest(data: Uint8Array, where: string = MANIFEST_PATH): Promise<Manifest> {
  const manifest = readVersioned(data, manifestType, SCHEMA_VERSION, where);
  const digest = await digestBytes(new TextEncoder().encode(signatureJson(manifest.signature)));
  if (manifest.update.interface !== digest) {
    throw new TrustError(`${where}: the top level: update.interface is not the digest of the signature`);
  }
  return manifest;
}

/** Gives the name of an artifact: `tflite-fp16`, `onnxruntime-fp32-ort`. */
export function artifactName(artifact: Artifact): string {
  return [artifact.target, artifact.variant, artifact.format].filter(Boolean).join("-");
}

/** Gives the artifact of a name; throws a `RangeError` when there is none. */
export function artifactOf(manifest: Manifest, name: string): Artifact {
  const found = manifest.artifacts.find((artifact) => artifactName(artifact) === name);
  if (found === undefined) throw new RangeError(`the bundle has no artifact ${name}`);
  return found;
}

function check(manifest: Manifest): void {
  if (!NAME.test(manifest.name)) throw new Error("name: expected letters, digits, `.`, `_` or `-`, at most 100");
  if (!isReleaseVersion(manifest.version)) throw new Error("version: expected a version such as `1.0.0`");
  if (!SHA256.test(manifest.source_digest)) {
    throw new Error("source_digest: no SHA-256 in lower-case hexadecimal");
  }
  checkFiles(manifest);
  checkAgreement(manifest);
}

function isReleaseVersion(version: string): boolean {
  const plain = version.length <= 100 && /^[\x21-\x7e]+$/.test(version);
  return plain && (SEMVER.test(version) || isVersion(version));
}

function checkFiles({ update: { files }, artifacts }: Manifest): void {
  const paths = files.map((item) => item.path);
  checkPaths([MANIFEST_PATH, ...paths]);
  if ([...paths].sort(compareCodePoints).join("\n") !== paths.join("\n")) {
    throw new Error("update.files is not in order");
  }
  for (const item of files) {
    if (!item.path.startsWith("content/")) throw new Error(`update.files: '${item.path}' is not under content/`);
    if (!SHA256.test(item.sha256)) {
      throw new Error(`update.files: '${item.path}': no SHA-256 in lower-case hexadecimal`);
    }
    if (item.size_bytes < 0) throw new Error(`update.files: '${item.path}': a negative size`);
  }
  const known = new Map(files.map((item) => [item.path, item]));
  for (const artifact of artifacts) {
    if (artifact.files.length === 0) throw new Error(`artifact ${artifactName(artifact)} has no file`);
    for (const item of artifact.files) {
      const listed = known.get(item.path);
      if (listed?.sha256 !== item.sha256 || listed.size_bytes !== item.size_bytes) {
        throw new Error(`artifact ${artifactName(artifact)}: a file that update.files does not list so`);
      }
    }
  }
}

function checkAgreement(manifest: Manifest): void {
  const { artifacts, update: own } = manifest;
  const names = artifacts.map(artifactName);
  if (new Set(names).size !== names.length || !names.includes(REFERENCE)) {
    throw new Error(`expected artifacts of different names, one of them \`reference\`, got ${names.join(", ")}`);
  }
  if (own.name !== manifest.name || own.version !== manifest.version) {
    throw new Error("update: another name or version than the bundle's");
  }
  const agree = artifacts.every((item) => sameNeeds(own.requirements.get(artifactName(item)), item.requires));
  if (!agree || own.requirements.size !== names.length) {
    throw new Error("update.requirements: other requirements than the artifacts'");
  }
  if (manifest.golden.rows < 1) throw new Error("golden: no rows");
  checkTolerances(manifest, names);
}

function checkTolerances({ golden: { tolerances }, signature }: Manifest, names: readonly string[]): void {
  const outputs = new Set(signature.outputs.map((spec) => spec.name));
  if (tolerances.size !== names.length || !names.every((name) => tolerances.has(name))) {
    throw new Error("golden.tolerances: not exactly one entry for each artifact");
  }
  for (const [name, bounds] of tolerances) {
    const complete = bounds.size === outputs.size && [...bounds.keys()].every((output) => outputs.has(output));
    if (!complete || [...bounds.values()].some((list) => list.length === 0)) {
      throw new Error(`golden.tolerances.${name}: not a bound for each output`);
    }
  }
}

function sameNeeds(left: Requirements | undefined, right: Requirements): boolean {
  const key = (needs: Requirements) =>
    JSON.stringify([
      needs.runtime,
      needs.min_runtime_version,
      needs.os,
      needs.arch,
      needs.accelerator,
      needs.min_ram_bytes,
      needs.features,
    ]);
  return left !== undefined && key(left) === key(right);
}
