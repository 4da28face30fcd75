/** An engine made ready. */

import { type Engine, type EngineName, engineOf, type LoadOptions } from "../engine.ts";

/** Gives an engine that is ready to load; rejects with a sentence when the backend cannot be had here. */
export async function open(name: EngineName, options: LoadOptions): Promise<Engine> {
  const engine = await engineOf(name);
  const missing = await engine.lacks(options.backend);
  if (missing !== null) throw new Error(`${name} cannot compute on ${options.backend}: ${missing}`);
  await engine.prepare(options);
  return engine;
}
