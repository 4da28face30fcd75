import assert from "node:assert/strict";
import test from "node:test";
import { adapt, type Spec } from "../../adapt.ts";
import { bytesOf, type Tensor } from "../../tensor.ts";
import { digestBytes } from "../digest.ts";
import { mismatches } from "../golden.ts";
import { canonicalJson, parseJson } from "../json.ts";
import { readPublicKey } from "../key.ts";
import { parseLadders } from "../ladder.ts";
import { parseManifest, type Tolerance } from "../manifest.ts";
import { parseNpy } from "../npy.ts";
import { signedDigests } from "../signature_file.ts";
import { signatureJson, signatureType } from "../spec.ts";
import { isAtLeast } from "../version.ts";
import { fromBase64, readJson, readTestFile, tensorOf, type Written } from "./data.ts";

interface Values {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly Written[];
}

interface Vectors {
  readonly adapt: readonly {
    readonly name: string;
    readonly given: Spec;
    readonly taken: Spec;
    readonly shape: readonly number[];
    readonly values: readonly Written[];
    readonly expected?: Values;
    readonly refused?: string;
  }[];
  readonly bounds: readonly (Tolerance & {
    readonly name: string;
    readonly dtype: string;
    readonly got_dtype: string;
    readonly got: readonly Written[];
    readonly got_shape: readonly number[];
    readonly expected: readonly Written[];
    readonly sentences: readonly string[];
  })[];
  readonly npy: readonly {
    readonly name: string;
    readonly base64: string;
    readonly expected?: Values;
    readonly refused?: string;
  }[];
  readonly versions: readonly (readonly [string, string, boolean])[];
  readonly interfaces: readonly { readonly name: string; readonly text: string; readonly sha256: string }[];
  readonly json: readonly { readonly name: string; readonly text: string; readonly canonical?: string }[];
  readonly manifests: readonly {
    readonly name: string;
    readonly changes: readonly (readonly [string, unknown])[];
    readonly refused: string | null;
  }[];
  readonly ladders: readonly { readonly name: string; readonly value: unknown; readonly refused: string | null }[];
  readonly signatures: readonly { readonly name: string; readonly base64: string; readonly refused: string | null }[];
}

const vectors = readJson<Vectors>("fallback/vectors.json");

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function mentions(fragment: string) {
  return (error: Error) => {
    assert.ok(error.message.includes(fragment), `${error.message} does not mention: ${fragment}`);
    return true;
  };
}

function assertSame(tensor: Tensor, { dtype, shape, values }: Values): void {
  const expected = tensorOf(dtype, shape, values);
  assert.equal(tensor.dtype, dtype);
  assert.deepEqual(tensor.shape, shape);
  const isFloat = dtype === "float32" || dtype === "float64";
  if (isFloat) assert.deepEqual([...tensor.data], [...expected.data]);
  else assert.deepEqual(bytesOf(tensor.data), bytesOf(expected.data));
}

for (const item of vectors.adapt) {
  test(`adapting: ${item.name}`, () => {
    const tensor = tensorOf(item.given.dtype, item.shape, item.values);
    if (item.expected !== undefined) assertSame(adapt(tensor, item.given, item.taken), item.expected);
    else assert.throws(() => adapt(tensor, item.given, item.taken), mentions(item.refused as string));
  });
}

for (const item of vectors.bounds) {
  test(`a bound: ${item.name}`, () => {
    const y = tensorOf(item.got_dtype, item.got_shape, item.got);
    const expected = tensorOf(item.dtype, [item.expected.length], item.expected);
    assert.deepEqual(mismatches({ y }, { y: expected }, new Map([["y", [item]]])), item.sentences);
  });
}

for (const item of vectors.npy) {
  test(`.npy: ${item.name}`, () => {
    const data = fromBase64(item.base64);
    if (item.expected !== undefined) assertSame(parseNpy(data, "x.npy"), item.expected);
    else assert.throws(() => parseNpy(data, "x.npy"), mentions(item.refused as string));
  });
}

for (const [installed, wanted, expected] of vectors.versions) {
  test(`version ${installed} is ${expected ? "" : "not "}at least ${wanted}`, () => {
    assert.equal(isAtLeast(installed, wanted), expected);
  });
}

for (const item of vectors.interfaces) {
  test(`the digest of a signature: ${item.name}`, async () => {
    const signature = signatureType.read(parseJson(encode(item.text), "x"), "x", "");
    assert.equal(await digestBytes(encode(signatureJson(signature))), item.sha256);
  });
}

for (const item of vectors.json) {
  test(`JSON: ${item.name}`, () => {
    if (item.canonical === undefined) assert.throws(() => parseJson(encode(item.text), "x"), /x: /);
    else assert.equal(canonicalJson(parseJson(encode(item.text), "x")), item.canonical);
  });
}

type Place = Record<string, unknown>;

function changed(base: unknown, changes: readonly (readonly [string, unknown])[]): unknown {
  for (const [path, value] of changes) {
    const names = path.split(".");
    const last = names.pop() as string;
    const place = names.reduce((found, name) => found[name] as Place, base as Place);
    if (value === "<absent>") delete place[last];
    else place[last] = value;
  }
  return base;
}

for (const item of vectors.manifests) {
  test(`a manifest: ${item.name}`, async () => {
    const base = readJson<unknown>("bundle/data/golden/content/manifest.json");
    const data = encode(written(changed(base, item.changes), item.name));
    if (item.refused === null) assert.equal((await parseManifest(data)).name, "golden");
    else await assert.rejects(parseManifest(data), mentions(item.refused));
  });
}

/** `JSON.parse` has made an integer of the one float that a case is about. */
function written(value: unknown, name: string): string {
  const text = JSON.stringify(value);
  return name.startsWith("a float where") ? text.replace('"rows":4', '"rows":4.0') : text;
}

for (const item of vectors.ladders) {
  test(`ladders: ${item.name}`, () => {
    const data = encode(JSON.stringify(item.value));
    if (item.refused === null) parseLadders(data);
    else assert.throws(() => parseLadders(data), mentions(item.refused));
  });
}

for (const item of vectors.signatures) {
  test(`a signature: ${item.name}`, async () => {
    const pem = new TextDecoder().decode(readTestFile("bundle/data/TEST-ONLY-public-key.pub"));
    const digests = signedDigests(fromBase64(item.base64), await readPublicKey(pem));
    if (item.refused !== null) await assert.rejects(digests, mentions(item.refused));
    else
      assert.deepEqual(
        [...(await digests)],
        [
          ["a/x", "1".repeat(64)],
          ["b", "2".repeat(64)],
        ],
      );
  });
}
