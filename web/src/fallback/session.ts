/** Opening a bundle and running it: checked first, then by the best rung for this browser, and down when one fails. */

import { engineOf, type Backend, type Engine, type EngineName, type Session } from "../engine.ts";
import type { Tensors } from "../tensor.ts";
import { DeviceError, RequestError, TrustError } from "./errors.ts";
import { mismatches, runGolden } from "./golden.ts";
import { after, PATIENCE, rungOf, start, type Event, type Policy, type Record, type State } from "./guard.ts";
import { checkInputs, runAdapted, type Called } from "./interface.ts";
import { lastResort, rungKey, type Rung } from "./ladder.ts";
import { artifactOf, GOLDEN_INPUTS, GOLDEN_OUTPUTS, REFERENCE, type Artifact, type Manifest } from "./manifest.ts";
import { ownFacts } from "./own_facts.ts";
import { emptyRecord, LocalRecord, type RecordStore } from "./record.ts";
import { choose, findLadder, type Facts, type PassedOver } from "./select.ts";
import { filesUnder, type ReadBundle } from "./source.ts";
import { readTensorFolder } from "./tensor_folder.ts";
import { verify, type ReadListed } from "./verify.ts";

export interface OpenOptions {
  /**
   * The publisher's public key, the text of `KEY.pub`. `null` takes the bundle as the server gives it, which must be
   * said: whoever can change the server's files can then change the model.
   */
  readonly key: string | null;
  /** A call that takes longer counts as a failure of its rung; its answer is given all the same. */
  readonly maxLatencyMs?: number;
  /** How patient it is; what is left out is 3 failures, 2 crashes. */
  readonly policy?: Partial<Policy>;
  /** What this browser is, where it shall not be asked. */
  readonly facts?: Facts;
  /** Where crashes are remembered; `localStorage` where there is one. `null` forgets them. */
  readonly record?: RecordStore | null;
  /** Gives an engine by its name; those of this package. */
  readonly engines?: (name: EngineName) => Promise<Engine>;
  /** The URL of the folder `assets`, which holds the wasm files of the engines; it lies beside this module's folder. */
  readonly assets?: string;
}

/** Something that went wrong with a rung. */
export interface Failure {
  readonly rung: Rung;
  readonly event: Event;
  readonly message: string;
}

/** What a model is made of once its bundle has been checked. */
interface Parts {
  readonly manifest: Manifest;
  readonly rungs: readonly Rung[];
  readonly passedOver: readonly PassedOver[];
  readonly golden: { readonly inputs: Tensors; readonly outputs: Tensors };
  readonly readFile: ReadListed;
  readonly engines: (name: EngineName) => Promise<Engine>;
  readonly assets: string;
  readonly maxLatencyMs: number;
  readonly record: RecordStore | null;
  readonly state: State;
}

/**
 * Checks a bundle and opens it in this browser. `source` is the URL of its folder, or reads its files.
 *
 * Rejects with a `TrustError` when the bundle is refused, with a `RequestError` when it, the key or an option cannot be
 * used, with a `DeviceError` when no rung can be loaded here or none gives the golden outputs; the message says why of
 * each.
 */
export async function openBundle(source: string | URL | ReadBundle, options: OpenOptions): Promise<Model> {
  if ((options as Partial<OpenOptions> | undefined)?.key === undefined) {
    throw new TrustError(
      "no key to verify the bundle with; a bundle is trusted for its key, or not at all",
      'give the publisher\'s public key, `key: "-----BEGIN PUBLIC KEY-----…"`, or say `key: null`',
    );
  }
  const { maxLatencyMs = Infinity } = options;
  if (!(maxLatencyMs >= 0)) throw new RequestError(`maxLatencyMs: expected milliseconds, got ${maxLatencyMs}`);
  const read = typeof source === "function" ? source : filesUnder(source);
  const { manifest, ladders, release, readFile } = await verify(read, options.key);
  const facts = options.facts ?? (await ownFacts());
  const size = artifactOf(manifest, REFERENCE).files.reduce((sum, file) => sum + file.size_bytes, 0);
  const ladder = findLadder(ladders, facts) ?? lastResort(size);
  const { rungs, passedOver } = choose(ladder, manifest.update.requirements, facts);
  const { rows } = manifest.golden;
  const inputs = await readTensorFolder(GOLDEN_INPUTS, manifest.signature.inputs, rows, readFile);
  const outputs = await readTensorFolder(GOLDEN_OUTPUTS, manifest.signature.outputs, rows, readFile);
  const record = options.record === undefined ? ownRecord(manifest) : options.record;
  const kept = (await record?.read(release)) ?? emptyRecord(release);
  const model = new Model({
    manifest,
    rungs,
    passedOver,
    golden: { inputs, outputs },
    readFile,
    engines: options.engines ?? engineOf,
    assets: options.assets ?? new URL("../assets/", import.meta.url).href,
    maxLatencyMs,
    record,
    state: start(rungs.map(rungKey), kept, { ...PATIENCE, ...options.policy }),
  });
  await model.ready();
  return model;
}

/** A bundle that was checked, ready to answer. Called as the original model is, whichever rung answers. */
export class Model {
  readonly manifest: Manifest;
  /** The rungs that this browser cannot run, with the reasons. */
  readonly passedOver: readonly PassedOver[];
  /** What went wrong so far, with rung, event and message. */
  failures: readonly Failure[] = [];
  readonly #parts: Parts;
  #state: State;
  #session: Session | null = null;
  #closed = false;
  /** Calls wait for each other: what one finds out decides which rung the next one gets. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `openBundle` makes them. */
  constructor(parts: Parts) {
    this.manifest = parts.manifest;
    this.passedOver = parts.passedOver;
    this.#parts = parts;
    this.#state = parts.state;
  }

  /** The rung in use. Throws a `DeviceError` when every rung has failed. */
  get rung(): Rung {
    const key = rungOf(this.#state);
    const found = this.#parts.rungs.find((rung) => rungKey(rung) === key);
    if (found === undefined) throw this.#nothingWorks();
    return found;
  }

  /** Loads and checks the first rung that works; `openBundle` waits for it. */
  ready(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#keepRecord();
      await this.#makeReady();
    });
  }

  /**
   * Runs the model once. `inputs` and outputs are as `manifest.signature` says.
   *
   * A rung that fails is tried again and then left for the next one; the caller gets the first answer. Rejects with a
   * `RequestError` when the inputs do not fit the signature, with a `DeviceError` when every rung has failed.
   */
  run(inputs: Tensors): Promise<Tensors> {
    return this.#inTurn(() => this.#answer(inputs));
  }

  /** Lets go of what the engine holds, once the calls that were made have been answered. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#closed = true;
      await this.#letGo();
      const { record } = this.#state;
      // A rung that was not asked anything has not crashed.
      if (record.trying !== null) await this.#parts.record?.write({ ...record, trying: null });
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined); // whoever made that call has the error; the next call has its own
    return done;
  }

  async #answer(inputs: Tensors): Promise<Tensors> {
    if (this.#closed) throw new RequestError("the model is closed");
    checkInputs(this.manifest.signature, inputs);
    for (;;) {
      const session = await this.#makeReady();
      const began = performance.now();
      let outputs: Tensors;
      try {
        outputs = await runAdapted((given) => session.run(given), this.#called(), inputs);
      } catch (error) {
        await this.#happened("run-error", say(error));
        continue;
      }
      const elapsedMs = performance.now() - began;
      const { maxLatencyMs } = this.#parts;
      if (elapsedMs <= maxLatencyMs) await this.#happened("answered");
      else await this.#happened("too-slow", `${elapsedMs.toPrecision(3)} ms, more than ${maxLatencyMs} ms`);
      return outputs;
    }
  }

  /** Loads and checks rungs until one may run; gives its session. */
  async #makeReady(): Promise<Session> {
    for (;;) {
      switch (this.#state.action) {
        case "load":
          await this.#load();
          break;
        case "check-golden":
          await this.#checkGolden();
          break;
        case "run":
          return this.#session as Session;
        case "give-up":
          await this.#letGo();
          throw this.#nothingWorks();
      }
    }
  }

  async #load(): Promise<void> {
    await this.#letGo(); // the memory of the rung before is needed
    try {
      this.#session = await this.#open(this.#artifact(), this.rung);
    } catch (error) {
      await this.#happened("load-error", say(error));
      return;
    }
    await this.#happened("loaded");
  }

  async #open({ files }: Artifact, { artifact, runtime, threads }: Rung): Promise<Session> {
    const [name, backend] = runtime.split("/") as [EngineName, Backend];
    const options = { backend, threads, optimize: artifact !== REFERENCE, assets: this.#parts.assets };
    const engine = (await this.#parts.engines(name)) as Engine | undefined;
    if (engine === undefined) throw new RequestError(`there is no engine ${name} here`);
    const missing = await engine.lacks(backend);
    if (missing !== null) throw new RequestError(missing);
    await engine.prepare(options);
    const own = new Set(files.map(({ path }) => path));
    const read = async (path: string) => {
      if (!own.has(path)) throw new RequestError(`${path} is no file of ${artifact}`);
      return this.#parts.readFile(path);
    };
    return engine.load((files[0] as Artifact["files"][number]).path, read, options);
  }

  async #checkGolden(): Promise<void> {
    const session = this.#session as Session;
    const { manifest, golden } = this.#parts;
    let outputs: Tensors;
    try {
      outputs = await runGolden((given) => session.run(given), this.#called(), manifest.golden, golden.inputs);
    } catch (error) {
      await this.#happened("run-error", `golden vectors: ${say(error)}`);
      return;
    }
    const tolerances = manifest.golden.tolerances.get(this.rung.artifact) ?? new Map();
    const wrong = mismatches(outputs, golden.outputs, tolerances);
    if (wrong.length > 0) await this.#happened("golden-mismatch", wrong.join("; "));
    else await this.#happened("golden-matched");
  }

  async #happened(event: Event, failure: string | null = null): Promise<void> {
    if (failure !== null) this.failures = [...this.failures, { rung: this.rung, event, message: failure }];
    const before = this.#state.record;
    this.#state = after(this.#state, event);
    if (!sameRecord(before, this.#state.record)) await this.#keepRecord();
  }

  async #keepRecord(): Promise<void> {
    await this.#parts.record?.write(this.#state.record);
  }

  async #letGo(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    try {
      await session?.dispose();
    } catch {
      // An engine that has crashed cannot let go either; what it did is in `failures` already.
    }
  }

  #artifact(): Artifact {
    return artifactOf(this.manifest, this.rung.artifact);
  }

  #called(): Called {
    return { original: this.manifest.signature, artifact: this.#artifact().signature };
  }

  #nothingWorks(): DeviceError {
    const { name, version } = this.manifest;
    const reasons = [
      ...this.passedOver.map(({ rung, reason }) => `${rung.artifact}: ${reason}`),
      ...this.failures.map(({ rung, event, message }) => `${rung.artifact}: ${event}: ${message}`),
    ];
    return new DeviceError(`${name} ${version}: no rung works here: ${reasons.join("; ") || "the ladder is empty"}`);
  }
}

/** Gives the browser's own store; null where there is none, or the page may not use it: then crashes are forgotten. */
function ownRecord({ name }: Manifest): RecordStore | null {
  try {
    return (globalThis.localStorage as Storage | undefined) === undefined ? null : new LocalRecord(name);
  } catch {
    return null; // the visitor has forbidden this page to keep anything
  }
}

function sameRecord(left: Record, right: Record): boolean {
  return left.trying === right.trying && JSON.stringify(left.crashes) === JSON.stringify(right.crashes);
}

function say(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
