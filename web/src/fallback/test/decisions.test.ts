import assert from "node:assert/strict";
import test from "node:test";
import { after, rungOf, start, type Event, type Policy, type State } from "../guard.ts";
import { lastResort, rungKey, type Ladder } from "../ladder.ts";
import { choose, findLadder, type Facts } from "../select.ts";
import type { Requirements } from "../manifest.ts";
import { readJson } from "./data.ts";

interface Described {
  readonly action: string;
  readonly rung: string | null;
  readonly failures: number;
  readonly trying: string | null;
  readonly crashes: Readonly<Record<string, number>>;
}

interface Decisions {
  readonly cases: readonly {
    readonly name: string;
    readonly rungs: readonly string[];
    readonly policy: Policy;
    readonly record: { readonly trying: string | null; readonly crashes: Readonly<Record<string, number>> };
    readonly start: Described;
    readonly steps: readonly (Described & { readonly event: Event })[];
  }[];
  readonly choices: readonly {
    readonly name: string;
    readonly facts: Facts;
    readonly ladders: readonly Ladder[];
    readonly requirements: Readonly<Record<string, Partial<Requirements>>>;
    readonly reference_size_bytes: number;
    readonly ladder: number | null;
    readonly rungs: readonly string[];
    readonly passed_over: readonly { readonly rung: string; readonly reason: string }[];
  }[];
}

const { cases, choices } = readJson<Decisions>("fallback/decisions.json");
const ANY = { os: [], arch: [], accelerator: null, min_ram_bytes: 0, features: [] };

function described(state: State): Described {
  const { action, failures, record } = state;
  return { action, rung: rungOf(state), failures, trying: record.trying, crashes: record.crashes };
}

for (const item of cases) {
  test(`the guard: ${item.name}`, () => {
    let state = start(item.rungs, { release: "r", ...item.record }, item.policy);

    assert.deepEqual(described(state), item.start);
    for (const { event, ...expected } of item.steps) {
      state = after(state, event);
      assert.deepEqual(described(state), expected);
      assert.equal(state.record.release, "r");
    }
  });
}

for (const item of choices) {
  test(`the choice: ${item.name}`, () => {
    const needs = new Map(
      Object.entries(item.requirements).map(([name, some]) => [name, { ...ANY, ...some } as Requirements]),
    );
    const found = findLadder(item.ladders, item.facts);
    const ladder = found ?? lastResort(item.reference_size_bytes);

    assert.equal(found === null ? null : item.ladders.indexOf(found), item.ladder);
    if (found === null && item.facts.os !== "web") return; // the last resort of other systems is not the module's
    const choice = choose(ladder, needs, item.facts);
    assert.deepEqual(choice.rungs.map(rungKey), item.rungs);
    const passedOver = choice.passedOver.map(({ rung, reason }) => ({ rung: rungKey(rung), reason }));
    assert.deepEqual(passedOver, item.passed_over);
  });
}

const IMPOSSIBLE: readonly (readonly [readonly Event[], Event])[] = [
  [[], "answered"],
  [[], "golden-matched"],
  [["loaded"], "loaded"],
  [["loaded"], "answered"],
  [["loaded", "golden-matched"], "load-error"],
  [["loaded", "golden-matched"], "golden-mismatch"],
  [["load-error"], "loaded"],
];
for (const [path, event] of IMPOSSIBLE) {
  test(`${event} cannot follow ${path.join(", ") || "the start"}`, () => {
    let state = start(
      ["a"],
      { release: "r", trying: null, crashes: {} },
      { failures_to_step_down: 3, crashes_to_skip: 2 },
    );
    for (const step of path) state = after(state, step);

    assert.throws(() => after(state, event), /cannot follow/);
  });
}

for (const count of [0, -1, 1.5, NaN]) {
  test(`a patience of ${count} is refused`, () => {
    const record = { release: "r", trying: null, crashes: {} };
    assert.throws(() => start(["a"], record, { failures_to_step_down: count, crashes_to_skip: 2 }), /at least 1/);
    assert.throws(() => start(["a"], record, { failures_to_step_down: 3, crashes_to_skip: count }), /at least 1/);
  });
}
