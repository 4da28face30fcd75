/** TensorFlow.js: graph models on wasm, WebGL, WebGPU and plain JavaScript. */

import * as converter from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import type { Backend, Engine, LoadOptions, Session } from "../engine.ts";
import { elementCount, type Tensor, type Tensors } from "../tensor.ts";
import { onDevice } from "./on_device.ts";
import { readArtifacts } from "./tfjs_files.ts";
import { type Kernels, startWasm } from "./tfjs_wasm.ts";

/** What TF.js computes with and numbers of a signature can be. */
type Kind = "float32" | "int32" | "bool";

const KINDS: Readonly<Record<string, Kind>> = { DT_FLOAT: "float32", DT_INT32: "int32", DT_BOOL: "bool" };
const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** A tensor of a signature: its reference in the graph, its dtype and static shape. */
interface Place {
  readonly reference: string;
  readonly dtype: Kind;
  readonly shape: readonly number[];
}

/** Operators whose results are as long as the data has it: TF.js waits for the numbers, so such a graph is run so too. */
const ASYNCHRONOUS: ReadonlySet<string> = new Set(["NonMaxSuppressionV4", "NonMaxSuppressionV5", "Where"]);

/** The kernels of wasm, once they are there. */
let kernels: Kernels | null = null;

/** Loads a backend's code and makes it the one that computes. */
async function use(backend: Backend, { threads, assets }: LoadOptions): Promise<void> {
  const missing = await tfjs.lacks(backend);
  if (missing !== null) throw new Error(missing);
  if (backend !== "wasm" && threads !== 1) throw new Error(`TF.js computes on ${backend} without threads of its own`);
  switch (backend) {
    case "wasm":
      kernels = await startWasm(threads, assets);
      return;
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
    if (this.#backend !== "webgpu") return this.#compute(inputs);
    const { device } = tf.backend() as unknown as { readonly device: GPUDevice };
    return onDevice(device, () => this.#compute(inputs));
  }

  async #compute(inputs: Tensors): Promise<Tensors> {
    const fed: Record<string, tf.Tensor> = {};
    let results: readonly tf.Tensor[] = [];
    try {
      for (const [name, { reference, dtype, shape }] of this.#inputs) {
        fed[reference] = tf.tensor((inputs[name] as Tensor).data as Float32Array, [...shape], dtype);
      }
      const references = [...this.#outputs.values()].map(({ reference }) => reference);
      kernels?.listen();
      const given = this.#asynchronous
        ? await this.#model.executeAsync(fed, references)
        : this.#model.execute(fed, references);
      results = Array.isArray(given) ? given : [given];
      kernels?.requireSuccess();
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
    const outputs: [string, Tensor][] = [];
    for (const [index, name] of names.entries()) {
      const { dtype, shape } = this.#outputs.get(name) as Place;
      const result = results[index] as tf.Tensor;
      if (result.dtype !== dtype || result.shape.join() !== shape.join()) {
        throw new Error(`output ${name} came as ${result.dtype}[${result.shape}], not ${dtype}[${shape}]`);
      }
      const data = await result.data<Kind>();
      const Own = ARRAYS[dtype];
      // A copy: two outputs, or an output and an input, may be one tensor. After a Cast, plain JavaScript still holds the
      // numbers in the array of the dtype before.
      outputs.push([name, { dtype, shape, data: data instanceof Own ? data.slice() : Own.from(data) }]);
    }
    return Object.fromEntries(outputs);
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
