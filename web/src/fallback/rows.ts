/** Rows of tensors: the slices along their leading axis. */

import { zeros, type Tensor } from "../tensor.ts";

/** Gives rows `start` to `stop` of a tensor; they share its memory. */
export function sliceRows({ dtype, shape, data }: Tensor, start: number, stop: number): Tensor {
  const [rows = 0, ...rest] = shape;
  const size = rest.reduce((product, length) => product * length, 1);
  const end = Math.min(stop, rows);
  return { dtype, shape: [end - start, ...rest], data: data.subarray(start * size, end * size) };
}

/** Repeats the last row of a tensor until it has `rows`. */
export function fillRows(tensor: Tensor, rows: number): Tensor {
  const has = tensor.shape[0] as number;
  if (has >= rows) return tensor;
  const last = sliceRows(tensor, has - 1, has);
  return concatenateRows([tensor, ...Array.from({ length: rows - has }, () => last)]);
}

/** Puts tensors of equal rows one behind another; throws a `RangeError` when their dtypes or rows differ. */
export function concatenateRows(pieces: readonly Tensor[]): Tensor {
  const { dtype, shape } = pieces[0] as Tensor;
  const row = shape.slice(1);
  for (const piece of pieces) {
    if (
      piece.dtype !== dtype ||
      piece.shape.length !== shape.length ||
      row.some((size, axis) => piece.shape[axis + 1] !== size)
    ) {
      throw new RangeError(
        `rows of ${dtype}[${row.join(", ")}] and of ${piece.dtype}[${piece.shape.slice(1).join(", ")}]`,
      );
    }
  }
  const data = zeros(
    dtype,
    pieces.reduce((sum, piece) => sum + piece.data.length, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    data.set(piece.data as never, at); // all are arrays of one kind
    at += piece.data.length;
  }
  const rows = pieces.reduce((sum, piece) => sum + (piece.shape[0] as number), 0);
  return { dtype, shape: [rows, ...row], data };
}
