/**
 * Running down the ladder: what to do when a rung fails. Pure values; the caller does the work and keeps the record.
 *
 * The caller loops: keep `state.record` when it has changed, then do what `state.action` says with the rung in use,
 * then call `after` with what happened. The rules are those of `fallback/guard.py`.
 */

/** What happened to the rung in use. */
export type Event =
  "loaded" | "golden-matched" | "answered" | "load-error" | "golden-mismatch" | "run-error" | "too-slow";

/** What the caller does next. */
export type Action = "load" | "check-golden" | "run" | "give-up";

/** How patient the guard is; both counts are at least 1. */
export interface Policy {
  /** Run errors and slow answers count together; an answer in time sets the count to 0. */
  readonly failures_to_step_down: number;
  /** Crashes in succession, before its first answer, after which a rung is passed over. */
  readonly crashes_to_skip: number;
}

/** What survives a restart. Void for another release: `release` is the digest of the manifest it belongs to. */
export interface Record {
  readonly release: string;
  /** The key of a rung that has not answered yet. */
  readonly trying: string | null;
  /** How often in succession the page died while a rung was being tried, by rung. */
  readonly crashes: Readonly<{ [rung: string]: number }>;
}

/** Where the guard stands. */
export interface State {
  readonly rungs: readonly string[];
  readonly index: number;
  readonly action: Action;
  readonly failures: number;
  readonly record: Record;
  readonly policy: Policy;
}

/** Two crashes, because the first may have been a power cut. */
export const PATIENCE: Policy = { failures_to_step_down: 3, crashes_to_skip: 2 };

const ALLOWED: Readonly<{ [action in Action]: readonly Event[] }> = {
  load: ["loaded", "load-error"],
  "check-golden": ["golden-matched", "golden-mismatch", "run-error", "too-slow"],
  run: ["answered", "run-error", "too-slow"],
  "give-up": [],
};

/** Gives the key of the rung in use; null once all have failed. */
export function rungOf(state: State): string | null {
  return state.rungs[state.index] ?? null;
}

/**
 * Begins at the first rung that has not crashed too often; the last one is tried whatever the record says.
 *
 * A record with a rung in `trying` was left by a page that died with it: that is a crash. Throws a `RangeError` when
 * the policy is not a patience.
 */
export function start(rungs: readonly string[], record: Record, policy: Policy): State {
  for (const count of [policy.failures_to_step_down, policy.crashes_to_skip]) {
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError("both counts of a policy are whole, and at least 1");
  }
  const crashes = new Map(Object.entries(record.crashes));
  if (record.trying !== null) crashes.set(record.trying, (crashes.get(record.trying) ?? 0) + 1);
  return enter(rungs, 0, { release: record.release, trying: null, crashes: Object.fromEntries(crashes) }, policy);
}

/** Gives the state after an event; throws a `RangeError` when the event cannot follow the action that was asked for. */
export function after(state: State, event: Event): State {
  if (!ALLOWED[state.action].includes(event)) throw new RangeError(`${event} cannot follow ${state.action}`);
  switch (event) {
    case "loaded":
      return { ...state, action: "check-golden" };
    case "golden-matched":
      return { ...state, action: "run" };
    case "answered":
      return { ...state, failures: 0, record: survived(state) };
  }
  if (state.action === "run" && state.failures + 1 < state.policy.failures_to_step_down) {
    return { ...state, failures: state.failures + 1 };
  }
  return enter(state.rungs, state.index + 1, state.record, state.policy);
}

function survived({ record, rungs, index }: State): Record {
  const crashes = Object.entries(record.crashes).filter(([key]) => key !== rungs[index]);
  return { release: record.release, trying: null, crashes: Object.fromEntries(crashes) };
}

function enter(rungs: readonly string[], from: number, record: Record, policy: Policy): State {
  const crashes = new Map(Object.entries(record.crashes));
  let index = from;
  while (index < rungs.length - 1 && (crashes.get(rungs[index] as string) ?? 0) >= policy.crashes_to_skip) index += 1;
  const trying = rungs[index] ?? null;
  return {
    rungs,
    index,
    action: trying === null ? "give-up" : "load",
    failures: 0,
    record: { ...record, trying },
    policy,
  };
}
