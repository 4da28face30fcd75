/**
 * `model.sig`: an OpenSSF Model Signing signature, a DSSE envelope in a Sigstore bundle, read strictly.
 *
 * Formats: Sigstore bundle v0.3, DSSE v1.0, in-toto Statement v1 with the predicate
 * `https://model_signing/signature/v1.0`. Of each only what signing by a key makes is accepted, in one spelling, as
 * `bundle/signature_file.py` does.
 */

import { cryptography } from "./digest.ts";
import { TrustError } from "./errors.ts";
import { canonicalJson, parseJson } from "./json.ts";
import type { PublicKey } from "./key.ts";
import { checkPaths } from "./paths.ts";
import { bool, list, must, struct, text } from "./schema.ts";

export const SIGNATURE_PATH = "model.sig";
const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE = "https://model_signing/signature/v1.0";
const PAYLOAD = `${SIGNATURE_PATH} payload`;

interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid: string }[];
}

interface SignatureFile {
  readonly mediaType: string;
  readonly verificationMaterial: {
    readonly publicKey: { readonly hint: string };
    readonly tlogEntries: readonly string[];
  };
  readonly dsseEnvelope: Envelope;
}

interface Serialization {
  readonly method: string;
  readonly hash_type: string;
  readonly allow_symlinks: boolean;
  readonly ignore_paths: readonly string[];
}

interface Resource {
  readonly name: string;
  readonly algorithm: string;
  readonly digest: string;
}

interface Statement {
  readonly _type: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: { readonly serialization: Serialization; readonly resources: readonly Resource[] };
}

const envelope = struct<Envelope>({
  payload: must(text),
  payloadType: must(text),
  signatures: must(list(struct<Envelope["signatures"][number]>({ sig: must(text), keyid: must(text) }))),
});
const material = struct<SignatureFile["verificationMaterial"]>({
  publicKey: must(struct<{ readonly hint: string }>({ hint: must(text) })),
  tlogEntries: must(list(text)),
});
const signatureFile = struct<SignatureFile>({
  mediaType: must(text),
  verificationMaterial: must(material),
  dsseEnvelope: must(envelope),
});
const serialization = struct<Serialization>({
  method: must(text),
  hash_type: must(text),
  allow_symlinks: must(bool),
  ignore_paths: must(list(text)),
});
const resource = struct<Resource>({ name: must(text), algorithm: must(text), digest: must(text) });
const statementType = struct<Statement>({
  _type: must(text),
  subject: must(
    list(
      struct<Statement["subject"][number]>({
        name: must(text),
        digest: must(struct<{ readonly sha256: string }>({ sha256: must(text) })),
      }),
    ),
  ),
  predicateType: must(text),
  predicate: must(
    struct<Statement["predicate"]>({ serialization: must(serialization), resources: must(list(resource)) }),
  ),
});

/**
 * Checks the signature of a signature file, and gives what it signs: name of file → SHA-256.
 *
 * Rejects with a `TrustError` when it is not by this key, or anything in it is not as signing makes it.
 */
export async function signedDigests(data: Uint8Array, key: PublicKey): Promise<ReadonlyMap<string, string>> {
  const parsed = parseJson(data, SIGNATURE_PATH);
  if (!sameBytes(new TextEncoder().encode(canonicalJson(parsed)), data)) {
    throw new TrustError(`${SIGNATURE_PATH}: not in canonical form; it was changed after signing`);
  }
  const file = signatureFile.read(parsed, SIGNATURE_PATH, "");
  const { payload, payloadType, signatures } = file.dsseEnvelope;
  expect("media type", file.mediaType, MEDIA_TYPE);
  expect("payload type", payloadType, PAYLOAD_TYPE);
  expect("transparency log", file.verificationMaterial.tlogEntries.length, 0);
  expect("number of signatures", signatures.length, 1);
  const { sig, keyid } = signatures[0] as Envelope["signatures"][number];
  expect("key id of the signature", keyid, "");
  const { hint } = file.verificationMaterial.publicKey;
  if (hint !== key.id) {
    throw new TrustError(
      `${SIGNATURE_PATH}: signed by another key: ${hint.slice(0, 16)}…, not ${key.id.slice(0, 16)}…`,
      "give the public key of whoever signed the bundle, or do not trust it",
    );
  }
  const bytes = decode(payload, "payload");
  await verify(bytes, decode(sig, "signature"), key);
  return digestsOf(statementType.read(parseJson(bytes, PAYLOAD), PAYLOAD, ""));
}

async function verify(payload: Uint8Array, signature: Uint8Array, { key }: PublicKey): Promise<void> {
  const head = new TextEncoder().encode(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `);
  const signed = new Uint8Array(head.length + payload.length);
  signed.set(head);
  signed.set(payload, head.length);
  const raw = rawSignature(signature);
  const holds = raw !== null && (await cryptography().verify({ name: "ECDSA", hash: "SHA-256" }, key, raw, signed));
  if (!holds) {
    throw new TrustError(
      `${SIGNATURE_PATH}: the signature is not by this key, or was changed`,
      "get the bundle again from where it was published",
    );
  }
}

/**
 * Gives an ECDSA signature as WebCrypto takes it, r and s of 32 bytes each, from its DER form; null when it is none.
 *
 * `SEQUENCE { INTEGER r, INTEGER s }` (RFC 3279, 2.2.3), in the one spelling that DER allows.
 */
function rawSignature(der: Uint8Array): Uint8Array<ArrayBuffer> | null {
  if (der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 0x81) return null;
  const raw = new Uint8Array(64);
  let at = 2;
  for (const place of [0, 32]) {
    const length = der[at + 1] ?? 0;
    const integer = der.subarray(at + 2, at + 2 + length);
    const [first = 0x80, second = 0x80] = integer; // a negative one, where there are no bytes
    if (der[at] !== 0x02 || length === 0 || integer.length !== length || first >= 0x80) return null;
    if (first === 0 && length > 1 && second < 0x80) return null;
    const bytes = first === 0 ? integer.subarray(1) : integer;
    if (bytes.length > 32) return null;
    raw.set(bytes, place + 32 - bytes.length);
    at += 2 + length;
  }
  return at === der.length ? raw : null;
}

function digestsOf({ _type, subject, predicateType, predicate }: Statement): ReadonlyMap<string, string> {
  const { method, hash_type, allow_symlinks, ignore_paths } = predicate.serialization;
  expect("statement type", _type, STATEMENT_TYPE);
  expect("predicate type", predicateType, PREDICATE_TYPE);
  expect("number of subjects", subject.length, 1);
  expect("method", method, "files");
  expect("hash", hash_type, "sha256");
  expect("symbolic links", allow_symlinks, false);
  expect("ignored files", ignore_paths.join(), SIGNATURE_PATH);
  const digests = new Map<string, string>();
  for (const { name, algorithm, digest } of predicate.resources) {
    expect(`hash of ${name}`, algorithm, "sha256");
    if (digests.has(name)) throw new TrustError(`${SIGNATURE_PATH}: '${name}' is signed twice`);
    digests.set(name, digest);
  }
  checkPaths([...digests.keys(), SIGNATURE_PATH]);
  return digests;
}

function decode(encoded: string, what: string): Uint8Array<ArrayBuffer> {
  let binary = "";
  try {
    binary = atob(encoded);
  } catch {
    // It stays empty, which is no content either.
  }
  if (binary === "" || btoa(binary) !== encoded) {
    throw new TrustError(`${SIGNATURE_PATH}: the ${what} is not canonical base64`);
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function expect<T extends string | number | boolean>(what: string, got: T, wanted: T): void {
  if (got !== wanted) throw new TrustError(`${SIGNATURE_PATH}: ${what}: expected ${wanted}, got ${got}`);
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
