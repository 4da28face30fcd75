/** Whether a golden row, and all of them, come out as the original's, within the manifest's tolerance. */

import { asNumbers } from "../adapt.ts";
import { breach, mismatches } from "../fallback/golden.ts";
import { compare } from "../fallback/parity.ts";
import { elementCount, zeros, type Tensor, type Tensors } from "../tensor.ts";
import type { Choice, RowSet } from "./catalog.ts";
import { inShort } from "./wording.ts";

export interface RowVerdict {
  /** Null where one row cannot tell: a bound on all rows together does not hold for this one alone. */
  readonly matches: boolean | null;
  /** One sentence for each bound that does not hold; where all hold, how near each output is. */
  readonly sentences: readonly string[];
}

/** Figures that the bounds mean over all rows together: of one row they say little. */
const OVER_ALL: ReadonlySet<string> = new Set(["psnr_db", "snr_db", "cosine", "equal_fraction"]);

/** Compares the outputs of one call; of a call that was filled up only the rows that count. */
export function judgeRow(outputs: Tensors, expected: Tensors, choice: Choice, { largest }: RowSet): RowVerdict {
  const broken: string[] = [];
  const perhaps: string[] = [];
  const near: string[] = [];
  for (const [name, tensor] of Object.entries(expected)) {
    const parity = compare(name, tensor, firstRows(outputs[name] as Tensor, tensor));
    if (typeof parity === "string") {
      broken.push(parity);
      continue;
    }
    const scaled = { ...parity, reference_max_abs: largest[name] ?? parity.reference_max_abs };
    for (const bound of choice.tolerances[name] ?? []) {
      const sentence = breach(name, scaled, bound);
      if (sentence !== null) (OVER_ALL.has(bound.kind) ? perhaps : broken).push(sentence);
    }
    near.push(parity.max_abs === 0 ? `${name} is equal` : `${name} is off by at most ${inShort(parity.max_abs ?? NaN)}`);
  }
  if (broken.length > 0) return { matches: false, sentences: [...broken, ...perhaps] };
  return perhaps.length > 0 ? { matches: null, sentences: perhaps } : { matches: true, sentences: near };
}

/** Compares all golden rows at once, as a device does when it opens the bundle. */
export function judgeAll(calls: readonly { outputs: Tensors; expected: Tensors }[], choice: Choice): RowVerdict {
  const outputs: Record<string, Tensor> = {};
  const expected: Record<string, Tensor> = {};
  for (const name of Object.keys(choice.tolerances)) {
    const wanted = calls.map((call) => call.expected[name] as Tensor);
    expected[name] = joined(wanted);
    outputs[name] = joined(calls.map((call, place) => firstRows(call.outputs[name] as Tensor, wanted[place] as Tensor)));
  }
  const sentences = mismatches(outputs, expected, new Map(Object.entries(choice.tolerances)));
  return { matches: sentences.length === 0, sentences };
}

function firstRows(tensor: Tensor, wanted: Tensor): Tensor {
  const rows = wanted.shape[0] ?? 1;
  if (tensor.shape.length === 0 || tensor.shape.length !== wanted.shape.length || rows >= (tensor.shape[0] ?? 1)) return tensor;
  const shape = [rows, ...tensor.shape.slice(1)];
  return { ...tensor, shape, data: tensor.data.slice(0, elementCount(shape)) };
}

/** Lays the elements of all calls one after another: every figure counts elements, whatever their shape. */
function joined(tensors: readonly Tensor[]): Tensor {
  const first = tensors[0] as Tensor;
  const count = tensors.reduce((sum, { data }) => sum + data.length, 0);
  // Integers of 64 bits stay what they are: float64 does not tell all of them apart.
  const whole = first.data instanceof BigInt64Array || first.data instanceof BigUint64Array;
  const dtype = whole ? first.dtype : "float64";
  const data = zeros(dtype, count);
  let at = 0;
  for (const tensor of tensors) {
    data.set((whole ? tensor.data : asNumbers(tensor)) as never, at); // arrays of one kind, or numbers into float64
    at += tensor.data.length;
  }
  return { dtype, shape: [count], data };
}
