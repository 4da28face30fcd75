/** Where the files of a bundle are read from: a folder that a server serves. Nothing that is read is trusted here. */

import { RequestError } from "./errors.ts";

/** Reads a file of a bundle by its path, `content/manifest.json`; rejects when it is not there. */
export type ReadBundle = (path: string, maxBytes: number) => Promise<Uint8Array>;

/**
 * Reads the files under a URL, which is that of the bundle's folder.
 *
 * Rejects with a `RequestError` when a file cannot be fetched, or is larger than `maxBytes`: then its rest is not read.
 */
export function filesUnder(base: string | URL): ReadBundle {
  const folder = urlOf(base);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return async (path, maxBytes) => {
    const url = new URL(path.split("/").map(encodeURIComponent).join("/"), folder);
    url.search = folder.search;
    let response: Response;
    try {
      // Asked anew each time: what a cache kept may be of the release before. An unchanged file is not sent again.
      response = await fetch(url, { cache: "no-cache" });
    } catch (error) {
      throw new RequestError(`${path}: cannot be fetched from ${url.href}: ${(error as Error).message}`);
    }
    if (!response.ok) {
      throw new RequestError(`${path}: ${url.href} answers ${response.status} ${response.statusText}`.trimEnd());
    }
    return readAtMost(response, maxBytes, path);
  };
}

/** Resolves an address as a page, or a worker, does. */
function urlOf(base: string | URL): URL {
  const { document, location } = globalThis as { document?: Document; location?: Location };
  try {
    return new URL(base, document?.baseURI ?? location?.href);
  } catch {
    throw new RequestError(`${base}: no URL of a bundle's folder`);
  }
}

async function readAtMost(response: Response, maxBytes: number, path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
    size += next.value.length;
    if (size > maxBytes) {
      await reader?.cancel();
      throw new RequestError(`${path}: larger than ${maxBytes} bytes`);
    }
    chunks.push(next.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
