/** SHA-256 digests, in lower-case hexadecimal. */

import { RequestError } from "./errors.ts";

/**
 * Gives the browser's own cryptography.
 *
 * Throws a `RequestError` where there is none: browsers give it to pages of secure contexts only.
 */
export function cryptography(): SubtleCrypto {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (subtle === undefined) {
    throw new RequestError(
      "this page has no WebCrypto, so no digest can be checked",
      "serve the page over https, or from localhost",
    );
  }
  return subtle;
}

/** Digests bytes. */
export async function digestBytes(data: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await cryptography().digest("SHA-256", data as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
