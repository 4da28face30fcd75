/**
 * Whether what is read of a bundle is what its publisher signed. Nothing of it is used before.
 *
 * The rules are those of `bundle/verify.py`, for the files that a browser loads: the signature covers the digest of
 * every file, so each is bound to it when it is fetched. What a server has beside the bundle cannot be seen from here.
 */

import { digestBytes } from "./digest.ts";
import { RequestError, TrustError } from "./errors.ts";
import { readPublicKey } from "./key.ts";
import { familyOf, LADDER_PATH, parseLadders, type Ladder } from "./ladder.ts";
import { MANIFEST_PATH, parseManifest, type Manifest } from "./manifest.ts";
import { SIGNATURE_PATH, signedDigests } from "./signature_file.ts";
import type { ReadBundle } from "./source.ts";

const REPORT_PATH = "evidence/report.json";
const HTML_PATH = "evidence/report.html";
/** Files that are parsed are refused beyond this size. */
const MAX_METADATA_BYTES = 64 * 2 ** 20;

/** Reads a file that the manifest lists, and checks its size and digest; rejects when they are others. */
export type ReadListed = (path: string) => Promise<Uint8Array>;

/** A bundle whose manifest and ladders were checked. */
export interface Verified {
  readonly manifest: Manifest;
  readonly ladders: readonly Ladder[];
  /** The SHA-256 of the manifest: what a record belongs to. */
  readonly release: string;
  readonly readFile: ReadListed;
}

/**
 * Reads manifest and ladders of a bundle.
 *
 * `key` is the publisher's public key, PEM text; null takes the bundle as the server gives it: then its files are held
 * to the manifest, and the manifest to nothing. Rejects with a `TrustError` when anything is not as signed, with a
 * `RequestError` when the key cannot be read, or a file not be fetched.
 */
export async function verify(read: ReadBundle, key: string | null): Promise<Verified> {
  const signed = key === null ? null : await readSigned(read, key);
  const manifestBytes = await readMetadata(read, MANIFEST_PATH, signed);
  const manifest = await parseManifest(manifestBytes);
  if (signed !== null) checkSigned(signed, manifest);
  const ladders = parseLadders(await readMetadata(read, LADDER_PATH, signed));
  checkLadders(ladders, manifest);
  return { manifest, ladders, release: await digestBytes(manifestBytes), readFile: listedIn(manifest, read) };
}

async function readSigned(read: ReadBundle, key: string): Promise<ReadonlyMap<string, string>> {
  const publicKey = await readPublicKey(key);
  let data: Uint8Array;
  try {
    data = await read(SIGNATURE_PATH, MAX_METADATA_BYTES);
  } catch (error) {
    throw new TrustError(`the bundle is unsigned: ${(error as Error).message}`, "serve `model.sig` with it");
  }
  const digests = await signedDigests(data, publicKey);
  for (const path of [MANIFEST_PATH, REPORT_PATH, LADDER_PATH]) {
    if (!digests.has(path)) throw new TrustError(`${path} is not signed: it is no bundle of edgewright`);
  }
  return digests;
}

async function readMetadata(
  read: ReadBundle,
  path: string,
  signed: ReadonlyMap<string, string> | null,
): Promise<Uint8Array> {
  const data = await read(path, MAX_METADATA_BYTES);
  if (signed !== null && (await digestBytes(data)) !== signed.get(path)) {
    throw new TrustError(`${path} was changed after signing`, "get the bundle again from its publisher");
  }
  return data;
}

function checkSigned(signed: ReadonlyMap<string, string>, manifest: Manifest): void {
  const listed = new Set([MANIFEST_PATH, REPORT_PATH, LADDER_PATH, HTML_PATH]);
  for (const file of manifest.update.files) {
    listed.add(file.path);
    const digest = signed.get(file.path);
    if (digest === undefined) throw new TrustError(`${file.path} is listed in ${MANIFEST_PATH}, and not signed`);
    if (digest !== file.sha256) throw new TrustError(`${file.path}: not the file that ${MANIFEST_PATH} lists`);
  }
  for (const path of signed.keys()) {
    if (!listed.has(path)) throw new TrustError(`${path} is signed, and not listed in ${MANIFEST_PATH}`);
  }
}

function checkLadders(ladders: readonly Ladder[], { update: { requirements } }: Manifest): void {
  for (const ladder of ladders) {
    for (const { artifact } of ladder.rungs) {
      if (!requirements.has(artifact)) {
        throw new TrustError(`${LADDER_PATH}: ${familyOf(ladder)}: the bundle has no artifact '${artifact}'`);
      }
    }
  }
}

function listedIn(manifest: Manifest, read: ReadBundle): ReadListed {
  const files = new Map(manifest.update.files.map((file) => [file.path, file]));
  return async (path) => {
    const file = files.get(path);
    if (file === undefined) throw new RequestError(`${path}: ${MANIFEST_PATH} lists no such file`);
    const data = await read(path, file.size_bytes);
    if (data.length !== file.size_bytes || (await digestBytes(data)) !== file.sha256) {
      throw new TrustError(
        `${path}: not the file that ${MANIFEST_PATH} lists`,
        "get the bundle again from its publisher",
      );
    }
    return data;
  };
}
