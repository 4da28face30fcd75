/** Asks this place what it is. */

import { type EngineName, engineOf } from "../engine.ts";
import { features } from "../features.ts";
import { gpuOf } from "./gpu.ts";
import { program } from "./place.ts";
import type { Facts } from "./server.ts";

const ENGINES: readonly EngineName[] = ["tfjs", "litertjs", "onnxruntime-web"];

export async function facts({ options: { backend } }: Facts): Promise<object> {
  const engines: Record<string, { version: string; lacks: string | null }> = {};
  for (const name of ENGINES) {
    const engine = await engineOf(name);
    const lacks = engine.backends.includes(backend) ? await engine.lacks(backend) : `it does not compute on ${backend}`;
    engines[name] = { version: engine.version, lacks };
  }
  return { program: program(), features: await features(), engines, gpu: await gpuOf(backend) };
}
