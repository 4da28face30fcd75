/** The second half of the page: what goes in. */

import type { TensorSpec } from "../fallback/spec.ts";
import type { Tensor, Tensors } from "../tensor.ts";
import type { Catalog } from "./catalog.ts";
import { byId, element } from "./element.ts";
import { show } from "./outputs.ts";
import { PicturePanel } from "./picture_panel.ts";
import { RecordingPanel } from "./recording_panel.ts";
import { RowPanel } from "./row_panel.ts";

/** Tensors for one call, and where they are from. */
export interface Given {
  readonly inputs: Tensors;
  /** `golden row 3`, `a picture`: stands in sentences. */
  readonly what: string;
  /** What the original answered, where that is known. */
  readonly expected: Tensors | null;
  readonly label: Tensor | null;
  readonly golden: boolean;
}

/** A way to give something. `give` rejects, in plain words, when there is nothing yet. */
export interface Panel {
  readonly element: HTMLElement;
  give(): Promise<Given>;
  /** Lets go of a camera or a microphone. */
  leave(): void;
}

interface Kind {
  readonly name: string;
  readonly title: string;
  readonly reason: string | null;
  readonly make: (changed: () => void) => Panel;
}

export class Giving {
  readonly #catalog: Catalog;
  readonly #panels = new Map<string, Panel>();
  readonly #kinds: readonly Kind[];
  #panel: Panel | null = null;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#kinds = kindsOf(catalog);
    byId("kinds").append(...this.#kinds.map(radioOf));
    byId("kinds").addEventListener("change", () => this.#open());
    byId("look").addEventListener("toggle", () => void this.#look());
    this.#open();
  }

  async give(): Promise<Given> {
    if (this.#panel === null) throw new Error("choose first what goes in");
    return this.#panel.give();
  }

  #open(): void {
    const name = document.querySelector<HTMLInputElement>("#kinds input:checked")?.value ?? "golden";
    const kind = this.#kinds.find((each) => each.name === name);
    if (kind === undefined) return;
    this.#panel?.leave();
    const panel = this.#panels.get(name) ?? kind.make(() => void this.#changed());
    this.#panels.set(name, panel);
    this.#panel = panel;
    byId("panel").replaceChildren(panel.element);
    void this.#changed();
  }

  async #changed(): Promise<void> {
    const panel = this.#panel;
    try {
      const given = await this.give();
      if (panel !== this.#panel) return;
      byId("given").textContent = `Ready: ${given.what}.${labelled(given, this.#catalog)}`;
    } catch (error) {
      if (panel === this.#panel) byId("given").textContent = error instanceof Error ? error.message : String(error);
    }
    await this.#look();
  }

  async #look(): Promise<void> {
    if (!byId<HTMLDetailsElement>("look").open) return;
    try {
      const { inputs } = await this.give();
      byId("looked").replaceChildren(...show(inputs, this.#catalog.signature.inputs));
    } catch {
      byId("looked").replaceChildren(element("p", { class: "quiet" }, "Nothing yet.")); // `given` says what is missing
    }
  }
}

/** Says what a row is labelled with, by the name of its class where the outputs have names. */
export function labelled({ label }: Given, { signature }: Catalog): string {
  if (label === null || label.data.length !== 1) return "";
  const place = Number(label.data[0]);
  const named = signature.outputs.find(({ labels }) => labels !== null)?.labels?.[place];
  return ` It is labelled ${named ?? place}.`;
}

function kindsOf(catalog: Catalog): Kind[] {
  const { inputs } = catalog.signature;
  const picture = inputs.find(({ name }) => catalog.kinds[name]?.no_picture === null);
  const sound = inputs.find(({ name }) => catalog.kinds[name]?.no_recording === null);
  return [
    { name: "golden", title: "A golden row", reason: null, make: (changed) => new RowPanel(catalog, "golden", changed) },
    {
      name: "data",
      title: "A row of your data",
      reason: catalog.sets["data"] === undefined ? "start `edgewright preview` with --data FILE.npz" : null,
      make: (changed) => new RowPanel(catalog, "data", changed),
    },
    {
      name: "picture",
      title: "A picture",
      reason: picture === undefined ? whyNot(inputs, (name) => catalog.kinds[name]?.no_picture) : null,
      make: (changed) => new PicturePanel(catalog, picture as TensorSpec, changed),
    },
    {
      name: "recording",
      title: "A recording",
      reason: sound === undefined ? whyNot(inputs, (name) => catalog.kinds[name]?.no_recording) : null,
      make: (changed) => new RecordingPanel(catalog, sound as TensorSpec, changed),
    },
  ];
}

function whyNot(inputs: readonly TensorSpec[], reason: (name: string) => string | null | undefined): string {
  return inputs.map(({ name }) => `${name}: ${reason(name) ?? "not known"}`).join("; ");
}

function radioOf({ name, title, reason }: Kind): HTMLElement {
  const id = `kind-${name}`;
  const about = reason === null ? null : element("span", { class: "about", id: `${id}-about` }, `Not here: ${reason}.`);
  const radio = { type: "radio", name: "kind", value: name, id, checked: name === "golden", disabled: reason !== null };
  return element(
    "label",
    { class: "choice", for: id },
    element("input", { ...radio, "aria-labelledby": `${id}-name`, "aria-describedby": reason === null ? null : `${id}-about` }),
    element("span", { class: "name", id: `${id}-name` }, title),
    about,
  );
}
