/** Names of files in a bundle: one spelling on every system, and none that leaves the bundle. As `bundle/paths.py`. */

import { TrustError } from "./errors.ts";

const MAX_PART_BYTES = 255;
const MAX_PATH_BYTES = 1024;
const SPECIAL = /[\\:*?"<>|\p{Cc}\p{Cf}]/u;
const DEVICE = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])$/;

/** Checks names against the rules and against each other; throws a `TrustError` when one breaks them. */
export function checkPaths(paths: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const problem = problemOf(path);
    if (problem !== null) throw new TrustError(`the name '${path}' ${problem}; no bundle holds such a file`);
    const folded = fold(path);
    const twin = seen.get(folded);
    if (twin !== undefined) throw new TrustError(`'${path}' and '${twin}' are one file on some systems`);
    seen.set(folded, path);
  }
  const folders = new Map<string, string>();
  for (const path of paths) {
    const parts = path.split("/");
    for (let length = 1; length < parts.length; length += 1) {
      const folder = parts.slice(0, length).join("/");
      const folded = fold(folder);
      const file = seen.get(folded);
      if (file !== undefined) throw new TrustError(`'${file}' is a file, and the folder of '${path}'`);
      const twin = folders.get(folded) ?? folder;
      if (twin !== folder) throw new TrustError(`'${folder}' and '${twin}' are one folder on some systems`);
      folders.set(folded, folder);
    }
  }
}

/** Brings letters to one case, across alphabets (`ß` and `SS` are equal), as case folding does. */
function fold(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

function problemOf(path: string): string | null {
  if (byteCount(path) > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  if (path.startsWith("/")) return "is absolute";
  if (path.normalize("NFC") !== path) return "is not in Unicode's composed form";
  for (const part of path.split("/")) {
    if (part === "") return "has an empty part";
    if (part === "..") return "climbs out of its folder";
    if (part.startsWith(".")) return "has a part that begins with a dot";
    if (part.endsWith(" ") || part.endsWith(".")) return "has a part that ends with a space or a dot";
    if (SPECIAL.test(part)) return "holds a character that some systems treat specially";
    const stem = (part.split(".")[0] as string).replace(/ +$/, "").toLowerCase();
    if (DEVICE.test(stem)) return "is a device on some systems";
    if (byteCount(part) > MAX_PART_BYTES) return `has a part longer than ${MAX_PART_BYTES} bytes`;
  }
  return null;
}

function byteCount(text: string): number {
  return new TextEncoder().encode(text).length;
}
