/** Bundles every `*.test.ts` and runs them with Node's own test runner: `npm test`. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const ROOM = fileURLToPath(new URL(".", import.meta.url));
const SOURCES = join(ROOM, "src");

const entryPoints = readdirSync(SOURCES, { recursive: true })
  .filter((path) => path.endsWith(".test.ts"))
  .map((path) => join(SOURCES, path));
// Inside of this room, so that packages are found.
const out = mkdtempSync(join(ROOM, ".test-"));
try {
  await esbuild.build({
    entryPoints,
    outdir: out,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true, // an engine is loaded only where a test asks for it
    format: "esm",
    platform: "node",
    packages: "external",
    define: { VERSIONS: JSON.stringify({ tfjs: "1.0", litertjs: "1.0", "onnxruntime-web": "1.0" }) }, // any will do
    logLevel: "warning",
  });
  const files = readdirSync(out, { recursive: true }).filter((path) => path.endsWith(".test.mjs"));
  const { status } = spawnSync(process.execPath, ["--test", ...files.map((path) => relative(ROOM, join(out, path)))], {
    cwd: ROOM,
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(out, { recursive: true });
}
