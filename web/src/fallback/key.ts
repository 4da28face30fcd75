/** A publisher's public key: EC on the curve P-256, as PEM (SubjectPublicKeyInfo). As `bundle/keys.py`. */

import { cryptography, digestBytes } from "./digest.ts";
import { RequestError } from "./errors.ts";

export interface PublicKey {
  readonly key: CryptoKey;
  /** The SHA-256 of its PEM, which is what OpenSSF Model Signing calls the key's hint. */
  readonly id: string;
}

const PEM = /^\s*-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END PUBLIC KEY-----\s*$/;

/** Reads a public key; rejects with a `RequestError` when it is none, or is not on the curve P-256. */
export async function readPublicKey(pem: string): Promise<PublicKey> {
  const body = PEM.exec(pem)?.[1];
  if (body === undefined) {
    const kind = pem.includes("PRIVATE KEY") ? "a private key, not a public one" : "no public key in PEM form";
    throw new RequestError(`key: ${kind}`, "give the text of the publisher's KEY.pub");
  }
  const subtle = cryptography();
  let key: CryptoKey;
  try {
    const der = Uint8Array.from(atob(body.replace(/\s/g, "")), (character) => character.charCodeAt(0));
    key = await subtle.importKey("spki", der, { name: "ECDSA", namedCurve: "P-256" }, true, ["verify"]);
  } catch {
    throw new RequestError("key: expected an EC key on the curve P-256", "`edgewright keygen` makes a pair");
  }
  // Exported again it has the one spelling that its id is the digest of.
  const spki = new Uint8Array(await subtle.exportKey("spki", key));
  const lines = btoa(String.fromCharCode(...spki)).match(/.{1,64}/g) as string[];
  const text = `-----BEGIN PUBLIC KEY-----\n${lines.join("\n")}\n-----END PUBLIC KEY-----\n`;
  return { key, id: await digestBytes(new TextEncoder().encode(text)) };
}
