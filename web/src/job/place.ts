/** Where this runs: a page or Node, the address of its server, and the folder of the engines' files. */

export const inNode = typeof process === "object" && typeof process.versions?.node === "string";

/** The address of the job's server; ends with `/`. Node finds it where command lines do not show it. */
export const server = inNode ? process.env["EDGEWRIGHT_JOB_URL"]! : new URL(".", location.href).href;

const assetsUrl = new URL("assets/", import.meta.url);

/** What `LoadOptions.assets` is here. */
export const assets = inNode ? decodeURIComponent(assetsUrl.pathname) : assetsUrl.href;

/** What runs this, and its version. A page knows its browser's by halves; whoever started it knows better. */
export function program(): readonly [string, string] {
  if (inNode) return ["Node", process.versions.node];
  const found = /(Chrom\w+|Firefox|Safari)\/([\d.]+)/.exec(navigator.userAgent);
  return [found?.[1] ?? "browser", found?.[2] ?? ""];
}
