/**
 * Versions of packages, compared as PEP 440 orders them (pre-releases before, post-releases behind, local ones last).
 */

const FORM = new RegExp(
  "^\\s*v?(?:(?<epoch>[0-9]+)!)?(?<release>[0-9]+(?:\\.[0-9]+)*)" +
    "(?:[-_.]?(?<pre>alpha|beta|preview|pre|a|b|c|rc)[-_.]?(?<preNumber>[0-9]+)?)?" +
    "(?<post>-(?<postBare>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?<postNumber>[0-9]+)?)?" +
    "(?<dev>[-_.]?dev[-_.]?(?<devNumber>[0-9]+)?)?" +
    "(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\\s*$",
  "i",
);
const PRE = new Map([
  ["alpha", "a"],
  ["beta", "b"],
  ["c", "rc"],
  ["pre", "rc"],
  ["preview", "rc"],
]);
const BEFORE_ALL = -Infinity;
const BEHIND_ALL = Infinity;

/** What a version is ordered by: lists are compared entry by entry, a shorter one before a longer that begins so. */
type Key = readonly (number | string | Key)[];

/** Whether a version is one by PEP 440. */
export function isVersion(text: string): boolean {
  return FORM.test(text);
}

/** Whether a version is another or a newer one; one that cannot be read is old, so that nothing runs on the unknown. */
export function isAtLeast(installed: string, wanted: string): boolean {
  const left = keyOf(installed);
  const right = keyOf(wanted);
  return left !== null && right !== null && compare(left, right) >= 0;
}

function keyOf(text: string): Key | null {
  const parts = FORM.exec(text)?.groups;
  if (parts === undefined) return null;
  const release = (parts["release"] as string).split(".").map(Number);
  while (release.length > 1 && release.at(-1) === 0) release.pop();
  const pre = parts["pre"]?.toLowerCase();
  const post = parts["post"] === undefined ? null : Number(parts["postBare"] ?? parts["postNumber"] ?? 0);
  const dev = parts["dev"] === undefined ? null : Number(parts["devNumber"] ?? 0);
  let preKey: Key = [pre === undefined ? "" : (PRE.get(pre) ?? pre), Number(parts["preNumber"] ?? 0)];
  if (pre === undefined) preKey = [post === null && dev !== null ? BEFORE_ALL : BEHIND_ALL];
  const local = parts["local"]?.toLowerCase().split(/[-_.]/) ?? null;
  return [
    Number(parts["epoch"] ?? 0),
    release,
    preKey,
    post ?? BEFORE_ALL,
    dev ?? BEHIND_ALL,
    // A number stands behind a word, and a version without a local part before all that have one.
    local === null
      ? [BEFORE_ALL]
      : local.map((part) => (/^[0-9]+$/.test(part) ? [Number(part), ""] : [BEFORE_ALL, part])),
  ];
}

function compare(left: Key, right: Key): number {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = compareItems(left[index], right[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareItems(left: Key[number] | undefined, right: Key[number] | undefined): number {
  if (left === undefined || right === undefined) return left === right ? 0 : left === undefined ? -1 : 1;
  if (typeof left === "number" && typeof right === "number") return left === right ? 0 : left < right ? -1 : 1;
  if (typeof left === "string" && typeof right === "string") return left === right ? 0 : left < right ? -1 : 1;
  // BEFORE_ALL and BEHIND_ALL meet words and lists; no other number does.
  if (typeof left === "number") return left;
  if (typeof right === "number") return -right;
  return compare(left as Key, right as Key);
}
