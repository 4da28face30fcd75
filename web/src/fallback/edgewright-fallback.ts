/**
 * Runs a bundle in a web app: the best rung that this browser can run, checked on the golden vectors, and the next one
 * when it fails.
 *
 *     const model = await openBundle("/models/digits/", { key });
 *     const { probability } = await model.run({ image: { dtype: "float32", shape: [1, 1, 8, 8], data } });
 */

export type { Backend, Engine, EngineName, LoadOptions, ReadFile, Session } from "../engine.ts";
export type { DType, Numbers, Tensor, Tensors } from "../tensor.ts";
export { DeviceError, EdgewrightError, RequestError, TrustError } from "./errors.ts";
export type { Event, Policy, Record } from "./guard.ts";
export { rungKey } from "./ladder.ts";
export type { Evidence, Ladder, Rung } from "./ladder.ts";
export type { Artifact, File, Golden, Manifest, Requirements, Tolerance, ToleranceKind, Update } from "./manifest.ts";
export { ownFacts } from "./own_facts.ts";
export { LocalRecord } from "./record.ts";
export type { KeyValues, RecordStore } from "./record.ts";
export { choose, findLadder } from "./select.ts";
export type { Choice, Facts, PassedOver } from "./select.ts";
export { Model, openBundle } from "./session.ts";
export type { Failure, OpenOptions } from "./session.ts";
export type { ReadBundle } from "./source.ts";
export type { Affine, Preprocess, Signature, TensorSpec } from "./spec.ts";
