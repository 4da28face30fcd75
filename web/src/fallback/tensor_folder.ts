/** A folder of named arrays, one `.npy` file each; `index.json` maps numbers of files to names of tensors. */

import type { Tensor, Tensors } from "../tensor.ts";
import { TrustError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { parseNpy } from "./npy.ts";
import { list, must, struct, text } from "./schema.ts";
import type { TensorSpec } from "./spec.ts";
import type { ReadListed } from "./verify.ts";

const indexType = struct<{ readonly names: readonly string[] }>({ names: must(list(text)) });

/** Reads the arrays of a folder; rejects with a `TrustError` when they are not `rows` rows of each of these tensors. */
export async function readTensorFolder(
  folder: string,
  specs: readonly TensorSpec[],
  rows: number,
  read: ReadListed,
): Promise<Tensors> {
  const where = `${folder}/index.json`;
  const { names } = indexType.read(parseJson(await read(where), where), where, "");
  const tensors = await Promise.all(
    specs.map(async ({ name }): Promise<readonly [string, Tensor]> => {
      const index = names.indexOf(name);
      if (index < 0) throw new TrustError(`${where}: there is no tensor '${name}'`);
      const path = `${folder}/${index}.npy`;
      const tensor = parseNpy(await read(path), path);
      if (tensor.shape[0] !== rows) {
        throw new TrustError(`${path}: ${tensor.shape[0] ?? "no"} rows, and ${rows} golden ones are expected`);
      }
      return [name, tensor];
    }),
  );
  return Object.fromEntries(tensors);
}
