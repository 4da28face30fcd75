/** The files of a TF.js graph model, read and checked before TF.js sees them. */

import { OperationMapper } from "@tensorflow/tfjs-converter/dist/operations/operation_mapper";
import type { io } from "@tensorflow/tfjs-core";
import type { ReadFile } from "../engine.ts";
import { elementCount } from "../tensor.ts";

/** How many bytes an element takes in a shard, by how it is held there. */
const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, float16: 2, uint8: 1, uint16: 2 };

/** Reads `model.json` and the shards that it names, and checks that each byte is there and none too many. */
export async function readArtifacts(path: string, read: ReadFile): Promise<io.ModelArtifacts> {
  const json = parse(path, await read(path));
  const { modelTopology, weightsManifest } = json;
  if (!Array.isArray((modelTopology as { node?: unknown } | undefined)?.node) || !Array.isArray(weightsManifest)) {
    throw new Error(`${path}: it is no graph model`);
  }
  checkGraph(path, json);
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const weightSpecs: io.WeightsManifestEntry[] = [];
  const weightData: ArrayBuffer[] = [];
  for (const group of weightsManifest) {
    const wanted = group.weights.reduce((sum, weight) => sum + bytesHeld(path, weight), 0);
    const shards = await Promise.all(group.paths.map((name) => read(folder + name)));
    const got = shards.reduce((sum, shard) => sum + shard.byteLength, 0);
    if (got !== wanted) {
      throw new Error(`${group.paths.map((name) => folder + name).join(", ")}: ${got} bytes, ${path} needs ${wanted}`);
    }
    weightSpecs.push(...group.weights);
    for (const shard of shards) weightData.push(wholeBuffer(shard));
  }
  return { ...json, weightSpecs, weightData } as io.ModelArtifacts;
}

/** TF.js itself would find these at the first run, or never. */
function checkGraph(path: string, json: io.ModelJSON): void {
  const { nodes, weights } = namesOf(json);
  const known = (OperationMapper.Instance as unknown as { opMappers: Record<string, unknown> }).opMappers;
  for (const [name, { op, input }] of nodes) {
    if (!Object.hasOwn(known, op)) throw new Error(`${path}: node ${name}: TF.js has no operator ${op}`);
    if (op === "Const" && !weights.has(name)) throw new Error(`${path}: constant ${name} has no weights`);
    const missing = (input ?? []).find((reference) => !nodes.has(nodeOf(reference)));
    if (missing !== undefined) throw new Error(`${path}: node ${name} takes ${missing}, and there is none`);
  }
  const signature = (json.signature ?? {}) as Record<string, Record<string, { name: string }> | undefined>;
  for (const [name, info] of Object.entries({ ...signature["inputs"], ...signature["outputs"] })) {
    if (!nodes.has(nodeOf(info.name))) throw new Error(`${path}: ${name} of the signature is ${info.name}, and there is none`);
  }
}

interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
}

function namesOf(json: io.ModelJSON): { nodes: Map<string, GraphNode>; weights: Set<string> } {
  const { node } = json.modelTopology as { node: readonly GraphNode[] };
  const weights = json.weightsManifest.flatMap((group) => group.weights.map(({ name }) => name));
  return { nodes: new Map(node.map((item) => [item.name, item])), weights: new Set(weights) };
}

/** The node in a reference: `name`, `name:output`, or `^name` for an order alone. */
function nodeOf(reference: string): string {
  return reference.replace(/^\^/, "").replace(/:.*$/, "");
}

function parse(path: string, bytes: Uint8Array): io.ModelJSON {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Error(`${path}: it is no JSON: ${String(error)}`);
  }
  if (typeof json !== "object" || json === null) throw new Error(`${path}: it is no graph model`);
  return json as io.ModelJSON;
}

function bytesHeld(path: string, weight: io.WeightsManifestEntry): number {
  const held = weight.quantization?.dtype ?? weight.dtype;
  const size = BYTES[held];
  if (size === undefined) throw new Error(`${path}: weight ${weight.name} is held as ${held}`);
  return elementCount(weight.shape) * size;
}

function wholeBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  const whole = byteOffset === 0 && byteLength === buffer.byteLength;
  return (whole ? buffer : bytes.slice().buffer) as ArrayBuffer;
}
