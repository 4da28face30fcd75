/**
 * What a file from outside may hold, and reading it strictly: unknown keys are refused, and an error says where.
 *
 * The rules are those of the Python side (`vocabulary/codec.py`). Values keep the names that they have in the files.
 */

import { TrustError } from "./errors.ts";
import type { Json } from "./json.ts";

/** A type of value in a file. */
export interface Type<T> {
  /** Turns parsed JSON into a value; throws a `TrustError` that names the file and the dotted path. */
  read(value: Json, where: string, path: string): T;
  /** Leaves out the keys that the type does not have; puts their dotted paths into `ignored`. */
  keepKnown(value: Json, path: string, ignored: Set<string>): Json;
  /** Gives the types that stand under a name: of a field, or `*` for the entries of a table. */
  below(name: string): readonly Type<unknown>[];
}

/** A field of an object; one without `missing` must be there. */
export interface Field<T> {
  readonly type: Type<T>;
  readonly missing?: { readonly value: T };
}

type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

function leaf<T>(expected: string, read: (value: Json) => T | undefined): Type<T> {
  return {
    read(value, where, path) {
      const found = read(value);
      if (found === undefined) throw refuse(where, path, expected, value);
      return found;
    },
    keepKnown: (value) => value,
    below: () => [],
  };
}

export const bool: Type<boolean> = leaf("`bool`", (value) => (typeof value === "boolean" ? value : undefined));
export const text: Type<string> = leaf("`str`", (value) => (typeof value === "string" ? value : undefined));
/** An integer that a float64 holds exactly; no size or count of a bundle is beyond that. */
export const integer: Type<number> = leaf("`int`", asInteger);
export const float: Type<number> = leaf("`float`", (value) => {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
});
/** A size, or the name of a symbolic one. */
export const dimension: Type<number | string> = leaf("`int` or `str`", (value) =>
  typeof value === "string" ? value : asInteger(value),
);
export const pairOfFloats: Type<readonly [number, number]> = leaf("a list of two `float`", (value) => {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const numbers = value.map(Number);
  const fits = value.every((item) => typeof item === "number" || typeof item === "bigint");
  return fits && numbers.every(Number.isFinite) ? (numbers as [number, number]) : undefined;
});

export function oneOf<T extends string>(...names: readonly T[]): Type<T> {
  return leaf(`one of ${names.join(", ")}`, (value) => names.find((name) => name === value));
}

export function list<T>(item: Type<T>): Type<readonly T[]> {
  return {
    read(value, where, path) {
      if (!Array.isArray(value)) throw refuse(where, path, "a list", value);
      return (value as readonly Json[]).map((entry, index) => item.read(entry, where, `${path}[${index}]`));
    },
    keepKnown: (value, path, ignored) =>
      Array.isArray(value) ? (value as readonly Json[]).map((entry) => item.keepKnown(entry, path, ignored)) : value,
    below: (name) => item.below(name),
  };
}

export function table<T>(item: Type<T>): Type<ReadonlyMap<string, T>> {
  return {
    read(value, where, path) {
      if (!isTable(value)) throw refuse(where, path, "a table", value);
      return new Map([...value].map(([key, entry]) => [key, item.read(entry, where, join(path, key))]));
    },
    keepKnown: (value, path, ignored) =>
      isTable(value)
        ? new Map([...value].map(([key, entry]) => [key, item.keepKnown(entry, join(path, "*"), ignored)]))
        : value,
    below: (name) => (name === "*" ? [item] : []),
  };
}

export function orNull<T>(type: Type<T>): Type<T | null> {
  return {
    read: (value, where, path) => (value === null ? null : type.read(value, where, path)),
    keepKnown: (value, path, ignored) => type.keepKnown(value, path, ignored),
    below: (name) => type.below(name),
  };
}

/** An object with these fields and no others; `check` throws an `Error` when they do not belong together. */
export function struct<T extends object>(fields: Fields<T>, check: (value: T) => void = () => undefined): Type<T> {
  const known = new Map(Object.entries(fields) as [string, Field<unknown>][]);
  return {
    read(value, where, path) {
      if (!isTable(value)) throw refuse(where, path, "a table", value);
      for (const key of value.keys()) {
        if (!known.has(key)) {
          const hint = `known keys here: ${[...known.keys()].sort().join(", ")}`;
          throw new TrustError(`${where}: unknown key ${join(path, key)}`, hint);
        }
      }
      const found: Record<string, unknown> = {};
      for (const [name, field] of known) {
        const given = value.get(name);
        if (given !== undefined) found[name] = field.type.read(given, where, join(path, name));
        else if (field.missing !== undefined) found[name] = field.missing.value;
        else throw new TrustError(`${where}: ${join(path, name)} is missing`);
      }
      try {
        check(found as T);
      } catch (error) {
        throw new TrustError(`${where}: ${path || "the top level"}: ${(error as Error).message}`);
      }
      return found as T;
    },
    keepKnown(value, path, ignored) {
      if (!isTable(value)) return value;
      const kept = new Map<string, Json>();
      for (const [key, entry] of value) {
        const field = known.get(key);
        if (field === undefined) ignored.add(join(path, key));
        else kept.set(key, field.type.keepKnown(entry, join(path, key), ignored));
      }
      return kept;
    },
    below(name) {
      const field = known.get(name);
      return field === undefined ? [] : [field.type];
    },
  };
}

export function must<T>(type: Type<T>): Field<T> {
  return { type };
}

export function may<T>(type: Type<T>, value: T): Field<T> {
  return { type, missing: { value } };
}

/** Whether a dotted path, written as `keepKnown` writes it, names a field. */
export function hasField(type: Type<unknown>, path: string): boolean {
  let types: readonly Type<unknown>[] = [type];
  for (const name of path.split(".")) types = types.flatMap((choice) => choice.below(name));
  return types.length > 0;
}

function asInteger(value: Json): number | undefined {
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
}

function isTable(value: Json): value is ReadonlyMap<string, Json> {
  return value instanceof Map;
}

function join(path: string, key: string): string {
  return path ? `${path}.${key}` : key;
}

function refuse(where: string, path: string, expected: string, got: Json): TrustError {
  return new TrustError(`${where}: expected ${expected} in ${path || "the top level"}, got ${show(got)}`);
}

function show(value: Json): string {
  if (value instanceof Map) return "a table";
  return Array.isArray(value) ? "a list" : typeof value === "string" ? JSON.stringify(value) : String(value);
}
