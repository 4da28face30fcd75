/**
 * How a model is called: its named inputs and outputs. Fields are called as in the files (`vocabulary/signature.py`).
 */

import { canonicalJson, type Json } from "./json.ts";
import { dimension, float, integer, list, may, must, orNull, pairOfFloats, struct, text } from "./schema.ts";

/** What was done to raw data before it became an input: `(raw * scale) + bias`, for each channel or for all. */
export interface Preprocess {
  readonly scale: readonly number[];
  readonly bias: readonly number[];
  /** Colour order of an image, `"RGB"`, `"BGR"` or `"L"`. */
  readonly colour: string | null;
}

/** How integers stand for reals: real = scale · (integer − zero point). */
export interface Affine {
  readonly scale: number;
  readonly zero_point: number;
}

/** One named input or output. Dimensions of one name are equal. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
  readonly layout: string | null;
  readonly range: readonly [number, number] | null;
  readonly preprocess: Preprocess | null;
  readonly labels: readonly string[] | null;
  /** The input that this output feeds at the next call. */
  readonly state: string | null;
  readonly quantization: Affine | null;
  readonly known_as: string | null;
}

export interface Signature {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

const ONE: readonly number[] = [1];
const ZERO: readonly number[] = [0];

const preprocess = struct<Preprocess>({
  scale: may(list(float), ONE),
  bias: may(list(float), ZERO),
  colour: may(orNull(text), null),
});
const affine = struct<Affine>({ scale: must(float), zero_point: must(integer) });
const tensorSpec = struct<TensorSpec>({
  name: must(text),
  dtype: must(text),
  shape: must(list(dimension)),
  layout: may(orNull(text), null),
  range: may(orNull(pairOfFloats), null),
  preprocess: may(orNull(preprocess), null),
  labels: may(orNull(list(text)), null),
  state: may(orNull(text), null),
  quantization: may(orNull(affine), null),
  known_as: may(orNull(text), null),
});
export const signatureType = struct<Signature>({ inputs: must(list(tensorSpec)), outputs: must(list(tensorSpec)) });

/** Writes a signature in the canonical JSON that `update.interface` is the digest of. */
export function signatureJson(signature: Signature): string {
  return canonicalJson(
    new Map<string, Json>([
      ["inputs", signature.inputs.map(specJson)],
      ["outputs", signature.outputs.map(specJson)],
    ]),
  );
}

function specJson(spec: TensorSpec): Json {
  return present([
    ["name", spec.name],
    ["dtype", spec.dtype],
    ["shape", spec.shape.map((size) => (typeof size === "number" ? BigInt(size) : size))],
    ["layout", spec.layout],
    ["range", spec.range],
    ["preprocess", spec.preprocess && preprocessJson(spec.preprocess)],
    ["labels", spec.labels],
    ["state", spec.state],
    ["quantization", spec.quantization && affineJson(spec.quantization)],
    ["known_as", spec.known_as],
  ]);
}

function preprocessJson(contract: Preprocess): Json {
  // Left out is what the file left out: the Python side tells a default from an equal value by identity, as here.
  return present([
    ["scale", contract.scale === ONE ? null : contract.scale],
    ["bias", contract.bias === ZERO ? null : contract.bias],
    ["colour", contract.colour],
  ]);
}

function affineJson(quantization: Affine): Json {
  return present([
    ["scale", quantization.scale],
    ["zero_point", BigInt(quantization.zero_point)],
  ]);
}

function present(entries: readonly (readonly [string, Json])[]): Json {
  return new Map(entries.filter(([, value]) => value !== null));
}
