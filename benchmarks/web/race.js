/**
 * Runs artifacts of one model in one page, with several engines that take turns. `compare_web.py` drives it.
 *
 * In every round each artifact runs for a moment, in an order that the caller has drawn. So a slow spell of the machine
 * hits all of them, and the ratio of two within a round holds where milliseconds do not.
 */

import { engineOf } from "/dist/engine.js";

const ARRAYS = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array };
const ASSETS = new URL("/dist/assets/", location.href).href;
/** Threads of one engine may look for work for a while after a run; they shall not disturb the next one's. */
const PAUSE_MS = 5;

async function bytesAt(url) {
  const response = await fetch(url, { cache: "no-store" });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function tensorsOf(row) {
  const entries = Object.entries(row).map(async ([name, { url, dtype, shape }]) => {
    const bytes = await bytesAt(url);
    return [name, { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

function base64(data) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function timed(work) {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}

/** An artifact in its engine, which is ready; `open` loads it, again and again if asked. */
class Entrant {
  #session = null;

  constructor(engine, options, { folder, files }) {
    Object.assign(this, { engine, options, folder, files, loadMs: [], firstMs: [] });
  }

  static async of(asked, threads) {
    const engine = await engineOf(asked.engine);
    const options = { backend: asked.backend, threads, optimize: true, assets: ASSETS };
    await engine.prepare(options);
    return new Entrant(engine, options, asked);
  }

  /** Loads it, and runs it for the first time; its files are at hand before the clock starts. */
  async open(tensors) {
    await this.#session?.dispose();
    const entries = this.files.map(async (file) => [file, await bytesAt(`${this.folder}/${file}`)]);
    const held = new Map(await Promise.all(entries));
    const read = async (file) => held.get(file);
    const [load, session] = await timed(() => this.engine.load(this.files[0], read, this.options));
    const [first] = await timed(() => session.run(tensors));
    this.#session = session;
    this.loadMs.push(load);
    this.firstMs.push(first);
  }

  run(tensors) {
    return this.#session.run(tensors);
  }
}

/** The first output for each row, and how long each run took. */
async function outputsOf(entrant, rows) {
  const outputs = [];
  const spent = [];
  for (const row of rows) {
    const [ms, given] = await timed(() => entrant.run(row));
    const [{ dtype, shape, data }] = Object.values(given);
    outputs.push({ dtype, shape, data: base64(data) });
    spent.push(ms);
  }
  return { outputs, spent };
}

async function several(times, work) {
  const results = [];
  for (let time = 0; time < times; time += 1) results.push(await work());
  return results;
}

/**
 * `entrants`: key → { engine, backend, folder, files (the first is opened), rows: [{ name: { url, dtype, shape } }] }.
 * `orders`: a list of keys for each round. Gives key → { version, loadMs, firstMs, medians, outputs } or { failed }.
 */
window.race = async ({ entrants, orders, turnMs, loads, threads }) => {
  const ready = {};
  const found = {};
  for (const [key, asked] of Object.entries(entrants)) {
    try {
      const rows = await Promise.all(asked.rows.map(tensorsOf));
      const entrant = await Entrant.of(asked, threads);
      await several(loads, () => entrant.open(rows[0]));
      const { outputs, spent } = await outputsOf(entrant, rows);
      ready[key] = { entrant, row: rows[0], runs: Math.max(1, Math.round(turnMs / middle(spent))) };
      const { loadMs, firstMs } = entrant;
      found[key] = { version: entrant.engine.version, loadMs, firstMs, medians: [], outputs };
    } catch (error) {
      found[key] = { failed: String(error) };
    }
  }
  for (const order of orders) {
    for (const key of order.filter((name) => name in ready)) {
      const { entrant, row, runs } = ready[key];
      await new Promise((done) => setTimeout(done, PAUSE_MS));
      await entrant.run(row); // brings the weights back into the caches
      const spent = await several(runs, async () => (await timed(() => entrant.run(row)))[0]);
      found[key].medians.push(middle(spent));
    }
  }
  return found;
};
