/** The first half of the page: which artifact, on which backend, with how many threads. */

import type { Backend } from "../engine.ts";
import type { Catalog, Choice, Seen } from "./catalog.ts";
import { byId, element } from "./element.ts";
import type { Lacking } from "./messages.ts";
import { Runner } from "./runner.ts";
import { inBytes, inMs, inShort, plural } from "./wording.ts";

const BACKENDS: readonly Backend[] = ["wasm", "webgl", "webgpu", "cpu"];
const WHAT: Readonly<Record<Backend, string>> = {
  wasm: "WebAssembly, on the processor",
  webgl: "on the graphics card, by shaders",
  webgpu: "on the graphics card",
  cpu: "plain JavaScript",
};
const WORDS = { pass: "passed", fail: "failed", "not-run": "not run" } as const;
/** More threads than this bring an engine on wasm nothing. */
const MOST_THREADS = 16;

/** What was chosen; null where nothing can be run. */
export interface Chosen {
  readonly choice: Choice;
  readonly backend: Backend;
  readonly threads: number;
}

export class Choosing {
  readonly #catalog: Catalog;
  readonly #lacking = new Map<string, Promise<Lacking>>();
  #choice: Choice | null = null;
  #wanted: string | null;

  /** Fills the page in; `changed` is called when another artifact is chosen. */
  constructor(catalog: Catalog, changed: () => void) {
    this.#catalog = catalog;
    this.#wanted = catalog.start?.runtime?.split("/")[1] ?? null;
    const artifacts = byId("artifacts");
    artifacts.append(...catalog.choices.map((choice) => this.#artifact(choice)));
    artifacts.addEventListener("change", () => void this.#pick().then(changed));
    byId("backends").addEventListener("change", () => {
      this.#wanted = this.#backend();
      this.#showThreads();
    });
    byId("start-reason").textContent =
      catalog.start === null
        ? "No artifact of this bundle can be run in a browser."
        : `Begins with ${catalog.start.artifact}: ${catalog.start.why}.`;
  }

  /** Makes the page ready with what it begins with. */
  async begin(): Promise<void> {
    if (this.#catalog.start !== null) await this.#pick();
  }

  get chosen(): Chosen | null {
    const backend = this.#backend();
    if (this.#choice === null || backend === null) return null;
    return { choice: this.#choice, backend, threads: Number(byId<HTMLSelectElement>("threads").value) };
  }

  #backend(): Backend | null {
    return (document.querySelector<HTMLInputElement>("#backends input:checked")?.value as Backend | undefined) ?? null;
  }

  #artifact(choice: Choice): HTMLElement {
    const id = `artifact-${this.#catalog.choices.indexOf(choice)}`;
    const checked = this.#catalog.start?.artifact === choice.name;
    const radio = { type: "radio", name: "artifact", value: choice.name, id, checked, disabled: choice.engine === null };
    const facts = [choice.target, choice.precision, inBytes(choice.size_bytes)].filter(Boolean).join(" · ");
    const seen = choice.seen.map(seenOn);
    const none = choice.seen.length ? null : element("span", {}, "no evidence: it was not measured");
    return element(
      "label",
      { class: "choice", for: id },
      element("input", { ...radio, "aria-labelledby": `${id}-name`, "aria-describedby": `${id}-about` }),
      element("span", { class: "name", id: `${id}-name` }, choice.name),
      element(
        "span",
        { class: "about", id: `${id}-about` },
        element("span", {}, facts),
        choice.reason === null ? null : element("span", {}, `Not here: ${choice.reason}.`),
        none,
        ...seen,
      ),
    );
  }

  async #pick(): Promise<void> {
    const name = document.querySelector<HTMLInputElement>("#artifacts input:checked")?.value;
    const choice = this.#catalog.choices.find((each) => each.name === name) ?? null;
    this.#choice = choice;
    if (choice?.engine == null) return;
    const { engine } = choice;
    byId("engine").textContent = `${engine}: what runs ${choice.runtime} files in a browser.`;
    if (!this.#lacking.has(engine)) this.#lacking.set(engine, Runner.lacking(engine));
    const lacking = await (this.#lacking.get(engine) as Promise<Lacking>);
    if (this.#choice === choice) this.#showBackends(choice, lacking);
  }

  #showBackends({ engine }: Choice, lacking: Lacking): void {
    const reasons = BACKENDS.map((backend) => (backend in lacking ? lacking[backend] : `${engine} has no such backend`));
    const usable = BACKENDS.filter((_, place) => reasons[place] === null);
    const checked = usable.find((backend) => backend === this.#wanted) ?? usable[0];
    const choices = BACKENDS.map((backend, place) => {
      const reason = reasons[place] ?? null;
      const id = `backend-${backend}`;
      const radio = { type: "radio", name: "backend", value: backend, id, disabled: reason !== null };
      return element(
        "label",
        { class: "choice", for: id },
        element("input", { ...radio, checked: backend === checked, "aria-labelledby": `${id}-name`, "aria-describedby": `${id}-about` }),
        element("span", { class: "name", id: `${id}-name` }, backend),
        element("span", { class: "about", id: `${id}-about` }, reason === null ? WHAT[backend] : `Not here: ${reason}`),
      );
    });
    byId("backends").replaceChildren(element("legend", {}, "Backend"), ...choices);
    this.#showThreads();
  }

  #showThreads(): void {
    const select = byId<HTMLSelectElement>("threads");
    const before = Number(select.value) || (this.#catalog.start?.threads ?? 1);
    const [most, reason] = threadsOn(this.#backend());
    const counts = Array.from({ length: most }, (_, place) => place + 1);
    const chosen = Math.min(before, most);
    select.replaceChildren(...counts.map((count) => element("option", { value: count, selected: count === chosen }, `${count}`)));
    byId("threads-reason").textContent = reason;
  }
}

/** How many threads may be asked for, and why no more. */
function threadsOn(backend: Backend | null): [number, string] {
  if (backend !== "wasm") return [1, "Only wasm has threads that one can count."];
  if (!globalThis.crossOriginIsolated) {
    return [1, "More need a page of this machine itself: over plain http from another one browsers give none."];
  }
  const cores = navigator.hardwareConcurrency;
  return [Math.min(cores, MOST_THREADS), `This machine shows ${plural(cores, "core")}.`];
}

function seenOn(seen: Seen): HTMLElement {
  const time = seen.p50_ms === null ? "" : ` · ${inMs(seen.p50_ms)}`;
  const off = seen.max_abs === null ? "" : ` · off by at most ${inShort(seen.max_abs)}`;
  const where = `${seen.runtime} on ${seen.device}, ${plural(seen.threads, "thread")}`;
  return element(
    "span",
    {},
    element("span", { class: `tag ${seen.verdict}` }, WORDS[seen.verdict]),
    ` ${where}${time}${off} · ${seen.evidence}`,
    seen.reasons.length ? ` · ${seen.reasons.join("; ")}` : "",
  );
}
