/** The page: chosen artifact and given input go to a worker, and what comes back is shown. */

import type { Tensors } from "../tensor.ts";
import { fetchCatalog, type Catalog, type RowSet } from "./catalog.ts";
import { Choosing, type Chosen } from "./choosing.ts";
import { byId, element } from "./element.ts";
import { quantile } from "./figures.ts";
import { Giving, labelled, type Given } from "./giving.ts";
import { judgeAll, judgeRow, type RowVerdict } from "./golden.ts";
import type { Opened } from "./messages.ts";
import { asJson, show } from "./outputs.ts";
import { expectedOf, inputsOf } from "./rows.ts";
import { Cancelled, Runner } from "./runner.ts";
import { inMs, plural } from "./wording.ts";

const RUNS = 50;
const ACTIONS = ["run", "measure", "check"] as const;

class Page {
  readonly #catalog: Catalog;
  readonly #choosing: Choosing;
  readonly #giving: Giving;
  readonly #runner = new Runner();
  #busy = true;
  #open: { readonly chosen: Chosen; readonly opened: Opened } | null = null;
  #answer: { readonly outputs: Tensors; readonly about: Readonly<Record<string, unknown>> } | null = null;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    document.title = `${catalog.name} ${catalog.version} – preview`;
    byId("title").textContent = `${catalog.name} ${catalog.version}`;
    byId("about").textContent = `Every file of this bundle is as the key ${catalog.signed_by.slice(0, 16)}… signed it.`;
    this.#choosing = new Choosing(catalog, () => this.#say("Ready."));
    this.#giving = new Giving(catalog);
    byId("run").addEventListener("click", () => void this.#do(() => this.#run()));
    byId("measure").addEventListener("click", () => void this.#do(() => this.#measure()));
    byId("check").addEventListener("click", () => void this.#do(() => this.#check()));
    byId("cancel").addEventListener("click", () => this.#cancel());
    byId("download").addEventListener("click", () => this.#download());
  }

  async begin(): Promise<void> {
    await this.#choosing.begin();
    this.#setBusy(false);
    this.#say("Ready.");
  }

  #say(text: string): void {
    byId("status").textContent = text;
  }

  #setBusy(busy: boolean): void {
    this.#busy = busy;
    for (const name of ACTIONS) byId(name).setAttribute("aria-disabled", String(busy));
    byId("cancel").setAttribute("aria-disabled", String(!busy));
  }

  /** Does one thing at a time. Buttons stay where the keyboard is: they are only said to be disabled. */
  async #do(work: () => Promise<void>): Promise<void> {
    if (this.#busy) return;
    this.#setBusy(true);
    byId("problem").textContent = "";
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Cancelled)) {
        this.#say("It did not run.");
        byId("problem").textContent = error instanceof Error ? error.message : String(error);
      }
    }
    this.#setBusy(false);
  }

  #cancel(): void {
    if (!this.#busy) return;
    this.#runner.close();
    this.#open = null;
    this.#say("Cancelled. What was loaded is let go of.");
  }

  /** Loads what is chosen, unless it is loaded. */
  async #ready(): Promise<{ chosen: Chosen; opened: Opened }> {
    const chosen = this.#choosing.chosen;
    if (chosen === null) throw new Error("No artifact is chosen that this browser can run.");
    const before = this.#open?.chosen;
    const same = before?.choice === chosen.choice && before.backend === chosen.backend && before.threads === chosen.threads;
    if (this.#open !== null && same) return this.#open;
    this.#open = null;
    this.#say(`Loading ${chosen.choice.name}…`);
    const opened = await this.#runner.open(chosen.choice, this.#catalog.signature, chosen.backend, chosen.threads);
    this.#open = { chosen, opened };
    byId("load").textContent = inMs(opened.loadMs);
    for (const figure of ["last", "median"]) byId(figure).textContent = "–";
    byId("ran-on").replaceChildren(
      `${opened.engine} · ${opened.backend}`,
      element("span", { class: "quiet" }, `version ${opened.version}, ${plural(opened.threads, "thread")}`),
    );
    return this.#open;
  }

  async #run(): Promise<void> {
    const given = await this.#giving.give();
    const { chosen, opened } = await this.#ready();
    this.#say(`Running ${given.what}…`);
    const { outputs, ms } = await this.#runner.run(given.inputs);
    byId("last").textContent = inMs(ms);
    this.#show(outputs, given, chosen, opened, ms);
    const verdict = given.golden && given.expected !== null ? this.#judge(outputs, given.expected, given, chosen) : null;
    this.#verdict(verdict);
    this.#say(`Ran ${given.what} in ${inMs(ms)} by ${opened.engine} · ${opened.backend}.${verdict === null ? "" : ` ${verdict.title}`}`);
  }

  #judge(outputs: Tensors, expected: Tensors, given: Given, { choice }: Chosen): Verdict {
    const found = judgeRow(outputs, expected, choice, this.#catalog.sets["golden"] as RowSet);
    const titles = { true: "matches the original", false: "does not match the original", null: "cannot be judged alone" };
    const sentences =
      found.matches === null
        ? [...found.sentences, "these bounds hold for all golden rows together: check all of them"]
        : found.sentences;
    return { title: `${capital(given.what)} ${titles[`${found.matches}`]}.`, ...found, sentences };
  }

  async #measure(): Promise<void> {
    const given = await this.#giving.give();
    const { opened } = await this.#ready();
    this.#say(`Measuring ${RUNS} runs…`);
    await this.#runner.run(given.inputs); // the first one compiles and fills caches
    const ms = await this.#runner.measure(given.inputs, RUNS, (done) => this.#say(`Measuring: ${done} of ${RUNS} runs…`));
    byId("last").textContent = inMs(ms.at(-1) ?? NaN);
    byId("median").replaceChildren(
      inMs(quantile(ms, 0.5)),
      element("span", { class: "quiet" }, `of ${RUNS} runs; nine of ten within ${inMs(quantile(ms, 0.9))}`),
    );
    this.#say(`Median of ${RUNS} runs: ${inMs(quantile(ms, 0.5))} by ${opened.engine} · ${opened.backend}.`);
  }

  async #check(): Promise<void> {
    const { chosen } = await this.#ready();
    const { calls } = this.#catalog.sets["golden"] as RowSet;
    const answers: { outputs: Tensors; expected: Tensors }[] = [];
    for (let call = 0; call < calls; call++) {
      this.#say(`Checking golden rows: ${call + 1} of ${calls}…`);
      const [inputs, expected] = await Promise.all([inputsOf(this.#catalog, "golden", call), expectedOf(this.#catalog, "golden", call)]);
      answers.push({ outputs: (await this.#runner.run(inputs)).outputs, expected: expected ?? {} });
    }
    const found = judgeAll(answers, chosen.choice);
    const title = `${chosen.choice.name} ${found.matches ? "matches" : "does not match"} the original on all ${calls} golden rows.`;
    this.#verdict({ title, ...found });
    this.#say(title);
  }

  #show(outputs: Tensors, given: Given, { choice }: Chosen, { engine, version, backend, threads }: Opened, ms: number): void {
    byId("answered").textContent = `${choice.name} on ${given.what}.${labelled(given, this.#catalog)}`;
    byId("outputs").replaceChildren(...show(outputs, this.#catalog.signature.outputs));
    byId("download").hidden = false;
    const { name, version: release } = this.#catalog;
    const bundle = { name, version: release };
    const about = { bundle, artifact: choice.name, input: given.what, engine, engine_version: version, backend, threads, latency_ms: ms };
    this.#answer = { outputs, about };
  }

  #verdict(verdict: Verdict | null): void {
    const place = byId("verdict");
    place.hidden = verdict === null;
    if (verdict === null) return;
    place.className = verdict.matches === null ? "not-run" : verdict.matches ? "pass" : "fail";
    const more = verdict.sentences.length ? ` ${verdict.sentences.join("; ")}.` : null;
    place.replaceChildren(element("strong", {}, verdict.title), more ?? "");
  }

  #download(): void {
    if (this.#answer === null) return;
    const file = new Blob([asJson(this.#answer.outputs, this.#answer.about)], { type: "application/json" });
    const link = element("a", { href: URL.createObjectURL(file), download: `${this.#catalog.name}-output.json` });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

interface Verdict extends RowVerdict {
  readonly title: string;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

try {
  await new Page(await fetchCatalog()).begin();
} catch (error) {
  byId("about").textContent = "The bundle cannot be shown.";
  byId("status").textContent = "";
  byId("problem").textContent = error instanceof Error ? error.message : String(error);
}
