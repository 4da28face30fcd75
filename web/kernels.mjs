/**
 * Writes which graph operator has its kernels on which backend of TF.js, as `targets/tfjs/backends.json` keeps it:
 * `npm run kernels` prints it. One node of each operator runs on the plain backend, which shows the kernels that it
 * calls; each backend is then asked which of them it has. That a kernel is there says nothing about its dtypes.
 */

import { createRequire } from "node:module";

const require = createRequire(import.meta.url); // the packages as Node has them: their modules name no extensions
const tf = require("@tensorflow/tfjs-core");
const { loadGraphModelSync } = require("@tensorflow/tfjs-converter");
const BACKENDS = ["wasm", "cpu", "webgl", "webgpu"];
for (const backend of BACKENDS) require(`@tensorflow/tfjs-backend-${backend}`);

const F = "DT_FLOAT";
const I = "DT_INT32";
const B = "DT_BOOL";
const ARRAYS = { [F]: Float32Array, [I]: Int32Array, [B]: Uint8Array };
const KINDS = { [F]: "float32", [I]: "int32", [B]: "bool" };

/** An operand: its numbers, its shape (a list when not given), its dtype. */
const of = (numbers, shape = [numbers.length], dtype = F) => ({ numbers, shape, dtype });
const ints = (numbers, shape) => of(numbers, shape, I);
const bools = (numbers, shape) => of(numbers, shape, B);
const image = (channels = 1) => of(Array(16 * channels).fill(1), [1, 4, 4, channels]);
const text = (value) => ({ s: Buffer.from(value).toString("base64") });
const list = (...numbers) => ({ list: { i: numbers.map(String) } });
const int = (value) => ({ i: String(value) });
const type = (value) => ({ type: value });

const pair = of([1, 2]);
const square = of([1, 2, 3, 4], [2, 2]);
const window = { strides: list(1, 1, 1, 1), padding: text("VALID"), data_format: text("NHWC") };
const pooling = { ...window, ksize: list(1, 2, 2, 1) };
const convolution = { ...window, dilations: list(1, 1, 1, 1) };
const filter = of([1, 2, 3, 4], [2, 2, 1, 1]);
const fused = { num_args: int(1), fused_ops: { list: { s: [text("BiasAdd").s, text("Relu").s] } } };
const windows3 = { strides: list(1, 1, 1, 1, 1), padding: text("VALID"), data_format: text("NDHWC") };
const volume = of(Array(8).fill(1), [1, 2, 2, 2, 1]);
const masks = Object.fromEntries(
  ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"].map((name) => [name, int(0)]),
);
const resizing = { align_corners: { b: false }, half_pixel_centers: { b: true } };
const keep = { keep_dims: { b: false } };
const splits = { num_split: int(2) };

/** Operator → the operands and attributes of one node of it. */
const SAMPLES = {
  ...each(
    "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Elu Erf Exp Expm1 Floor Identity IsFinite IsInf IsNan Log Log1p " +
      "LogSoftmax Neg OnesLike Reciprocal Relu Relu6 Round Rsqrt Selu Sigmoid Sign Sin Sinh Softmax Softplus Sqrt Square " +
      "Tan Tanh ZerosLike",
    [square],
  ),
  LeakyRelu: [[pair], { alpha: { f: 0.5 } }],
  ...each(
    "Add AddV2 Atan2 Div DivNoNan FloorDiv FloorMod Maximum Minimum Mod Mul Pow Prelu RealDiv SquaredDifference Sub " +
      "Equal Greater GreaterEqual Less LessEqual NotEqual",
    [pair, pair],
  ),
  AddN: [[pair, pair], { N: int(2) }],
  ...each("LogicalAnd LogicalOr", [bools([1, 0]), bools([1, 1])]),
  LogicalNot: [[bools([1, 0])]],
  ...each("Select SelectV2", [bools([1, 0]), pair, pair]),
  ClipByValue: [[pair, of([0], []), of([1], [])]],
  Cast: [[pair], { SrcT: type(F), DstT: type(I) }],
  ...each("Max Mean Min Prod Sum", [square, ints([1])], keep),
  ...each("All Any", [bools([1, 0]), ints([0])], keep),
  ...each("ArgMax ArgMin", [square, ints([1], [])]),
  ...each("Cumprod Cumsum", [square, ints([1], [])], { exclusive: { b: false }, reverse: { b: false } }),
  Bincount: [[ints([1, 0]), ints([2], []), of([], [0])]],
  TopKV2: [[square, ints([1], [])], { sorted: { b: true } }],
  ...each("BatchMatMul BatchMatMulV2", [square, square], { adj_x: { b: false }, adj_y: { b: false } }),
  MatMul: [[square, square], { transpose_a: { b: false }, transpose_b: { b: false } }],
  _FusedMatMul: [[square, square, pair], { ...fused, transpose_a: { b: false }, transpose_b: { b: false } }],
  Einsum: [[square, square], { equation: text("ij,jk->ik"), N: int(2) }],
  Conv2D: [[image(), filter], convolution],
  _FusedConv2D: [[image(), filter, of([1])], { ...convolution, ...fused }],
  ...each("DepthwiseConv2d DepthwiseConv2dNative", [image(), filter], convolution),
  FusedDepthwiseConv2dNative: [[image(), filter, of([1])], { ...convolution, ...fused }],
  Conv2DBackpropInput: [[ints([1, 4, 4, 1]), filter, of(Array(9).fill(1), [1, 3, 3, 1])], convolution],
  Conv1D: [[of([1, 2, 3, 4], [1, 4, 1]), of([1, 2], [2, 1, 1])], { stride: int(1), padding: text("VALID"), data_format: text("NWC"), dilation: int(1) }],
  Conv3D: [[volume, of(Array(8).fill(1), [2, 2, 2, 1, 1])], { ...windows3, dilations: list(1, 1, 1, 1, 1) }],
  ...each("AvgPool MaxPool", [image()], pooling),
  ...each("AvgPool3D MaxPool3D", [volume], { ...windows3, ksize: list(1, 2, 2, 2, 1) }),
  Dilation2D: [[image(), of([1, 2, 3, 4], [2, 2, 1])], { strides: list(1, 1, 1, 1), rates: list(1, 1, 1, 1), padding: text("VALID") }],
  ...each("FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3", [image(), of([1]), of([1]), of([1]), of([1])], {
    epsilon: { f: 0.001 },
    data_format: text("NHWC"),
    is_training: { b: false },
  }),
  LRN: [[image()], { depth_radius: int(1), bias: { f: 1 }, alpha: { f: 1 }, beta: { f: 0.5 } }],
  BiasAdd: [[square, pair], { data_format: text("NHWC") }],
  ...each("ResizeBilinear ResizeNearestNeighbor", [image(), ints([8, 8])], resizing),
  CropAndResize: [[image(), of([0, 0, 1, 1], [1, 4]), ints([0]), ints([2, 2])], { method: text("bilinear"), extrapolation_value: { f: 0 } }],
  Reshape: [[square, ints([4])]],
  Squeeze: [[of([1, 2], [1, 2])], { squeeze_dims: list(0) }],
  ExpandDims: [[pair, ints([0], [])]],
  Transpose: [[square, ints([1, 0])]],
  Pad: [[pair, ints([1, 1], [1, 2])]],
  PadV2: [[pair, ints([1, 1], [1, 2]), of([5], [])]],
  MirrorPad: [[pair, ints([1, 1], [1, 2])], { mode: text("REFLECT") }],
  BroadcastTo: [[pair, ints([2, 2])]],
  Tile: [[pair, ints([2])]],
  ...each("BatchToSpaceND", [of([1, 2, 3, 4], [4, 1, 1, 1]), ints([2, 2]), ints([0, 0, 0, 0], [2, 2])]),
  ...each("SpaceToBatchND", [image(), ints([2, 2]), ints([0, 0, 0, 0], [2, 2])]),
  DepthToSpace: [[of([1, 2, 3, 4], [1, 1, 1, 4])], { block_size: int(2), data_format: text("NHWC") }],
  ConcatV2: [[pair, pair, ints([0], [])], { N: int(2) }],
  Pack: [[pair, pair], { N: int(2), axis: int(0) }],
  Unpack: [[square], { num: int(2), axis: int(0) }],
  Split: [[ints([0], []), pair], splits],
  SplitV: [[of([1, 2, 3]), ints([1, 2]), ints([0], [])], splits],
  Slice: [[pair, ints([0]), ints([1])]],
  StridedSlice: [[pair, ints([0]), ints([2]), ints([2])], masks],
  ReverseV2: [[pair, ints([0])]],
  GatherV2: [[pair, ints([1]), ints([0], [])], { batch_dims: int(0) }],
  GatherNd: [[pair, ints([1], [1, 1])]],
  ScatterNd: [[ints([1], [1, 1]), of([5]), ints([2])]],
  TensorScatterUpdate: [[pair, ints([1], [1, 1]), of([5])]],
  Fill: [[ints([2]), of([1], [])]],
  OneHot: [[ints([1]), ints([2], []), of([1], []), of([0], [])], { axis: int(-1), dtype: type(F) }],
  Range: [[of([0], []), of([3], []), of([1], [])], { Tidx: type(F) }],
  NonMaxSuppressionV4: [
    [of([0, 0, 1, 1], [1, 4]), of([1]), ints([1], []), of([0.5], []), of([0], [])],
    { pad_to_max_output_size: { b: true } },
  ],
  Where: [[bools([1, 0])]],
  LinSpace: [[of([0], []), of([1], []), ints([3], [])]],
};

/** What waits for the numbers of its operands: TF.js computes it in plain JavaScript, and calls no kernel. */
const ASYNCHRONOUS = new Set(["NonMaxSuppressionV4", "Where"]);

function each(names, operands, attributes = {}) {
  return Object.fromEntries(names.split(" ").map((name) => [name, [operands, attributes]]));
}

/** Runs one node of an operator on the plain backend and gives the kernels that it called. */
async function kernelsOf(op, [operands, attributes = {}]) {
  const places = operands.map(({ dtype }, index) => ({ name: `x${index}`, op: "Placeholder", attr: { dtype: type(dtype) } }));
  const node = { name: "y", op, input: places.map(({ name }) => name), attr: attributes };
  const model = loadGraphModelSync([
    { modelTopology: { node: [...places, node], versions: {} }, weightsManifest: [] },
    new ArrayBuffer(0),
  ]);
  const fed = Object.fromEntries(
    operands.map(({ numbers, shape, dtype }, index) => [`x${index}`, tf.tensor(ARRAYS[dtype].from(numbers), shape, KINDS[dtype])]),
  );
  const called = new Set();
  const engine = tf.engine();
  const run = engine.runKernel;
  engine.runKernel = function (name, ...rest) {
    called.add(name);
    return run.call(this, name, ...rest);
  };
  try {
    if (ASYNCHRONOUS.has(op)) await model.executeAsync(fed, "y");
    else model.execute(fed, "y");
  } catch (error) {
    throw new Error(`${op}: its sample does not run: ${error.message}`);
  } finally {
    engine.runKernel = run;
  }
  return [...called].sort();
}

await tf.setBackend("cpu");
const has = Object.fromEntries(BACKENDS.map((backend) => [backend, new Set(tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName))]));
const operators = {};
for (const op of Object.keys(SAMPLES).sort()) {
  const kernels = await kernelsOf(op, SAMPLES[op]);
  const lacking = BACKENDS.filter((backend) => !kernels.every((kernel) => has[backend].has(kernel)));
  operators[op] = { kernels, lacking };
}
const lines = Object.entries(operators).map(([op, row]) => `  ${JSON.stringify(op)}: ${JSON.stringify(row)}`);
process.stdout.write(`{\n "tfjs": ${JSON.stringify(tf.version_core)},\n "operators": {\n${lines.join(",\n")}\n }\n}\n`);
