/**
 * Work on WebGPU, whose failures are failures.
 *
 * A shader that does not compile, or a buffer that is not to be had, is an error of the device. The engines do not ask
 * the device, and give the numbers that their buffers happen to hold.
 */

const FILTERS: readonly GPUErrorFilter[] = ["validation", "out-of-memory", "internal"];

/** Does work on a device; rejects when the device says that some of it failed. */
export async function onDevice<T>(device: GPUDevice, work: () => Promise<T>): Promise<T> {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  const [outcome] = await Promise.allSettled([work()]);
  const errors = await Promise.all(FILTERS.map(() => device.popErrorScope()));
  const failed = errors.find((error) => error !== null);
  if (failed) throw new Error(`a kernel failed on WebGPU: ${failed.message}`);
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}
