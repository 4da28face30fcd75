/**
 * Tensors as a page and its server hand them to each other; `devices/web/message.py` is the other side: one line of
 * JSON that announces them, and behind it their bytes.
 */

import { bytesOf, dtypeOf, numbersOf, type Tensor, type Tensors } from "../tensor.ts";

interface Announced {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

const NEWLINE = 10;

export function encode(tensors: Tensors): Blob {
  const announced = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    return { name, dtype, shape, bytes: data.byteLength } satisfies Announced;
  });
  // Of a shared memory (wasm with threads) no blob is made: its bytes are copied.
  const parts = Object.values(tensors).map(({ data }) => {
    const bytes = bytesOf(data);
    return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  });
  return new Blob([`${JSON.stringify({ tensors: announced })}\n`, ...parts]);
}

export function decode(message: Uint8Array): Tensors {
  let offset = message.indexOf(NEWLINE) + 1;
  const { tensors } = JSON.parse(new TextDecoder().decode(message.subarray(0, offset))) as { tensors: Announced[] };
  const found: Record<string, Tensor> = {};
  for (const { name, dtype, shape, bytes } of tensors) {
    const kind = dtypeOf(dtype);
    found[name] = { dtype: kind, shape, data: numbersOf(kind, message.subarray(offset, offset + bytes)) };
    offset += bytes;
  }
  return found;
}
