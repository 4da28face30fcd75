/** Writes the types of the module that web apps import: its own `.d.ts`, and beside it those that it leads to. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOM = fileURLToPath(new URL(".", import.meta.url));
const SOURCES = join(ROOM, "src");
const ENTRY = "fallback/edgewright-fallback";
/** What the build gives a value; it is no business of those who import the module. */
const OF_THE_BUILD = /^declare global \{\n.*?^\}\n/ms;
const IMPORTED = /(?<=from "|import\(")(\.[^"]*)\.ts(?=")/g;

/** Writes `edgewright-fallback.d.ts` and the folder `types` into a folder. */
export function writeDeclarations(folder) {
  const emitted = emit();
  const wanted = [ENTRY];
  for (const name of wanted) {
    const text = emitted.get(name).replace(OF_THE_BUILD, "");
    for (const [path] of text.matchAll(IMPORTED)) {
      const next = posix.join(posix.dirname(name), path.replace(/\.ts$/, ""));
      if (!wanted.includes(next)) wanted.push(next);
    }
    const place = join(folder, "types", `${name}.d.ts`);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text.replace(IMPORTED, "$1.js"));
  }
  writeFileSync(join(folder, "edgewright-fallback.d.ts"), `export * from "./types/${ENTRY}.js";\n`);
}

/** Gives the declarations of every source that the entry leads to, by its path in `src` without the ending. */
function emit() {
  const { config } = ts.readConfigFile(join(ROOM, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOM);
  const entry = join(SOURCES, `${ENTRY}.ts`);
  const program = ts.createProgram([entry], {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
  });
  const found = new Map();
  const { diagnostics } = program.emit(undefined, (_, text, __, ___, sources) => {
    found.set(relative(SOURCES, sources[0].fileName).replaceAll("\\", "/").replace(/\.ts$/, ""), text);
  });
  if (diagnostics.length) throw new Error(diagnostics.map(({ messageText }) => JSON.stringify(messageText)).join("\n"));
  return found;
}
