/** LiteRT.js: `.tflite` files on wasm and WebGPU, in browsers only. */

import * as litert from "@litertjs/core";
import type { Backend, Engine, LoadOptions, ReadFile, Session } from "../engine.ts";
import { bytesOf, elementCount, numbersOf, type DType, type Tensor, type Tensors } from "../tensor.ts";
import { onDevice } from "./on_device.ts";

/** The signature that `.tflite` files of edgewright have. */
const SIGNATURE = "serving_default";

/** LiteRT's number of an element type (litert_model_types.h) → its name in signatures. */
const DTYPES: Readonly<Record<number, DType>> = {
  1: "float32",
  2: "int32",
  3: "uint8",
  4: "int64",
  6: "bool",
  7: "int16",
  9: "int8",
  10: "float16",
  11: "float64",
  13: "uint64",
  16: "uint32",
  17: "uint16",
};
/** What LiteRT.js copies between the memories of a page and of its GPU. */
const ON_GPU: ReadonlySet<DType> = new Set(["float32", "int32", "uint8"]);
const HOST_MEMORY = litert.TensorBufferType.HOST_MEMORY;

type Wasm = litert.LiteRt["liteRtWasm"];
type NativeModel = ReturnType<Wasm["loadModel"]>;
type NativeCompiled = Awaited<ReturnType<Wasm["compileModel"]>>;
type NativeTensorType = ReturnType<NativeModel["getInputTensorType"]>;
type NativeBuffer = Parameters<NativeCompiled["run"]>[1][number];

interface Place {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

let started: { runtime: litert.LiteRt; backend: Backend; threads: number } | null = null;

async function start({ backend, threads, assets }: LoadOptions): Promise<litert.LiteRt> {
  const missing = await lacks(backend);
  if (missing !== null) throw new Error(missing);
  if (started !== null) {
    if (started.backend !== backend || started.threads !== threads) {
      throw new Error(`LiteRT.js runs with ${started.backend} and ${started.threads} threads here already`);
    }
    return started.runtime;
  }
  if (threads > 1 && !globalThis.crossOriginIsolated) {
    throw new Error(`LiteRT.js has no threads here, ${threads} are asked for (a page needs cross-origin isolation)`);
  }
  const jspi = backend === "webgpu" && (await litert.supportsFeature("jspi"));
  const folder = `${assets}litertjs/`;
  if (typeof document === "undefined") {
    // In a worker its script does not know where it lies, and its loader takes the settings from here.
    const locateFile = (file: string): string => folder + file;
    Reflect.set(globalThis, "Module", { locateFile, mainScriptUrlOrBlob: `${folder}litert_wasm_threaded_internal.js` });
  }
  const runtime = await litert.loadLiteRt(folder, { threads: threads > 1, jspi });
  started = { runtime, backend, threads };
  return runtime;
}

async function lacks(backend: Backend): Promise<string | null> {
  // Its own loader adds a script to the page, or asks a classic worker for one.
  const canLoad = typeof document !== "undefined" || typeof Reflect.get(globalThis, "importScripts") === "function";
  if (!canLoad) return "LiteRT.js runs in pages of browsers only";
  switch (backend) {
    case "wasm":
      return null;
    case "webgpu":
      if (!litert.isWebGPUSupported()) return "this browser has no WebGPU";
      return (await navigator.gpu.requestAdapter()) === null ? "WebGPU finds no adapter here" : null;
    default:
      return `LiteRT.js has no backend ${backend}`;
  }
}

function listOf<T>(vector: { size(): number; get(index: number): T; delete(): void }): T[] {
  const items = Array.from({ length: vector.size() }, (_, index) => vector.get(index));
  vector.delete();
  return items;
}

function placeOf(name: string, type: NativeTensorType): Place {
  const layout = type.layout();
  const shape = listOf(layout.dimensions()).map(Number);
  const element = type.elementType().value;
  layout.delete();
  type.delete();
  const dtype = DTYPES[element];
  if (dtype === undefined) throw new Error(`${name} has an element type that no signature has (LiteRT's ${element})`);
  return { name, dtype, shape };
}

class LiteRtSession implements Session {
  readonly #runtime: litert.LiteRt;
  readonly #model: NativeModel;
  readonly #compiled: NativeCompiled;
  readonly #release: () => void;
  readonly #device: GPUDevice | null;
  readonly #signature: number;
  readonly #inputs: readonly Place[];
  readonly #outputs: readonly Place[];

  /** `device` is the one that the model computes on, null on wasm; `release` lets go of the model's bytes. */
  constructor(
    path: string,
    runtime: litert.LiteRt,
    device: GPUDevice | null,
    model: NativeModel,
    compiled: NativeCompiled,
    release: () => void,
  ) {
    this.#runtime = runtime;
    this.#model = model;
    this.#compiled = compiled;
    this.#release = release;
    this.#device = device;
    const signatures = Array.from({ length: model.getNumSignatures() }, (_, index) => model.getSignature(index));
    this.#signature = signatures.findIndex((signature) => signature.key() === SIGNATURE);
    const chosen = signatures[this.#signature];
    if (chosen === undefined) throw new Error(`${path}: it has no signature ${SIGNATURE}`);
    const at = this.#signature;
    this.#inputs = listOf(chosen.inputNames()).map((name, i) => placeOf(name, model.getInputTensorType(at, i)));
    this.#outputs = listOf(chosen.outputNames()).map((name, i) => placeOf(name, model.getOutputTensorType(at, i)));
    for (const signature of signatures) signature.delete();
  }

  get places(): readonly Place[] {
    return [...this.#inputs, ...this.#outputs];
  }

  async run(inputs: Tensors): Promise<Tensors> {
    this.#check(inputs);
    return this.#device === null ? this.#compute(inputs) : onDevice(this.#device, () => this.#compute(inputs));
  }

  async #compute(inputs: Tensors): Promise<Tensors> {
    const held: { delete(): void }[] = [];
    try {
      const given: NativeBuffer[] = [];
      for (const [index, { name }] of this.#inputs.entries()) {
        given.push(await this.#fed(index, inputs[name] as Tensor, held));
      }
      const results = await this.#compiled.run(this.#signature, given);
      held.push(...results);
      const outputs: [string, Tensor][] = [];
      for (const [index, place] of this.#outputs.entries()) {
        const data = await this.#read(results[index] as NativeBuffer, held);
        outputs.push([place.name, { dtype: place.dtype, shape: place.shape, data: numbersOf(place.dtype, data) }]);
      }
      return Object.fromEntries(outputs);
    } finally {
      for (const item of held.reverse()) item.delete();
    }
  }

  #check(inputs: Tensors): void {
    const wanted = this.#inputs.map(({ name }) => name).sort();
    const given = Object.keys(inputs).sort();
    if (wanted.join("\0") !== given.join("\0")) {
      throw new TypeError(`the model takes ${JSON.stringify(wanted)}, got ${JSON.stringify(given)}`);
    }
    for (const { name, dtype, shape } of this.#inputs) {
      const got = inputs[name] as Tensor;
      const fits = got.dtype === dtype && got.shape.join() === shape.join() && got.data.length === elementCount(shape);
      if (!fits) throw new TypeError(`input ${name} is ${dtype}[${shape}], got ${got.dtype}[${got.shape}]`);
    }
  }

  /** Puts an input where the backend takes it. */
  async #fed(index: number, tensor: Tensor, held: { delete(): void }[]): Promise<NativeBuffer> {
    const wasm = this.#runtime.liteRtWasm;
    const type = this.#model.getInputTensorType(this.#signature, index);
    const host = wasm.LiteRtTensorBuffer.createManaged(
      this.#runtime.getDefaultEnvironment().liteRtEnvironment,
      wasm.LiteRtTensorBufferType.HOST_MEMORY,
      type,
      type.bytes(),
    );
    held.push(type, host);
    const place = host.lock(wasm.LiteRtTensorBufferLockMode.WRITE);
    try {
      wasm.HEAPU8.set(bytesOf(tensor.data), place);
    } finally {
      host.unlock();
    }
    const requirements = this.#compiled.getInputBufferRequirements(this.#signature, index);
    const taken = listOf(requirements.supportedTypes()).map(({ value }) => value);
    requirements.delete();
    if (taken.includes(HOST_MEMORY) || taken[0] === undefined) return host;
    const moved = await new litert.Tensor(host).copyTo(taken[0]);
    held.push(moved);
    return moved.liteRtTensorBuffer;
  }

  /** Gives a copy of the bytes of a result. */
  async #read(result: NativeBuffer, held: { delete(): void }[]): Promise<Uint8Array> {
    const wasm = this.#runtime.liteRtWasm;
    let host = result;
    if (result.bufferType().value !== HOST_MEMORY) {
      const copied = await new litert.Tensor(result).copyTo("wasm");
      held.push(copied);
      host = copied.liteRtTensorBuffer;
    }
    if (host.offset() !== 0 || host.size() !== host.packedSize()) throw new Error("LiteRT.js gave a padded tensor");
    const place = host.lock(wasm.LiteRtTensorBufferLockMode.READ);
    try {
      return wasm.HEAPU8.slice(place, place + host.packedSize());
    } finally {
      host.unlock();
    }
  }

  async dispose(): Promise<void> {
    this.#compiled.delete();
    this.#model.delete();
    this.#release();
  }
}

async function open(path: string, read: ReadFile, options: LoadOptions): Promise<Session> {
  const runtime = await start(options);
  const wasm = runtime.liteRtWasm;
  const bytes = await read(path);
  const environment = runtime.getDefaultEnvironment();
  const place = wasm._malloc(bytes.byteLength);
  if (place === 0) throw new Error(`${path}: WebAssembly is out of memory: it takes ${bytes.byteLength} bytes`);
  const owned: { delete(): void }[] = [{ delete: () => wasm._free(place) }];
  try {
    wasm.HEAPU8.set(bytes, place);
    const model = wasm.loadModel(environment.liteRtEnvironment, place, bytes.byteLength);
    owned.push(model);
    const compiled = await wasm.compileModel(environment.liteRtEnvironment, model, {
      environment,
      accelerator: options.backend as "wasm" | "webgpu",
      cpuOptions: { numThreads: options.threads },
      gpuOptions: { precision: "fp32" },
      webNNOptions: {},
    } as Parameters<Wasm["compileModel"]>[2]);
    owned.push(compiled);
    if (options.backend === "webgpu" && !compiled.isFullyAccelerated()) {
      throw new Error(`${path}: LiteRT.js cannot compute all of it on WebGPU`);
    }
    const device = options.backend === "webgpu" ? environment.webGpuDevice : null;
    const session = new LiteRtSession(path, runtime, device, model, compiled, () => wasm._free(place));
    const stranger = options.backend === "webgpu" ? session.places.find(({ dtype }) => !ON_GPU.has(dtype)) : undefined;
    if (stranger) throw new Error(`${path}: ${stranger.name} is ${stranger.dtype}, which LiteRT.js moves to no GPU`);
    return session;
  } catch (error) {
    for (const item of owned.reverse()) item.delete();
    throw error instanceof Error ? error : new Error(`${path}: LiteRT.js refuses it: ${String(error)}`);
  }
}

export const litertjs: Engine = {
  name: "litertjs",
  version: VERSIONS.litertjs,
  backends: ["wasm", "webgpu"],
  lacks,
  async prepare(options) {
    await start(options);
  },
  load: open,
};
