/**
 * TF.js's backend WebGPU, whose failures are failures.
 *
 * A shader that does not compile, or a buffer that is not to be had, is an error of the device. TF.js does not ask the
 * device, and gives the numbers that its buffers happen to hold.
 */

import * as tf from "@tensorflow/tfjs-core";

const FILTERS: readonly GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];

/** Does work on the device of the current backend; rejects when the device says that some of it failed. */
export async function onDevice<T>(work: () => Promise<T>): Promise<T> {
  const { device } = tf.backend() as unknown as { readonly device: GPUDevice };
  for (const filter of FILTERS) device.pushErrorScope(filter);
  const [outcome] = await Promise.allSettled([work()]);
  const errors = await Promise.all(FILTERS.map(() => device.popErrorScope()));
  const failed = errors.find((error) => error !== null);
  if (failed) throw new Error(`a kernel failed on WebGPU: ${failed.message}`);
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}
