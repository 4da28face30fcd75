/** Finds the files in which an ONNX model keeps weights beside itself. */

/**
 * Fields of ONNX's messages (onnx.proto) that lead to tensors: field number → the message that it holds.
 * ModelProto: graph 7, functions 25. GraphProto: node 1, initializer 5, sparse_initializer 15. FunctionProto: node 7.
 * NodeProto: attribute 5. AttributeProto: t 5, g 6, tensors 10, graphs 11. SparseTensorProto: values 1, indices 2.
 */
const LEADS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  model: { 7: "graph", 25: "function" },
  graph: { 1: "node", 5: "tensor", 15: "sparse" },
  function: { 7: "node" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph" },
  sparse: { 1: "tensor", 2: "tensor" },
};

/** TensorProto.external_data, a list of StringStringEntryProto (key 1, value 2). */
const EXTERNAL_DATA = 13;

/** Gives the `location` of every tensor that lies in another file, each once, sorted. Throws when it is no model. */
export function externalFiles(model: Uint8Array): string[] {
  const found = new Set<string>();
  visit("model", model, found);
  return [...found].sort();
}

function visit(message: string, bytes: Uint8Array, found: Set<string>): void {
  for (const [field, content] of fieldsOf(bytes)) {
    if (message === "tensor") {
      if (field === EXTERNAL_DATA) addLocation(content, found);
      continue;
    }
    const inner = LEADS[message]?.[field];
    if (inner !== undefined) visit(inner, content, found);
  }
}

function addLocation(entry: Uint8Array, found: Set<string>): void {
  const fields = new Map([...fieldsOf(entry)].map(([field, content]) => [field, new TextDecoder().decode(content)]));
  const location = fields.get(1) === "location" ? fields.get(2) : undefined;
  if (location !== undefined) found.add(location);
}

/** Walks the fields of a Protocol Buffers message that have a length (wire type 2); the others are stepped over. */
function* fieldsOf(bytes: Uint8Array): Generator<[number, Uint8Array]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error("it is no ONNX model");
  };
  while (at < bytes.length) {
    const tag = varint();
    switch (tag & 7) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (at + length > bytes.length) throw new Error("it is no ONNX model, or a part of one");
        yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error("it is no ONNX model");
    }
  }
}
