/** Reading files that have a schema version `MAJOR.MINOR`; the rules are those of `vocabulary/versioned.py`. */

import { TrustError } from "./errors.ts";
import { parseJson, type Json } from "./json.ts";
import { hasField, type Type } from "./schema.ts";

const FORM = /^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$/;

/**
 * Reads JSON whose top level has `schema_version` and perhaps `critical`.
 *
 * Another major version is refused, and so are unknown fields of this reader's own minor version. Of a newer minor
 * version unknown fields are ignored, unless `critical` names them, or something that they stand in.
 */
export function readVersioned<T>(data: Uint8Array, type: Type<T>, ownVersion: string, where: string): T {
  let value = parseJson(data, where);
  const stated = value instanceof Map ? (value as ReadonlyMap<string, Json>).get("schema_version") : undefined;
  const version = split(stated);
  const own = split(ownVersion);
  if (version === null || own === null || version.major !== own.major) {
    throw new TrustError(
      `${where}: expected schema version ${ownVersion}, got ${show(stated)}`,
      "read it with an edgewright that knows this version",
    );
  }
  const critical = names((value as ReadonlyMap<string, Json>).get("critical"));
  const unknown = critical.filter((name) => !hasField(type, name));
  if (version.minor > own.minor) {
    const ignored = new Set<string>();
    value = type.keepKnown(value, "", ignored);
    unknown.push(...[...ignored].filter((path) => critical.some((name) => path.startsWith(`${name}.`))));
  }
  if (unknown[0] !== undefined) {
    throw new TrustError(
      `${where}: ${unknown[0]} is critical, and unknown here`,
      `read it with an edgewright that knows schema version ${String(stated)}`,
    );
  }
  return type.read(value, where, "");
}

function split(version: Json | undefined): { major: number; minor: number } | null {
  const match = typeof version === "string" ? FORM.exec(version) : null;
  return match === null ? null : { major: Number(match[1]), minor: Number(match[2]) };
}

function names(critical: Json | undefined): string[] {
  return Array.isArray(critical) ? critical.filter((name) => typeof name === "string") : [];
}

function show(version: Json | undefined): string {
  return typeof version === "string" ? `'${version}'` : String(version ?? null);
}
