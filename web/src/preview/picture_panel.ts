/** A picture: a file, one that is dropped or pasted, or one of the camera. */

import type { TensorSpec } from "../fallback/spec.ts";
import type { Catalog } from "./catalog.ts";
import { element } from "./element.ts";
import { draw, tensorOf, type Fit } from "./from_picture.ts";
import type { Given, Panel } from "./giving.ts";
import { inputsOf } from "./rows.ts";

export class PicturePanel implements Panel {
  readonly element: HTMLElement;
  readonly #catalog: Catalog;
  readonly #spec: TensorSpec;
  readonly #shape: readonly number[];
  readonly #changed: () => void;
  readonly #fit = element("select", { id: "fit" }, element("option", { value: "crop" }, "cut out the middle"), element("option", { value: "stretch" }, "stretch it"));
  readonly #shown = element("div", {});
  readonly #camera = element("div", {});
  #source: ImageBitmap | null = null;
  #canvas: HTMLCanvasElement | null = null;
  #problem: string | null = null;
  #stream: MediaStream | null = null;

  constructor(catalog: Catalog, spec: TensorSpec, changed: () => void) {
    this.#catalog = catalog;
    this.#spec = spec;
    this.#changed = changed;
    this.#shape = catalog.sets["golden"]?.inputs.find(({ name }) => name === spec.name)?.shape ?? [];
    const file = element("input", { type: "file", accept: "image/*", id: "picture-file" });
    file.addEventListener("change", () => void this.#take(file.files?.[0] ?? null));
    this.#fit.addEventListener("change", () => this.#redraw());
    const open = element("button", { type: "button" }, "Use the camera");
    open.addEventListener("click", () => void this.#openCamera());
    const hasCamera = "mediaDevices" in navigator;
    this.element = element(
      "div",
      { class: "drop" },
      element("div", { class: "field" }, element("label", { for: "picture-file" }, "Picture"), file),
      element("p", { class: "quiet" }, "Or drop one here, or paste it."),
      hasCamera ? open : element("p", { class: "quiet" }, "Browsers give a camera to pages of this machine and of https alone; a phone offers its own where a file is chosen."),
      this.#camera,
      element("div", { class: "field" }, element("label", { for: "fit" }, "Another shape"), this.#fit),
      this.#shown,
    );
    this.element.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.element.classList.add("over");
    });
    this.element.addEventListener("dragleave", () => this.element.classList.remove("over"));
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.element.classList.remove("over");
      void this.#take(event.dataTransfer?.files[0] ?? null);
    });
    document.addEventListener("paste", (event) => {
      const pasted = event.clipboardData?.files[0];
      if (pasted !== undefined && this.element.isConnected) void this.#take(pasted);
    });
  }

  async give(): Promise<Given> {
    if (this.#problem !== null) throw new Error(this.#problem);
    if (this.#canvas === null) throw new Error("Choose a picture first.");
    const others = this.#catalog.signature.inputs.length > 1;
    const rest = others ? await inputsOf(this.#catalog, "golden", 0) : {};
    const inputs = { ...rest, [this.#spec.name]: tensorOf(this.#canvas, this.#spec, this.#shape) };
    const what = others ? `a picture as ${this.#spec.name}, the other inputs from golden row 1` : "a picture";
    return { inputs, what, expected: null, label: null, golden: false };
  }

  leave(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#camera.replaceChildren();
  }

  async #take(file: Blob | null): Promise<void> {
    if (file === null) return;
    this.#source = null;
    this.#problem = null;
    try {
      this.#source = await createImageBitmap(file);
    } catch {
      this.#problem = "This browser cannot read that file as a picture.";
    }
    this.#redraw();
  }

  #redraw(): void {
    this.#canvas = this.#source && draw(this.#source, this.#spec, this.#shape, this.#fit.value as Fit);
    if (this.#canvas !== null && this.#source !== null) {
      this.#canvas.className = "picture";
      this.#canvas.setAttribute("role", "img");
      this.#canvas.setAttribute("aria-label", "the picture as the model sees it");
      const { width, height } = this.#source;
      const sizes = `From ${width} × ${height} to ${this.#canvas.width} × ${this.#canvas.height} pixels`;
      const how = "by this browser's canvas, whose interpolation is not that of the training";
      this.#shown.replaceChildren(this.#canvas, element("p", { class: "quiet" }, `${sizes}, ${how}.`));
    } else this.#shown.replaceChildren();
    this.#changed();
  }

  async #openCamera(): Promise<void> {
    this.leave();
    this.#problem = null;
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: true });
    } catch (error) {
      this.#problem = `The camera cannot be used: ${error instanceof Error ? error.message : String(error)}.`;
      this.#changed();
      return;
    }
    const video = element("video", { muted: true, playsinline: true, "aria-label": "what the camera sees" });
    video.srcObject = this.#stream;
    void video.play();
    const take = element("button", { type: "button" }, "Take the picture");
    take.addEventListener("click", async () => {
      this.#source = await createImageBitmap(video);
      this.leave();
      this.#redraw();
    });
    this.#camera.replaceChildren(video, take);
    take.focus();
  }
}
