/**
 * Tensors as a page and its server hand them to each other; `devices/web/message.py` is the other side: one line of
 * JSON that announces them, and behind it their bytes. Several messages stand behind each other.
 */

import { bytesOf, dtypeOf, numbersOf, type Tensor, type Tensors } from "../tensor.ts";

interface Announced {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

const NEWLINE = 10;

export function encode(messages: readonly Tensors[]): Blob {
  return new Blob(messages.flatMap(partsOf));
}

function partsOf(tensors: Tensors): BlobPart[] {
  const announced = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    return { name, dtype, shape, bytes: data.byteLength } satisfies Announced;
  });
  // Of a shared memory (wasm with threads) no blob is made: its bytes are copied.
  const parts = Object.values(tensors).map(({ data }) => {
    const bytes = bytesOf(data);
    return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  });
  return [`${JSON.stringify({ tensors: announced })}\n`, ...parts];
}

export function decode(messages: Uint8Array): Tensors[] {
  const found: Tensors[] = [];
  for (let offset = 0; offset < messages.length; ) {
    const begin = messages.indexOf(NEWLINE, offset) + 1;
    const line = new TextDecoder().decode(messages.subarray(offset, begin));
    const tensors: [string, Tensor][] = [];
    offset = begin;
    for (const { name, dtype, shape, bytes } of (JSON.parse(line) as { tensors: Announced[] }).tensors) {
      const kind = dtypeOf(dtype);
      tensors.push([name, { dtype: kind, shape, data: numbersOf(kind, messages.subarray(offset, offset + bytes)) }]);
      offset += bytes;
    }
    found.push(Object.fromEntries(tensors)); // which makes a name of `__proto__` too, as an assignment does not
  }
  return found;
}
