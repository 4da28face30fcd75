/**
 * JSON read strictly, and written in its canonical form.
 *
 * `JSON.parse` keeps quiet about repeated keys, rounds large integers and does not tell `1` from `1.0`; what is signed
 * must mean one thing to every reader. The grammar is that of RFC 8259, limits and refusals are those of the Python
 * side.
 */

import { TrustError } from "./errors.ts";

/** A parsed value: an integer is a `bigint`, any other number a `number`, an object a `Map`. */
export type Json = null | boolean | string | number | bigint | readonly Json[] | ReadonlyMap<string, Json>;

const MAX_DEPTH = 500;
const MAX_DIGITS = 4300;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS: readonly (readonly [string, Json])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
];

/**
 * Parses JSON; `where` names the file in errors.
 *
 * Throws a `TrustError` when the bytes are no JSON in UTF-8, a key stands twice in one object, a number is beyond what
 * a number can hold, or text is no Unicode.
 */
export function parseJson(data: Uint8Array, where: string): Json {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new TrustError(`${where}: not JSON: it is not UTF-8`);
  }
  return new Parser(text, where).all();
}

class Parser {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly where: string,
  ) {}

  all(): Json {
    const value = this.value(0);
    this.skipSpace();
    if (this.at < this.text.length) throw this.refuse("something stands behind its end");
    return value;
  }

  private value(depth: number): Json {
    if (depth > MAX_DEPTH) throw this.refuse("it is nested too deeply");
    this.skipSpace();
    switch (this.text[this.at]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
      case '"':
        return this.string();
    }
    for (const [word, meaning] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return meaning;
      }
    }
    return this.number();
  }

  private object(depth: number): ReadonlyMap<string, Json> {
    const entries = new Map<string, Json>();
    this.at += 1;
    if (this.taken("}")) return entries;
    do {
      this.skipSpace();
      if (this.text[this.at] !== '"') throw this.refuse("a key is expected");
      const key = this.string();
      if (entries.has(key)) {
        throw new TrustError(`${this.where}: the key ${JSON.stringify(key)} stands twice in one object`);
      }
      if (!this.taken(":")) throw this.refuse("`:` is expected");
      entries.set(key, this.value(depth + 1));
    } while (this.taken(","));
    if (!this.taken("}")) throw this.refuse("`,` or `}` is expected");
    return entries;
  }

  private array(depth: number): readonly Json[] {
    const entries: Json[] = [];
    this.at += 1;
    if (this.taken("]")) return entries;
    do entries.push(this.value(depth + 1));
    while (this.taken(","));
    if (!this.taken("]")) throw this.refuse("`,` or `]` is expected");
    return entries;
  }

  private string(): string {
    let end = this.at + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    let value: string;
    try {
      value = JSON.parse(this.text.slice(this.at, end + 1)) as string;
    } catch {
      throw this.refuse("a text is not closed, or holds what must be escaped");
    }
    if (/\p{Surrogate}/u.test(value)) throw this.refuse("half of a surrogate pair is no text");
    this.at = end + 1;
    return value;
  }

  private number(): number | bigint {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) throw this.refuse("a value is expected");
    this.at = NUMBER.lastIndex;
    const [digits, fraction, exponent] = match;
    if (fraction === undefined && exponent === undefined) {
      if (digits.length > MAX_DIGITS) throw this.refuse("an integer has too many digits");
      return BigInt(digits);
    }
    const value = Number(digits);
    if (!Number.isFinite(value)) {
      throw new TrustError(`${this.where}: ${digits} is beyond what a number can hold`);
    }
    return value;
  }

  private taken(sign: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  private skipSpace(): void {
    SPACE.lastIndex = this.at;
    SPACE.exec(this.text);
    this.at = SPACE.lastIndex;
  }

  private refuse(what: string): TrustError {
    return new TrustError(`${this.where}: not JSON: ${what} (character ${this.at})`);
  }
}

/** Writes a value so that equal values give equal text: sorted keys, no spaces, numbers as Python's `repr` has them. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return decimal(value);
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, Json>)].sort(([a], [b]) => compareCodePoints(a, b));
    return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(",")}}`;
  }
  return `[${(value as readonly Json[]).map(canonicalJson).join(",")}]`;
}

/** Orders text by code points, as Python does; JavaScript's own order is by UTF-16 units. */
export function compareCodePoints(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (const [index, character] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (character !== other) return (character.codePointAt(0) as number) - (other.codePointAt(0) as number);
  }
  return left.length - right.length;
}

/** Writes a float64 as Python's `repr`: the same shortest digits as JavaScript's, another form of exponents. */
function decimal(value: number): string {
  const [digits, power] = value.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const text = value.toFixed(Math.max(0, digits.replace(/^-?\d\.?/, "").length - exponent));
  const signed = Object.is(value, -0) ? `-${text}` : text;
  return signed.includes(".") ? signed : `${signed}.0`;
}
