import assert from "node:assert/strict";
import test from "node:test";
import type { Engine, Session } from "../../engine.ts";
import type { Tensor, Tensors } from "../../tensor.ts";
import { DeviceError, RequestError, TrustError } from "../errors.ts";
import type { Record } from "../guard.ts";
import { emptyRecord, type RecordStore } from "../record.ts";
import { rungKey } from "../ladder.ts";
import type { Facts } from "../select.ts";
import { openBundle, type Model, type OpenOptions } from "../session.ts";
import type { ReadBundle } from "../source.ts";
import { readTestFile } from "./data.ts";

const KEY = new TextDecoder().decode(readTestFile("bundle/data/TEST-ONLY-public-key.pub"));
const OTHER_KEY = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEsBLtWOpe+QhPBieTIDkdKGJ3fd8q
kEmkazVgBlqrfWDzJcGCDExMo5/8wYZXJTc2q6s/63UuZ9C8OukC2xXB6Q==
-----END PUBLIC KEY-----`;
const WEIGHTS = [0.1, -0.2, 0.3, 0.7, -0.5, 0.9].map(Math.fround);
const BIAS = [0.05, -0.01].map(Math.fround);
const FACTS: Facts = {
  kind: "local",
  arch: "x86_64",
  os: "linux",
  cpu: "a CPU of the tests",
  features: [],
  cores: 2,
  ram_bytes: 8 * 2 ** 30,
  runtimes: { onnxruntime: "1.31.1" },
};
const X: Tensor = { dtype: "float32", shape: [2, 3], data: new Float32Array([1, 2, 3, 0, 0, 1]) };
const FP16 = "onnxruntime-fp16";
const FP32 = "onnxruntime-fp32";
const REFERENCE = "reference";

type Fault = "load" | "wrong" | "nan" | "missing" | "run" | "once" | "slow";

/** The bundle of the tests, with files replaced; a file that is null is not there. */
function bundle(changes: { readonly [path: string]: Uint8Array | null } = {}): ReadBundle {
  return async (path, maxBytes) => {
    const data = Object.hasOwn(changes, path) ? changes[path] : readTestFile(`bundle/data/golden/${path}`);
    if (data == null) throw new RequestError(`${path}: not found`);
    if (data.length > maxBytes) throw new RequestError(`${path}: larger than ${maxBytes} bytes`);
    return new Uint8Array(data);
  };
}

/** An engine that fails as told, by artifact; else it computes what the model computes. */
class Scripted {
  readonly loaded: string[] = [];
  disposed = 0;
  #hiccups = 1;

  constructor(readonly script: { readonly [artifact: string]: Fault } = {}) {}

  readonly engines = async (): Promise<Engine> => ({
    name: "onnxruntime-web",
    version: "1.31.1",
    backends: ["wasm"],
    lacks: async () => null,
    prepare: async () => undefined,
    load: async (path, read): Promise<Session> => {
      const [, folder, name] = path.split("/") as [string, string, string];
      const artifact = folder === "reference" ? REFERENCE : name;
      this.loaded.push(artifact);
      await read(path);
      if (this.script[artifact] === "load") throw new Error("cannot be read");
      return this.#session(this.script[artifact]);
    },
  });

  #session(fault: Fault | undefined): Session {
    let goldenCalls = 4;
    return {
      run: async ({ x }: Tensors): Promise<Tensors> => {
        goldenCalls -= 1;
        const y = compute(x as Tensor);
        if (fault === "wrong") y.data[0] = (y.data[0] as number) + 1;
        if (fault === "nan") y.data[0] = NaN;
        if (fault === "missing") return {};
        if (goldenCalls < 0 && fault === "run") throw new RangeError("out of memory");
        if (goldenCalls < 0 && fault === "slow") await new Promise((resolve) => setTimeout(resolve, 30));
        if (goldenCalls < 0 && fault === "once" && this.#hiccups-- > 0) throw new Error("a hiccup");
        return { y };
      },
      dispose: async () => {
        this.disposed += 1;
      },
    };
  }
}

function compute({ shape, data }: Tensor): { dtype: "float32"; shape: number[]; data: Float32Array } {
  const rows = shape[0] as number;
  const out = new Float32Array(rows * 2);
  for (let row = 0; row < rows; row += 1) {
    for (const column of [0, 1]) {
      const products = [0, 1, 2].map((k) => (data[row * 3 + k] as number) * (WEIGHTS[k * 2 + column] as number));
      out[row * 2 + column] = Math.max(
        0,
        products.reduce((sum, product) => sum + product, BIAS[column] as number),
      );
    }
  }
  return { dtype: "float32", shape: [rows, 2], data: out };
}

class Memory implements RecordStore {
  readonly written: Record[] = [];

  constructor(public kept: Record | null = null) {}

  async read(release: string): Promise<Record> {
    return this.kept?.release === release ? this.kept : emptyRecord(release);
  }

  async write(record: Record): Promise<void> {
    this.kept = record;
    this.written.push(record);
  }
}

async function open(script: Scripted, options: Partial<OpenOptions> = {}, source = bundle()): Promise<Model> {
  return openBundle(source, { key: KEY, facts: FACTS, engines: script.engines, record: null, assets: "", ...options });
}

function events({ failures }: Model): string[] {
  return failures.map(({ rung, event }) => `${rung.artifact} ${event}`);
}

test("a bundle runs by its best rung", async () => {
  const model = await open(new Scripted());
  const { y } = await model.run({ x: X });

  assert.equal(rungKey(model.rung), "onnxruntime-fp16@onnxruntime×1");
  assert.deepEqual(y, compute(X));
  assert.deepEqual(model.failures, []);
});

for (const [fault, event] of [
  ["load", "load-error"],
  ["wrong", "golden-mismatch"],
  ["nan", "golden-mismatch"],
  ["missing", "run-error"],
] as const) {
  test(`a rung with the fault "${fault}" is left for the next one before it answers`, async () => {
    const engine = new Scripted({ [FP16]: fault });
    const model = await open(engine);

    assert.equal(model.rung.artifact, FP32);
    assert.deepEqual(events(model), [`${FP16} ${event}`]);
    assert.deepEqual(engine.loaded, [FP16, FP32]);
    assert.equal(engine.disposed, fault === "load" ? 0 : 1);
  });
}

test("the message says how far off the golden vectors a rung was", async () => {
  const { failures } = await open(new Scripted({ [FP16]: "wrong" }));
  assert.equal(failures[0]?.message, "output 'y': max_abs 1 is above 0.01");
});

test("a rung that fails three times running is left, and the caller gets an answer all the same", async () => {
  const model = await open(new Scripted({ [FP16]: "run" }));
  const { y } = await model.run({ x: X });

  assert.deepEqual(y, compute(X));
  assert.equal(model.rung.artifact, FP32);
  assert.deepEqual(events(model), Array(3).fill(`${FP16} run-error`));
  assert.equal(model.failures[0]?.message, "RangeError: out of memory");
});

test("a hiccup is tried again", async () => {
  const model = await open(new Scripted({ [FP16]: "once" }));
  await model.run({ x: X });

  assert.equal(model.rung.artifact, FP16);
  assert.deepEqual(events(model), [`${FP16} run-error`]);
});

test("slow answers are given, and the rung is left after three of them", async () => {
  const model = await open(new Scripted({ [FP16]: "slow" }), { maxLatencyMs: 15 });
  for (let call = 0; call < 3; call += 1) assert.deepEqual((await model.run({ x: X }))["y"], compute(X));

  assert.deepEqual(events(model), Array(3).fill(`${FP16} too-slow`));
  assert.match(model.failures[0]?.message as string, /^\d+(\.\d+)? ms, more than 15 ms$/);
  await model.run({ x: X });
  assert.equal(model.rung.artifact, FP32);
});

for (const maxLatencyMs of [NaN, -1]) {
  test(`${maxLatencyMs} ms are no bound`, async () => {
    await assert.rejects(open(new Scripted(), { maxLatencyMs }), /maxLatencyMs: expected milliseconds/);
  });
}

test("a patience may be given in part", async () => {
  const model = await open(new Scripted({ [FP16]: "run" }), { policy: { failures_to_step_down: 1 } });
  await model.run({ x: X });

  assert.equal(model.failures.length, 1);
});

test("an address that is none is a wrong request", async () => {
  await assert.rejects(openBundle("http://", { key: null }), /no URL of a bundle's folder/);
});

test("calls that are made at once are answered one after another", async () => {
  const model = await open(new Scripted({ [FP16]: "run" }));
  const answers = await Promise.all([model.run({ x: X }), model.run({ x: X })]);

  assert.deepEqual(
    answers.map(({ y }) => y),
    [compute(X), compute(X)],
  );
  assert.equal(model.failures.length, 3);
});

test("when every rung fails the error says why of each", async () => {
  const script = { [FP16]: "load", [FP32]: "wrong", [REFERENCE]: "missing" } as const;
  await assert.rejects(open(new Scripted(script)), (error: Error) => {
    assert.ok(error instanceof DeviceError);
    assert.equal(
      error.message,
      "golden 1.0.0: no rung works here: onnxruntime-fp16: load-error: Error: cannot be read; " +
        "onnxruntime-fp32: golden-mismatch: output 'y': max_abs 1 is above 1e-06; " +
        "reference: run-error: golden vectors: RangeError: the artifact gave no output 'y'",
    );
    return true;
  });
});

test("a browser without any engine is told what each rung needs", async () => {
  await assert.rejects(
    open(new Scripted(), { facts: { ...FACTS, runtimes: {} } }),
    /reference: needs onnxruntime, not installed/,
  );
});

test("on a family that was never measured the reference answers", async () => {
  const engine = new Scripted();
  const facts = {
    ...FACTS,
    kind: "browser",
    os: "web",
    arch: "wasm32",
    runtimes: { "onnxruntime-web/wasm": "1.30.0" },
  };
  const model = await open(engine, { facts });

  assert.equal(rungKey(model.rung), "reference@onnxruntime-web/wasm×1");
});

test("rows fill up what a call takes, and inputs that do not fit are refused", async () => {
  const model = await open(new Scripted());
  const wrong = { x: { ...X, shape: [3, 2] } };

  await assert.rejects(model.run(wrong), /input 'x': expected float32\[batch, 3\], got float32\[3, 2\]/);
  await assert.rejects(model.run({}), RequestError);
  await assert.rejects(model.run({ x: { ...X, data: new Float32Array(5) } }), /no array of 6 float32 numbers/);
  await assert.rejects(model.run({ x: { ...X, data: new Float64Array(6) } }), /no array of 6 float32 numbers/);
  await assert.rejects(model.run({ x: new Float32Array(6) as unknown as Tensor }), /expected \{ dtype, shape, data \}/);
  assert.deepEqual(model.failures, []);
});

test("a closed model answers no more, and lets go of its session once", async () => {
  const engine = new Scripted();
  const model = await open(engine);
  const [answer] = await Promise.all([model.run({ x: X }), model.close()]);

  assert.deepEqual(answer["y"], compute(X));
  await assert.rejects(model.run({ x: X }), /closed/);
  assert.equal(engine.disposed, 1);
});

test("a rung is in the record before it is loaded, and out of it with its first answer", async () => {
  const record = new Memory();
  const model = await open(new Scripted(), { record });
  assert.deepEqual(
    record.written.map(({ trying }) => trying),
    ["onnxruntime-fp16@onnxruntime×1"],
  );
  await model.run({ x: X });
  await model.run({ x: X });

  assert.deepEqual(
    record.written.map(({ trying }) => trying),
    ["onnxruntime-fp16@onnxruntime×1", null],
  );
});

test("a rung with which the page died twice running is passed over at the next visit", async () => {
  const record = new Memory();
  for (const visit of [1, 2]) {
    const model = await open(new Scripted(), { record });
    assert.equal(model.rung.artifact, FP16, `visit ${visit}`); // and then the page dies
  }
  const model = await open(new Scripted(), { record });

  assert.equal(model.rung.artifact, FP32);
  assert.deepEqual(record.kept?.crashes, { "onnxruntime-fp16@onnxruntime×1": 2 });
});

test("a model that was closed unasked has not crashed", async () => {
  const record = new Memory();
  for (let visit = 0; visit < 3; visit += 1) await (await open(new Scripted(), { record })).close();

  assert.equal(record.kept?.trying, null);
  assert.deepEqual(record.kept?.crashes, {});
});

test("the record of another release is void", async () => {
  const crashes = { "onnxruntime-fp16@onnxruntime×1": 9 };
  const model = await open(new Scripted(), { record: new Memory({ release: "another", trying: null, crashes }) });

  assert.equal(model.rung.artifact, FP16);
});

test("without a word about the key nothing is opened", async () => {
  await assert.rejects(openBundle(bundle(), {} as OpenOptions), /no key to verify the bundle with/);
  await assert.rejects(openBundle(bundle(), undefined as unknown as OpenOptions), TrustError);
});

test("a bundle may be taken as the server gives it, if that is said", async () => {
  const model = await open(new Scripted(), { key: null }, bundle({ "model.sig": null }));
  assert.equal(model.rung.artifact, FP16);
});

test("another key is refused", async () => {
  await assert.rejects(open(new Scripted(), { key: OTHER_KEY }), /signed by another key/);
});

for (const [key, reason] of [
  ["", /no public key in PEM form/],
  ["-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", /a private key, not a public one/],
  ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", /an EC key on the curve P-256/],
] as const) {
  test(`what is no public key is a wrong request: ${reason.source}`, async () => {
    await assert.rejects(open(new Scripted(), { key }), (error: Error) => {
      assert.ok(error instanceof RequestError);
      assert.match(error.message, reason);
      return true;
    });
  });
}

test("an unsigned bundle is refused where a key is given", async () => {
  await assert.rejects(open(new Scripted(), {}, bundle({ "model.sig": null })), /the bundle is unsigned/);
});

const LISTED = "content/artifacts/onnxruntime-fp16/model.onnx";

function flipped(path: string): Uint8Array {
  const data = new Uint8Array(readTestFile(`bundle/data/golden/${path}`));
  data[data.length - 2] = (data[data.length - 2] as number) ^ 1;
  return data;
}

for (const key of [KEY, null]) {
  const how = key === null ? "unsigned" : "signed";

  test(`a damaged artifact of a bundle taken as ${how} is refused, and the next rung answers`, async () => {
    const model = await open(new Scripted(), { key }, bundle({ [LISTED]: flipped(LISTED) }));

    assert.equal(model.rung.artifact, FP32);
    assert.equal(model.failures[0]?.message, `TrustError: ${LISTED}: not the file that content/manifest.json lists`);
  });

  test(`an artifact of a bundle taken as ${how} that is missing, cut short or too long is refused`, async () => {
    const whole = readTestFile(`bundle/data/golden/${LISTED}`);
    for (const data of [null, whole.slice(0, -1), new Uint8Array([...whole, 0])]) {
      assert.deepEqual(events(await open(new Scripted(), { key }, bundle({ [LISTED]: data }))), [`${FP16} load-error`]);
    }
  });

  test(`damaged golden vectors of a bundle taken as ${how} are refused with the whole bundle`, async () => {
    const path = "content/golden/outputs/0.npy";
    await assert.rejects(open(new Scripted(), { key }, bundle({ [path]: flipped(path) })), TrustError);
  });
}

for (const path of ["content/manifest.json", "evidence/ladder.json"]) {
  test(`${path} with a space behind it was changed after signing`, async () => {
    const data = new Uint8Array([...readTestFile(`bundle/data/golden/${path}`), 32]);
    await assert.rejects(
      open(new Scripted(), {}, bundle({ [path]: data })),
      new RegExp(`${path} was changed after signing`),
    );
  });
}

test("an engine cannot read files of another artifact", async () => {
  const engine = new Scripted();
  const engines = async (): Promise<Engine> => {
    const plain = await engine.engines();
    return {
      ...plain,
      load: async (_path, read, options) => plain.load("content/reference/model.onnx", read, options),
    };
  };
  const model = await open(engine, { engines });

  assert.equal(model.rung.artifact, REFERENCE);
  assert.match(
    model.failures[0]?.message as string,
    /^RequestError: content\/reference\/model.onnx is no file of onnxruntime-fp16$/,
  );
});
