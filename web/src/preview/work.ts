/** The worker of the page: it holds one artifact and runs it, so that the page itself stays responsive. */

import { engineOf, type Session } from "../engine.ts";
import type { Tensors } from "../tensor.ts";
import { checkInputs, runAdapted } from "../fallback/interface.ts";
import type { Signature } from "../fallback/spec.ts";
import { fetchBytes, SITE, type Choice } from "./catalog.ts";
import type { Answer, Ask, Lacking, Opened, Ran } from "./messages.ts";

interface Open {
  readonly session: Session;
  readonly choice: Choice;
  readonly original: Signature;
}

const PROGRESS_MS = 200;

let held: Open | null = null;

function current(): Open {
  if (held === null) throw new Error("no artifact is loaded");
  return held;
}

async function lacks({ engine: name }: Ask & { ask: "lacks" }): Promise<Lacking> {
  const engine = await engineOf(name);
  const found: [string, string | null][] = [];
  for (const backend of engine.backends) found.push([backend, await engine.lacks(backend)]);
  return Object.fromEntries(found);
}

async function open({ choice, original, backend, threads }: Ask & { ask: "open" }): Promise<Opened> {
  if (choice.engine === null) throw new Error(choice.reason ?? "no engine runs it");
  const engine = await engineOf(choice.engine);
  const options = { backend, threads, optimize: choice.optimize, assets: new URL("assets/", SITE).href };
  await engine.prepare(options);
  const first = choice.files[0]?.path ?? "";
  const began = performance.now();
  const session = await engine.load(first, (path) => fetchBytes(`bundle/${path}`), options);
  const loadMs = performance.now() - began;
  held = { session, choice, original };
  return { engine: engine.name, version: engine.version, backend, threads, loadMs };
}

/** Runs once. The time is that of the engine alone; bringing tensors into the artifact's own form is not in it. */
async function run(inputs: Tensors): Promise<Ran> {
  const { session, choice, original } = current();
  checkInputs(original, inputs);
  let ms = 0;
  const timed = async (taken: Tensors): Promise<Tensors> => {
    const began = performance.now();
    const given = await session.run(taken);
    ms += performance.now() - began;
    return given;
  };
  const outputs = await runAdapted(timed, { original, artifact: choice.signature }, inputs);
  return { outputs, ms };
}

async function measure(inputs: Tensors, runs: number): Promise<readonly number[]> {
  const ms: number[] = [];
  let told = performance.now();
  while (ms.length < runs) {
    ms.push((await run(inputs)).ms);
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      postMessage({ done: "progress", runs: ms.length } satisfies Answer);
    }
  }
  return ms;
}

async function answer(ask: Ask): Promise<Answer> {
  switch (ask.ask) {
    case "lacks":
      return { done: "lacks", lacking: await lacks(ask) };
    case "open":
      return { done: "open", opened: await open(ask) };
    case "run":
      return { done: "run", ran: await run(ask.inputs) };
    case "measure":
      return { done: "measure", ms: await measure(ask.inputs, ask.runs) };
  }
}

/** Answers a message of the page. */
export async function hear({ data }: MessageEvent<Ask>): Promise<void> {
  try {
    postMessage(await answer(data));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    postMessage({ done: "failed", message } satisfies Answer);
  }
}
