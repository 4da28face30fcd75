/** `evidence/ladder.json`: in which order a device tries the artifacts. The rules are those of `fallback/rules.py`. */

import { REFERENCE } from "./manifest.ts";
import { float, integer, list, may, must, oneOf, orNull, struct, text } from "./schema.ts";
import { readVersioned } from "./versioned.ts";

export const LADDER_PATH = "evidence/ladder.json";
/** What answers for the original where nothing was measured. */
export const REFERENCE_RUNTIME = "onnxruntime-web/wasm";
const SCHEMA_VERSION = "1.0";

/** Tiers of evidence, the most trustworthy first. */
export const TIERS = ["measured-device", "measured-host", "emulated", "estimated", "not-run"] as const;
export type Evidence = (typeof TIERS)[number];

/** One way to answer: an artifact on a runtime (`tfjs/wasm`) with a number of threads. */
export interface Rung {
  readonly artifact: string;
  readonly runtime: string;
  readonly threads: number;
  /** p50 of one call for one row, the worst of the family's devices; null when it was not measured. */
  readonly latency_ms: number | null;
  readonly size_bytes: number;
}

/** The rungs of a family of devices, the best first, the reference last. */
export interface Ladder {
  readonly kind: string;
  readonly os: string;
  readonly arch: string;
  readonly evidence: Evidence;
  readonly rungs: readonly Rung[];
}

interface Ladders {
  readonly schema_version: string;
  readonly ladders: readonly Ladder[];
  readonly critical: readonly string[];
}

const rung = struct<Rung>({
  artifact: must(text),
  runtime: must(text),
  threads: must(integer),
  latency_ms: must(orNull(float)),
  size_bytes: must(integer),
});
const ladder = struct<Ladder>(
  {
    kind: must(text),
    os: must(text),
    arch: must(text),
    evidence: must(oneOf(...TIERS)),
    rungs: must(list(rung)),
  },
  checkLadder,
);
const laddersType = struct<Ladders>(
  {
    schema_version: may(text, SCHEMA_VERSION),
    ladders: must(list(ladder)),
    critical: may(list(text), []),
  },
  checkLadders,
);

/** Reads ladders; throws a `TrustError` when they are none that can be read here. */
export function parseLadders(data: Uint8Array, where: string = LADDER_PATH): readonly Ladder[] {
  return readVersioned(data, laddersType, SCHEMA_VERSION, where).ladders;
}

/** `tfjs-fp32@tfjs/wasm×1`: what a record remembers a rung by. */
export function rungKey({ artifact, runtime, threads }: Rung): string {
  return `${artifact}@${runtime}×${threads}`;
}

/** `browser web wasm32`. */
export function familyOf({ kind, os, arch }: Ladder): string {
  return `${kind} ${os} ${arch}`;
}

/** Gives the ladder of a family that was never measured: the reference alone. */
export function lastResort(size_bytes: number): Ladder {
  const only: Rung = { artifact: REFERENCE, runtime: REFERENCE_RUNTIME, threads: 1, latency_ms: null, size_bytes };
  return { kind: "any", os: "any", arch: "any", evidence: "not-run", rungs: [only] };
}

function checkLadder({ rungs, evidence }: Ladder): void {
  const names = rungs.map((item) => item.artifact);
  if (names.indexOf(REFERENCE) !== names.length - 1 || names.length === 0) {
    throw new Error(`a ladder ends with the reference, once; got ${names.join(", ")}`);
  }
  const keys = rungs.map(rungKey);
  if (new Set(keys).size !== keys.length) throw new Error(`a rung stands twice on the ladder: ${keys.join(", ")}`);
  if (evidence === "not-run" && keys.length > 1) throw new Error("rungs of evidence `not-run`");
}

function checkLadders({ ladders }: Ladders): void {
  const which = ladders.map((item) => `${familyOf(item)} ${item.evidence}`);
  if (new Set(which).size !== which.length) {
    throw new Error(`two ladders for one family and tier: ${which.join(", ")}`);
  }
}
