/** Outputs as a person reads them: ranked bars for classes, pictures drawn, and numbers for all the rest. */

import type { Tensor, Tensors } from "../tensor.ts";
import type { TensorSpec } from "../fallback/spec.ts";
import { element } from "./element.ts";
import { factsOf, numbersIn } from "./figures.ts";
import { inShort, ofShape, plural } from "./wording.ts";

/** As many classes as are looked at at a glance. */
const BARS = 10;
/** Numbers on the page; a file has them all. */
const NUMBERS = 100;
/** What is smaller is a vector rather than a picture. */
const SMALLEST_PICTURE = 8;

/** Shows every tensor, in the order of the signature. */
export function show(tensors: Tensors, specs: readonly TensorSpec[]): HTMLElement[] {
  return specs.flatMap((spec) => {
    const tensor = tensors[spec.name];
    return tensor === undefined ? [] : [section(spec, tensor)];
  });
}

function section(spec: TensorSpec, tensor: Tensor): HTMLElement {
  const values = numbersIn(tensor);
  const { least, most, mean, nonfinite } = factsOf(values);
  const counted = nonfinite === values.length ? "no finite number" : `${inShort(least)} … ${inShort(most)}, mean ${inShort(mean)}`;
  const bad = nonfinite ? `, ${plural(nonfinite, "element")} NaN or infinite` : "";
  const picture = pictureOf(spec, tensor, values);
  return element(
    "section",
    { class: "output" },
    element("h3", {}, element("code", {}, spec.name)),
    element("p", { class: "quiet" }, `${ofShape(tensor)} · ${counted}${bad}`),
    hasClasses(spec, tensor) ? bars(spec, values) : (picture ?? numbers(spec, tensor)),
  );
}

/** Whether one row of scores has a label for each. */
function hasClasses({ labels }: TensorSpec, { data }: Tensor): boolean {
  return labels != null && labels.length === data.length && data.length > 1;
}

function bars(spec: TensorSpec, values: Float64Array): HTMLElement {
  const labels = spec.labels ?? [];
  const ranked = [...values.keys()].sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0)).slice(0, BARS);
  const sum = values.reduce((total, value) => total + value, 0);
  const shares = values.every((value) => value >= 0 && value <= 1) && Math.abs(sum - 1) < 0.01;
  const { least, most } = factsOf(values);
  const width = (value: number): number => (shares ? value : most > least ? (value - least) / (most - least) : 1);
  const rows = ranked.map((place) => {
    const value = values[place] ?? 0;
    return element(
      "li",
      {},
      element("span", { class: "label" }, labels[place] ?? String(place)),
      barOf(width(value)),
      element("span", { class: "figure" }, shares ? `${(100 * value).toFixed(1)} %` : inShort(value)),
    );
  });
  const more = values.length > BARS ? element("p", { class: "quiet" }, `the ${BARS} best of ${values.length} classes`) : null;
  const about = shares ? null : element("p", { class: "quiet" }, "Scores, not shares: the longest bar is the best class.");
  return element("div", {}, element("ol", { class: "bars" }, ...rows), more, about);
}

/** A bar that says no more than the figure beside it. */
function barOf(share: number): HTMLElement {
  const filled = element("span", {});
  filled.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return element("span", { class: "bar", "aria-hidden": "true" }, filled);
}

/** Draws one picture: grey or three colours, stretched to what its numbers span unless those are 0…1 or 0…255. */
function pictureOf(spec: TensorSpec, { shape }: Tensor, values: Float64Array): HTMLElement | null {
  const layout = spec.layout ?? ({ 4: "NCHW", 3: "CHW" } as Record<number, string>)[shape.length] ?? "";
  const size = (axis: string): number => (layout.includes(axis) ? (shape[layout.indexOf(axis)] ?? 1) : 1);
  const [count, channels, height, width] = [size("N"), size("C"), size("H"), size("W")];
  const drawable = count === 1 && [1, 3].includes(channels) && Math.min(height, width) >= SMALLEST_PICTURE;
  if (!drawable || layout.length !== shape.length || values.length !== channels * height * width) return null;
  const { least, most } = factsOf(values);
  const [from, to] = least >= 0 && most <= 1 ? [0, 1] : least >= 0 && most <= 255 && most > 1 ? [0, 255] : [least, most];
  const stride = (axis: string): number =>
    layout.includes(axis) ? shape.slice(layout.indexOf(axis) + 1).reduce((product, each) => product * each, 1) : 0;
  const [c, h, w] = [stride("C"), stride("H"), stride("W")];
  const canvas = element("canvas", { class: "picture", width, height, role: "img", "aria-label": `${spec.name}, drawn` });
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const image = context.createImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = values[(channels === 3 ? channel : 0) * c + y * h + x * w] ?? 0;
        image.data[4 * (y * width + x) + channel] = to > from ? (255 * (value - from)) / (to - from) : 0;
      }
      image.data[4 * (y * width + x) + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  const caption = element("p", { class: "quiet" }, `Drawn from ${inShort(from)} (black) to ${inShort(to)} (white).`);
  return element("div", {}, canvas, caption);
}

function numbers(spec: TensorSpec, tensor: Tensor): HTMLElement {
  const values = numbersIn(tensor);
  const shown = [...values.slice(0, NUMBERS)];
  const rows = shown.map((value, place) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, `[${indexOf(place, tensor.shape).join(", ")}]`),
      element("td", { class: "figure" }, inShort(value)),
    ),
  );
  const caption = values.length > NUMBERS ? `the first ${NUMBERS} of ${values.length} numbers` : plural(values.length, "number");
  const head = element("tr", {}, element("th", { scope: "col" }, "place"), element("th", { scope: "col", class: "figure" }, "value"));
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `numbers of ${spec.name}` },
    element("table", {}, element("caption", {}, caption), element("thead", {}, head), element("tbody", {}, ...rows)),
  );
}

function indexOf(place: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = place;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return index;
}

/** Gives outputs as JSON: shape, dtype and every element. NaN and infinities become text, int64 stays exact. */
export function asJson(outputs: Tensors, about: Readonly<Record<string, unknown>>): string {
  const tensors = Object.entries(outputs).map(([name, tensor]) => {
    const exact = [...(tensor.data as Iterable<number | bigint>)].every((value) => typeof value === "bigint");
    const values = exact
      ? [...(tensor.data as BigInt64Array)].map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)))
      : [...numbersIn(tensor)].map((value) => (Number.isFinite(value) ? value : String(value)));
    return [name, { dtype: tensor.dtype, shape: tensor.shape, data: values }];
  });
  return `${JSON.stringify({ ...about, outputs: Object.fromEntries(tensors) }, null, 1)}\n`;
}
