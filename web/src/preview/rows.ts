/** Rows of the golden vectors and of the evaluation data, as calls. */

import { numbersOf, type Tensor, type Tensors } from "../tensor.ts";
import { fetchBytes, type Catalog, type TensorFacts } from "./catalog.ts";

async function fetchTensor(path: string, { dtype, shape }: TensorFacts): Promise<Tensor> {
  const data = numbersOf(dtype, await fetchBytes(path));
  // The last call of a set may hold fewer rows than the first, which its shape was taken from.
  const rest = shape.slice(1).reduce((product, size) => product * size, 1);
  return { dtype, shape: shape.length ? [data.length / rest, ...shape.slice(1)] : [], data };
}

async function fetchAll(path: string, facts: readonly TensorFacts[]): Promise<Tensors> {
  const tensors = await Promise.all(facts.map((fact, place) => fetchTensor(`${path}/${place}`, fact)));
  return Object.fromEntries(facts.map(({ name }, place) => [name, tensors[place] as Tensor]));
}

/** Gives the inputs of a call, counted from 0, as the original takes them. */
export function inputsOf(catalog: Catalog, set: string, call: number): Promise<Tensors> {
  return fetchAll(`examples/${set}/${call}/inputs`, catalog.sets[set]?.inputs ?? []);
}

/** Gives what the original answered; null for rows of which that is not known. */
export async function expectedOf(catalog: Catalog, set: string, call: number): Promise<Tensors | null> {
  const facts = catalog.sets[set]?.outputs ?? null;
  return facts === null ? null : fetchAll(`examples/${set}/${call}/outputs`, facts);
}

/** Gives the labels of a call; null for rows without. */
export async function labelsOf(catalog: Catalog, set: string, call: number): Promise<Tensor | null> {
  const facts = catalog.sets[set]?.labels ?? null;
  return facts === null ? null : fetchTensor(`examples/${set}/${call}/labels/0`, facts);
}
