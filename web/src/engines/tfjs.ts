/** TensorFlow.js: graph models on wasm, WebGL, WebGPU and plain JavaScript. */

import * as converter from "@tensorflow/tfjs-converter";
import { OperationMapper } from "@tensorflow/tfjs-converter/dist/operations/operation_mapper";
import * as tf from "@tensorflow/tfjs-core";
import type { Backend, Engine, LoadOptions, ReadFile, Session } from "../engine.ts";
import { elementCount, type Tensor, type Tensors } from "../tensor.ts";

/** What TF.js computes with and numbers of a signature can be. */
type Kind = "float32" | "int32" | "bool";

const KINDS: Readonly<Record<string, Kind>> = { DT_FLOAT: "float32", DT_INT32: "int32", DT_BOOL: "bool" };
const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, float16: 2, uint8: 1, uint16: 2 };

/** A tensor of a signature: its reference in the graph, its dtype and static shape. */
interface Place {
  readonly reference: string;
  readonly dtype: Kind;
  readonly shape: readonly number[];
}

/** Operators whose results are as long as the data has it: TF.js waits for the numbers, so such a graph is run so too. */
const ASYNCHRONOUS: ReadonlySet<string> = new Set(["NonMaxSuppressionV4", "NonMaxSuppressionV5", "Where"]);

let wasmThreads: number | null = null;

/** Loads a backend's code and makes it the one that computes. */
async function use(backend: Backend, { threads, assets }: LoadOptions): Promise<void> {
  const missing = await tfjs.lacks(backend);
  if (missing !== null) throw new Error(missing);
  if (backend !== "wasm" && threads !== 1) throw new Error(`TF.js computes on ${backend} without threads of its own`);
  switch (backend) {
    case "wasm":
      await useWasm(threads, assets);
      break;
    case "cpu":
      await import("@tensorflow/tfjs-backend-cpu");
      break;
    case "webgl": // what is small it computes in plain JavaScript, as the package `@tensorflow/tfjs` has it
      await Promise.all([import("@tensorflow/tfjs-backend-cpu"), import("@tensorflow/tfjs-backend-webgl")]);
      break;
    case "webgpu":
      await Promise.all([import("@tensorflow/tfjs-backend-cpu"), import("@tensorflow/tfjs-backend-webgpu")]);
      break;
  }
  if (!(await tf.setBackend(backend))) throw new Error(`TF.js cannot start its backend ${backend} here`);
}

async function useWasm(threads: number, assets: string): Promise<void> {
  if (wasmThreads !== null) {
    if (wasmThreads !== threads) throw new Error(`TF.js runs with ${wasmThreads} threads here already, not ${threads}`);
    return;
  }
  const wasm = await import("@tensorflow/tfjs-backend-wasm");
  // One thread needs no pool of workers: the variant without threads is the same code.
  if (threads === 1) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  else if (!(await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT"))) {
    throw new Error(`TF.js has no threads here, ${threads} are asked for (a page needs cross-origin isolation)`);
  }
  wasm.setWasmPaths(`${assets}tfjs/`);
  wasm.setThreadsCount(threads);
  wasmThreads = threads;
}

async function lacks(backend: Backend): Promise<string | null> {
  switch (backend) {
    case "wasm":
    case "cpu":
      return null;
    case "webgl": {
      if (tf.env().getBool("IS_NODE")) return "Node has no WebGL";
      await import("@tensorflow/tfjs-backend-webgl");
      if (!tf.env().getBool("HAS_WEBGL")) return "this browser has no WebGL";
      return tf.env().getBool("WEBGL_RENDER_FLOAT32_CAPABLE") ? null : "WebGL computes in halves only here";
    }
    case "webgpu": {
      const gpu = "navigator" in globalThis ? (globalThis.navigator as Partial<Navigator>).gpu : undefined;
      if (gpu === undefined) return tf.env().getBool("IS_NODE") ? "Node has no WebGPU" : "this browser has no WebGPU";
      return (await gpu.requestAdapter()) === null ? "WebGPU finds no adapter here" : null;
    }
  }
}

/** Reads `model.json` and the shards that it names, and checks that each byte is there and none too many. */
async function readArtifacts(path: string, read: ReadFile): Promise<tf.io.ModelArtifacts> {
  const json = parse(path, await read(path));
  const { modelTopology, weightsManifest } = json;
  if (!Array.isArray((modelTopology as { node?: unknown } | undefined)?.node) || !Array.isArray(weightsManifest)) {
    throw new Error(`${path}: it is no graph model`);
  }
  checkGraph(path, json);
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const weightSpecs: tf.io.WeightsManifestEntry[] = [];
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
  return { ...json, weightSpecs, weightData } as tf.io.ModelArtifacts;
}

/** TF.js itself would find these at the first run, or never. */
function checkGraph(path: string, json: tf.io.ModelJSON): void {
  const { nodes, weights } = namesOf(json);
  const known = (OperationMapper.Instance as unknown as { opMappers: Record<string, unknown> }).opMappers;
  for (const [name, { op, input }] of nodes) {
    if (!(op in known)) throw new Error(`${path}: node ${name}: TF.js has no operator ${op}`);
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

function namesOf(json: tf.io.ModelJSON): { nodes: Map<string, GraphNode>; weights: Set<string> } {
  const { node } = json.modelTopology as { node: readonly GraphNode[] };
  const weights = json.weightsManifest.flatMap((group) => group.weights.map(({ name }) => name));
  return { nodes: new Map(node.map((item) => [item.name, item])), weights: new Set(weights) };
}

/** The node in a reference: `name`, `name:output`, or `^name` for an order alone. */
function nodeOf(reference: string): string {
  return reference.replace(/^\^/, "").replace(/:.*$/, "");
}

function parse(path: string, bytes: Uint8Array): tf.io.ModelJSON {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Error(`${path}: it is no JSON: ${String(error)}`);
  }
  if (typeof json !== "object" || json === null) throw new Error(`${path}: it is no graph model`);
  return json as tf.io.ModelJSON;
}

function bytesHeld(path: string, weight: tf.io.WeightsManifestEntry): number {
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

function placesOf(path: string, side: unknown, which: string): ReadonlyMap<string, Place> {
  const entries = Object.entries((side ?? {}) as Record<string, { name: string; dtype: string; tensorShape?: unknown }>);
  return new Map(
    entries.map(([name, info]) => {
      const dtype = KINDS[info.dtype];
      const dim = (info.tensorShape as { dim?: { size: string }[] } | undefined)?.dim ?? [];
      const shape = dim.map(({ size }) => Number(size));
      if (dtype === undefined) throw new Error(`${path}: ${which} ${name} is ${info.dtype}`);
      if (!shape.every((size) => Number.isInteger(size) && size >= 0)) {
        throw new Error(`${path}: ${which} ${name} has an open shape`);
      }
      return [name, { reference: info.name, dtype, shape }];
    }),
  );
}

class TfjsSession implements Session {
  readonly #model: converter.GraphModel;
  readonly #backend: Backend;
  readonly #inputs: ReadonlyMap<string, Place>;
  readonly #outputs: ReadonlyMap<string, Place>;
  readonly #asynchronous: boolean;

  constructor(path: string, model: converter.GraphModel, backend: Backend, artifacts: tf.io.ModelArtifacts) {
    const signature = (artifacts.signature ?? {}) as Record<string, unknown>;
    const { node } = artifacts.modelTopology as { node: readonly { op: string }[] };
    this.#model = model;
    this.#backend = backend;
    this.#inputs = placesOf(path, signature["inputs"], "input");
    this.#outputs = placesOf(path, signature["outputs"], "output");
    this.#asynchronous = node.some(({ op }) => ASYNCHRONOUS.has(op));
    if (!this.#outputs.size) throw new Error(`${path}: its signature has no outputs`);
  }

  async run(inputs: Tensors): Promise<Tensors> {
    checkInputs(this.#inputs, inputs);
    await this.#select();
    const fed: Record<string, tf.Tensor> = {};
    let results: readonly tf.Tensor[] = [];
    try {
      for (const [name, { reference, dtype, shape }] of this.#inputs) {
        fed[reference] = tf.tensor((inputs[name] as Tensor).data as Float32Array, [...shape], dtype);
      }
      const references = [...this.#outputs.values()].map(({ reference }) => reference);
      const given = this.#asynchronous
        ? await this.#model.executeAsync(fed, references)
        : this.#model.execute(fed, references);
      results = Array.isArray(given) ? given : [given];
      return await this.#read(results);
    } finally {
      this.#letGo([...results, ...Object.values(fed)]);
    }
  }

  /** Another session may have made another backend the current one. */
  async #select(): Promise<void> {
    if (tf.getBackend() !== this.#backend) await tf.setBackend(this.#backend);
  }

  async #read(results: readonly tf.Tensor[]): Promise<Tensors> {
    const names = [...this.#outputs.keys()];
    const outputs: Record<string, Tensor> = {};
    for (const [index, name] of names.entries()) {
      const { dtype, shape } = this.#outputs.get(name) as Place;
      const result = results[index] as tf.Tensor;
      if (result.dtype !== dtype || result.shape.join() !== shape.join()) {
        throw new Error(`output ${name} came as ${result.dtype}[${result.shape}], not ${dtype}[${shape}]`);
      }
      // A copy: two outputs, or an output and an input, may be one tensor.
      outputs[name] = { dtype, shape, data: (await result.data<Kind>()).slice() };
    }
    return outputs;
  }

  #letGo(tensors: readonly tf.Tensor[]): void {
    const weights = new Set(Object.values(this.#model.weights).flat().map(({ id }) => id));
    for (const tensor of tensors) if (!weights.has(tensor.id) && !tensor.isDisposed) tensor.dispose();
  }

  async dispose(): Promise<void> {
    this.#model.dispose();
  }
}

function checkInputs(places: ReadonlyMap<string, Place>, inputs: Tensors): void {
  const wanted = [...places.keys()].sort();
  const given = Object.keys(inputs).sort();
  if (wanted.join("\0") !== given.join("\0")) {
    throw new TypeError(`the model takes ${JSON.stringify(wanted)}, got ${JSON.stringify(given)}`);
  }
  for (const [name, { dtype, shape }] of places) {
    const got = inputs[name] as Tensor;
    const fits = got.dtype === dtype && got.shape.join() === shape.join() && got.data.length === elementCount(shape);
    if (!fits) throw new TypeError(`input ${name} is ${dtype}[${shape}], got ${got.dtype}[${got.shape}]`);
  }
}

export const tfjs: Engine = {
  name: "tfjs",
  version: VERSIONS.tfjs,
  backends: ["wasm", "webgl", "webgpu", "cpu"],
  lacks,
  async prepare(options) {
    await use(options.backend, options);
  },
  held() {
    const { numTensors, numBytes } = tf.memory();
    return { tensors: numTensors, bytes: numBytes };
  },
  async load(path, read, options) {
    await use(options.backend, options);
    const artifacts = await readArtifacts(path, read);
    const model = await converter.loadGraphModel({ load: async () => artifacts });
    try {
      return new TfjsSession(path, model, options.backend, artifacts);
    } catch (error) {
      model.dispose();
      throw error;
    }
  },
};
