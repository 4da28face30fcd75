/**
 * Builds `dist/` (or the folder that the first argument names): what Node and browsers run, the engines' wasm files,
 * the licences, and a manifest of versions. The same sources and packages give the same bytes. The folder appears
 * whole, or stays as it was.
 */

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { writeDeclarations } from "./declarations.mjs";

const ROOM = dirname(fileURLToPath(import.meta.url));
const OUT = resolve(process.argv[2] ?? join(ROOM, "dist"));
/** What is built changes at once: a process that starts meanwhile finds all of the old or all of the new. */
const DIST = `${OUT}.${process.pid}`;
const OLD = `${DIST}.old`;
const PACKAGES = join(ROOM, "node_modules");

/** Name in `dist` → source. Each page or process loads its entry, and of the engines only the one it asks for. */
const FOR_NODE = { job: "src/job.ts", worker: "src/worker.ts" };
const FOR_BROWSERS = {
  engine: "src/engine.ts",
  "fallback/edgewright-fallback": "src/fallback/edgewright-fallback.ts",
  job: "src/job.ts",
  "preview/preview": "src/preview/preview.ts",
  "preview/work": "src/preview/work.ts",
};

/** Folder in `dist` → the files of `src` that go there as they are. */
const PAGES = { preview: ["index.html", "style.css", "icon.svg", "start.js"] };

/** Folder in `dist/assets` → the package that brings the files, and which of them are used. */
const ASSETS = {
  tfjs: {
    from: "@tensorflow/tfjs-backend-wasm/dist",
    files: ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm", "tfjs-backend-wasm-threaded-simd.wasm"],
  },
  litertjs: {
    from: "@litertjs/core/wasm",
    files: ["", "_compat", "_jspi", "_threaded"].flatMap((variant) => [
      `litert_wasm${variant}_internal.js`,
      `litert_wasm${variant}_internal.wasm`,
    ]),
  },
  "onnxruntime-web": {
    from: "onnxruntime-web/dist",
    files: ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"].flatMap((name) => [`${name}.mjs`, `${name}.wasm`]),
  },
};

/** Packages under the MIT licence that do not bring its text: whose they are. */
const COPYRIGHTS = {
  "onnxruntime-web": "Copyright (c) Microsoft Corporation",
  seedrandom: "Copyright 2019 David Bau",
};

/** Engine → the package whose version is the engine's. */
const ENGINES = { tfjs: "@tensorflow/tfjs-core", litertjs: "@litertjs/core", "onnxruntime-web": "onnxruntime-web" };

const VERSIONS = Object.fromEntries(Object.entries(ENGINES).map(([name, from]) => [name, readPackage(from).version]));

const COMMON = {
  absWorkingDir: ROOM,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  conditions: ["onnxruntime-web-use-extern-wasm"], // its wasm and what loads it are assets
  define: { VERSIONS: JSON.stringify(VERSIONS) },
  mainFields: ["module", "main"], // the same modules in Node as in browsers
  minify: true,
  legalComments: "none", // LICENSES.txt has them
  logLevel: "warning",
  metafile: true,
  outdir: DIST,
};

function readPackage(name) {
  return JSON.parse(readFileSync(join(PACKAGES, name, "package.json"), "utf8"));
}

async function bundle() {
  const node = await esbuild.build({
    ...COMMON,
    entryPoints: FOR_NODE,
    platform: "node",
    external: ["node-fetch"], // asked for only by a Node without fetch
    outExtension: { ".js": ".mjs" },
    chunkNames: "node/[name]-[hash]",
    // Emscripten's loaders ask for these two as CommonJS has them.
    banner: {
      js: [
        'import{createRequire as requireOf}from"node:module";import{fileURLToPath as pathOf}from"node:url";',
        'const require=requireOf(import.meta.url),__dirname=pathOf(new URL(".",import.meta.url)).slice(0,-1);',
      ].join(""),
    },
  });
  const browsers = await esbuild.build({
    ...COMMON,
    entryPoints: FOR_BROWSERS,
    platform: "browser",
    chunkNames: "chunks/[name]-[hash]",
    external: ["fs", "path", "worker_threads", "perf_hooks", "os"], // asked for only where there is a `process`
  });
  return [...Object.keys(node.metafile.inputs), ...Object.keys(browsers.metafile.inputs)];
}

function copyPages() {
  for (const [folder, files] of Object.entries(PAGES)) {
    for (const file of files) cpSync(join(ROOM, "src", folder, file), join(DIST, folder, file));
  }
}

function copyAssets() {
  for (const [folder, { from, files }] of Object.entries(ASSETS)) {
    mkdirSync(join(DIST, "assets", folder), { recursive: true });
    for (const file of files) cpSync(join(PACKAGES, from, file), join(DIST, "assets", folder, file));
  }
}

/** The package that a file under `node_modules` belongs to. */
function packageOf(path) {
  const parts = path.split("node_modules/").at(-1).split("/");
  return parts.slice(0, parts[0].startsWith("@") ? 2 : 1).join("/");
}

function ownText(name, license) {
  if (license === "Apache-2.0") return "The text of this licence is that of edgewright's own, in its file LICENSE.";
  if (license !== "MIT" || !(name in COPYRIGHTS)) throw new Error(`${name} (${license}) brings no text of its licence`);
  return `${COPYRIGHTS[name]}\n\n${readFileSync(join(ROOM, "licences", "mit.txt"), "utf8").trim()}`;
}

function licences(inputs) {
  const bundled = inputs.filter((path) => path.includes("node_modules/")).map(packageOf);
  const copied = Object.values(ASSETS).map(({ from }) => packageOf(`node_modules/${from}`));
  const sections = [...new Set([...bundled, ...copied])].sort().map((name) => {
    const { version, license, homepage } = readPackage(name);
    const files = readdirSync(join(PACKAGES, name)).filter((file) => /^(licen[cs]e|notice|thirdpartynotices)/i.test(file));
    const texts = files.sort().map((file) => readFileSync(join(PACKAGES, name, file), "utf8").trim());
    const said = texts.length ? texts : [ownText(name, license)];
    return [`${name} ${version} (${license})`, ...(homepage ? [homepage] : []), "", ...said].join("\n");
  });
  return `What the files beside this one contain, with their licences.\n\n${sections.join(`\n\n${"=".repeat(80)}\n\n`)}\n`;
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}

function manifest() {
  const files = Object.fromEntries(
    filesUnder(DIST).map((path) => [path, createHash("sha256").update(readFileSync(join(DIST, path))).digest("hex")]),
  );
  return `${JSON.stringify({ engines: VERSIONS, files }, null, 1)}\n`;
}

/** Puts what was built in the place of what was there. Another build may do so at this moment: the last one's stays. */
function exchange() {
  for (;;) {
    rmSync(OLD, { recursive: true, force: true });
    try {
      renameSync(OUT, OLD);
    } catch (error) {
      if (error.code !== "ENOENT") throw error; // there was none
    }
    try {
      return renameSync(DIST, OUT);
    } catch (error) {
      if (error.code === "ENOTEMPTY" || error.code === "EEXIST") continue; // the other build's is there now
      if (existsSync(OLD)) renameSync(OLD, OUT);
      throw error;
    }
  }
}

if (!existsSync(PACKAGES)) throw new Error("no packages here: run `make web`");
try {
  const inputs = await bundle();
  copyAssets();
  copyPages();
  writeDeclarations(join(DIST, "fallback"));
  writeFileSync(join(DIST, "LICENSES.txt"), licences(inputs));
  writeFileSync(join(DIST, "manifest.json"), manifest());
  exchange();
} finally {
  for (const folder of [DIST, OLD]) rmSync(folder, { recursive: true, force: true });
}
