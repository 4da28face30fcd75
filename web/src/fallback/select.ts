/**
 * Which rungs of a ladder this browser can run, and why not the others. The rules are those of `fallback/select.py`.
 */

import { TIERS, type Ladder, type Rung } from "./ladder.ts";
import type { Requirements } from "./manifest.ts";
import { isAtLeast } from "./version.ts";

/** What a device is. */
export interface Facts {
  readonly kind: string;
  readonly arch: string;
  readonly os: string;
  readonly cpu: string;
  readonly features: readonly string[];
  readonly cores: number;
  readonly ram_bytes: number;
  /** Runtime (`tfjs/wasm`) → version. */
  readonly runtimes: Readonly<Record<string, string>>;
}

/** A rung that the device cannot run, with the reason. */
export interface PassedOver {
  readonly rung: Rung;
  readonly reason: string;
}

/** The rungs that a device can run, in the order of the ladder, and those it cannot. */
export interface Choice {
  readonly rungs: readonly Rung[];
  readonly passedOver: readonly PassedOver[];
}

/** Gives the rungs that a device can run; `requirements` maps artifact names to what they need. */
export function choose(ladder: Ladder, requirements: ReadonlyMap<string, Requirements>, facts: Facts): Choice {
  const rungs: Rung[] = [];
  const passedOver: PassedOver[] = [];
  for (const rung of ladder.rungs) {
    const needs = requirements.get(rung.artifact);
    const reason = needs === undefined ? "the bundle has no such artifact" : lacking(rung, needs, facts);
    if (reason === null) rungs.push(rung);
    else passedOver.push({ rung, reason });
  }
  return { rungs, passedOver };
}

/** Gives the ladder for a device: its own kind's before another's of its os and arch, the best evidence first. */
export function findLadder(ladders: readonly Ladder[], facts: Facts): Ladder | null {
  const rank = (ladder: Ladder) => [Number(ladder.kind !== facts.kind), TIERS.indexOf(ladder.evidence)] as const;
  const fitting = ladders.filter(({ os, arch }) => os === facts.os && arch === facts.arch);
  fitting.sort((left, right) => {
    const [a, b] = [rank(left), rank(right)];
    return a[0] - b[0] || a[1] - b[1] || (left.kind < right.kind ? -1 : Number(left.kind > right.kind));
  });
  return fitting[0] ?? null;
}

function lacking(rung: Rung, needs: Requirements, facts: Facts): string | null {
  if (needs.os.length > 0 && !needs.os.includes(facts.os)) {
    return `needs os ${needs.os.join(" or ")}, this is ${facts.os}`;
  }
  if (needs.arch.length > 0 && !needs.arch.includes(facts.arch)) {
    return `needs arch ${needs.arch.join(" or ")}, this is ${facts.arch}`;
  }
  if (needs.min_ram_bytes > facts.ram_bytes) {
    return `needs ${needs.min_ram_bytes} bytes of RAM, this has ${facts.ram_bytes}`;
  }
  if (needs.accelerator !== null && !facts.features.includes(needs.accelerator)) {
    return `needs the accelerator ${needs.accelerator}`;
  }
  const missing = needs.features.filter((feature) => !facts.features.includes(feature));
  if (missing.length > 0) return `needs a CPU with ${missing.join(", ")}`;
  const installed = Object.hasOwn(facts.runtimes, rung.runtime) ? facts.runtimes[rung.runtime] : undefined;
  if (installed === undefined) return `needs ${rung.runtime}, not installed`;
  const engine = rung.runtime.split("/")[0];
  if (engine === needs.runtime && !isAtLeast(installed, needs.min_runtime_version)) {
    return `needs ${rung.runtime} ${needs.min_runtime_version} or newer, ${installed} is installed`;
  }
  return null;
}
