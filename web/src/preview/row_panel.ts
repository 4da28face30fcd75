/** A row of the golden vectors or of the data, picked by its number. */

import type { Catalog, RowSet } from "./catalog.ts";
import { element } from "./element.ts";
import type { Given, Panel } from "./giving.ts";
import { expectedOf, inputsOf, labelsOf } from "./rows.ts";
import { plural } from "./wording.ts";

export class RowPanel implements Panel {
  readonly element: HTMLElement;
  readonly #catalog: Catalog;
  readonly #name: string;
  readonly #set: RowSet;
  readonly #number: HTMLInputElement;

  constructor(catalog: Catalog, name: string, changed: () => void) {
    this.#catalog = catalog;
    this.#name = name;
    this.#set = catalog.sets[name] as RowSet;
    const { calls, rows } = this.#set;
    this.#number = element("input", { type: "number", id: `row-${name}`, min: 1, max: calls, value: 1, "aria-describedby": `rows-${name}` });
    this.#number.addEventListener("change", changed);
    const step = (by: number) => (): void => {
      this.#number.value = String(Math.min(calls, Math.max(1, (this.#number.valueAsNumber || 1) + by)));
      changed();
    };
    const before = element("button", { type: "button" }, "Previous");
    const after = element("button", { type: "button" }, "Next");
    before.addEventListener("click", step(-1));
    after.addEventListener("click", step(1));
    const each = rows > 1 ? `, ${rows} rows a call` : "";
    const known = this.#set.outputs === null ? "" : "; what the original answered is known";
    this.element = element(
      "div",
      { class: "field" },
      element("label", { for: `row-${name}` }, rows > 1 ? "Call" : "Row"),
      this.#number,
      before,
      after,
      element("p", { class: "quiet", id: `rows-${name}` }, `${plural(calls, rows > 1 ? "call" : "row")}${each}${known}.`),
    );
  }

  async give(): Promise<Given> {
    const call = this.#number.valueAsNumber - 1;
    if (!Number.isInteger(call) || call < 0 || call >= this.#set.calls) {
      throw new Error(`there is no row ${this.#number.value || "without a number"}: choose one from 1 to ${this.#set.calls}`);
    }
    const golden = this.#name === "golden";
    const [inputs, expected, label] = await Promise.all([
      inputsOf(this.#catalog, this.#name, call),
      expectedOf(this.#catalog, this.#name, call),
      labelsOf(this.#catalog, this.#name, call),
    ]);
    const what = `${golden ? "golden" : "data"} ${this.#set.rows > 1 ? "call" : "row"} ${call + 1}`;
    return { inputs, what, expected, label, golden };
  }

  leave(): void {
    // Nothing is held.
  }
}
