/** onnxruntime-web: ONNX models and `.ort` files on wasm and WebGPU. */

import type * as ORT from "onnxruntime-web";
import type { Backend, Engine, LoadOptions, ReadFile, Session } from "../engine.ts";
import { elementCount, numbersOf, type DType, type Numbers, type Tensor, type Tensors } from "../tensor.ts";
import { externalFiles } from "./external_data.ts";
import { onDevice } from "./on_device.ts";

/** What both sides call by the same name. Strings are none of ours. */
const KNOWN: ReadonlySet<DType> = new Set([
  "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool", "float16",
]);

/** y = x of one float32, IR version 7: the engine starts with its first session, and this one is nobody's artifact. */
const NOTHING = "CAc6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0=";

let started: { ort: typeof ORT; backend: Backend; threads: number } | null = null;

/** Starts onnxruntime-web once: a page or process has one backend and one number of threads. */
async function start({ backend, threads, assets }: LoadOptions): Promise<typeof ORT> {
  const missing = await onnxruntimeWeb.lacks(backend);
  if (missing !== null) throw new Error(missing);
  if (started !== null) {
    if (started.backend !== backend || started.threads !== threads) {
      throw new Error(`onnxruntime-web runs with ${started.backend} and ${started.threads} threads here already`);
    }
    return started.ort;
  }
  if (threads > 1 && typeof process === "undefined" && !globalThis.crossOriginIsolated) {
    throw new Error(`onnxruntime-web has no threads here, ${threads} are asked for (a page needs cross-origin isolation)`);
  }
  const ort = backend === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  const folder = `${assets}onnxruntime-web/`;
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = folder;
  ort.env.logLevel = "error";
  const model = Uint8Array.from(atob(NOTHING), (letter) => letter.charCodeAt(0));
  await (await ort.InferenceSession.create(model, { executionProviders: [backend], logSeverityLevel: 3 })).release();
  started = { ort, backend, threads };
  return ort;
}

async function lacks(backend: Backend): Promise<string | null> {
  switch (backend) {
    case "wasm":
      return null;
    case "webgpu": {
      const gpu = "navigator" in globalThis ? (globalThis.navigator as Partial<Navigator>).gpu : undefined;
      if (gpu === undefined) return typeof process === "undefined" ? "this browser has no WebGPU" : "Node has no WebGPU";
      return (await gpu.requestAdapter()) === null ? "WebGPU finds no adapter here" : null;
    }
    default:
      return `onnxruntime-web has no backend ${backend}`;
  }
}

class OnnxSession implements Session {
  readonly #ort: typeof ORT;
  readonly #session: ORT.InferenceSession;
  readonly #device: GPUDevice | null;

  /** `device` is the one that the session computes on, null on wasm. */
  constructor(ort: typeof ORT, session: ORT.InferenceSession, device: GPUDevice | null) {
    this.#ort = ort;
    this.#session = session;
    this.#device = device;
  }

  async run(inputs: Tensors): Promise<Tensors> {
    this.#check(inputs);
    return this.#device === null ? this.#compute(inputs) : onDevice(this.#device, () => this.#compute(inputs));
  }

  async #compute(inputs: Tensors): Promise<Tensors> {
    const feeds: [string, ORT.Tensor][] = [];
    for (const [name, { dtype, shape, data }] of Object.entries(inputs)) {
      feeds.push([name, new this.#ort.Tensor(dtype as "float32", data as Float32Array, [...shape])]);
    }
    const results = await this.#session.run(Object.fromEntries(feeds));
    const outputs: [string, Tensor][] = [];
    for (const name of this.#session.outputNames) outputs.push([name, await taken(name, results[name] as ORT.Tensor)]);
    return Object.fromEntries(outputs);
  }

  #check(inputs: Tensors): void {
    const wanted = [...this.#session.inputNames].sort();
    const given = Object.keys(inputs).sort();
    if (wanted.join("\0") !== given.join("\0")) {
      throw new TypeError(`the model takes ${JSON.stringify(wanted)}, got ${JSON.stringify(given)}`);
    }
    for (const place of this.#session.inputMetadata) {
      if (!place.isTensor) throw new TypeError(`input ${place.name} is no tensor`);
      const { dtype, shape, data } = inputs[place.name] as Tensor;
      const fits =
        dtype === place.type &&
        shape.length === place.shape.length &&
        place.shape.every((size, axis) => typeof size === "string" || size < 0 || size === shape[axis]) &&
        data.length === elementCount(shape);
      if (!fits) throw new TypeError(`input ${place.name} is ${place.type}[${place.shape}], got ${dtype}[${shape}]`);
    }
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Copies a result and lets go of it. Halves come as numbers where the browser has an array of them: their bits count. */
async function taken(name: string, tensor: ORT.Tensor): Promise<Tensor> {
  const dtype = tensor.type as DType;
  if (!KNOWN.has(dtype)) throw new Error(`output ${name} is ${tensor.type}`);
  const { buffer, byteOffset, byteLength } = (await tensor.getData()) as Numbers;
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength).slice();
  const shape = [...tensor.dims];
  tensor.dispose();
  return { dtype, shape, data: numbersOf(dtype, bytes) };
}

/** Names the files beside a `.onnx` that hold weights, as its `TensorProto.external_data` has them. */
async function besides(path: string, model: Uint8Array, read: ReadFile): Promise<{ path: string; data: Uint8Array }[]> {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return Promise.all(externalFiles(model).map(async (file) => ({ path: file, data: await read(folder + file) })));
}

export const onnxruntimeWeb: Engine = {
  name: "onnxruntime-web",
  version: VERSIONS["onnxruntime-web"],
  backends: ["wasm", "webgpu"],
  lacks,
  async prepare(options) {
    await start(options);
  },
  async load(path, read, options) {
    const ort = await start(options);
    const model = await read(path);
    const session = await ort.InferenceSession.create(model, {
      executionProviders: [options.backend],
      graphOptimizationLevel: options.optimize ? "all" : "disabled",
      intraOpNumThreads: options.threads,
      externalData: path.endsWith(".onnx") ? await besides(path, model, read) : [],
      logSeverityLevel: 3,
    });
    return new OnnxSession(ort, session, options.backend === "webgpu" ? await ort.env.webgpu.device : null);
  },
};
