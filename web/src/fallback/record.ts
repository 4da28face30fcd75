/** Where a page keeps the guard's record from one visit to the next. */

import { DeviceError } from "./errors.ts";
import type { Record } from "./guard.ts";
import { parseJson } from "./json.ts";
import { integer, may, must, orNull, struct, table, text } from "./schema.ts";

/** Keeps a record; an app may have its own (IndexedDB, a server), as long as a write is done when it resolves. */
export interface RecordStore {
  /** Gives the record of a release; an empty one when there is none, or it is another release's. */
  read(release: string): Promise<Record>;
  write(record: Record): Promise<void>;
}

/** What is asked of a browser: `localStorage` itself, or what stands for it. */
export type KeyValues = Pick<Storage, "getItem" | "setItem">;

interface Kept {
  readonly release: string;
  readonly trying: string | null;
  readonly crashes: ReadonlyMap<string, number>;
}

const keptType = struct<Kept>({
  release: must(text),
  trying: may(orNull(text), null),
  crashes: may(table(integer), new Map()),
});

/** Gives an empty record. */
export function emptyRecord(release: string): Record {
  return { release, trying: null, crashes: {} };
}

/**
 * Keeps a record in `localStorage`, which is written before a call returns, so it is there after a crash a moment
 * later.
 *
 * Two things happen to pages that do not happen to a process, and are no crashes: the visitor leaves while a rung is
 * being tried (the record then forgets that it was), and another tab tries the same rung at this moment (it holds a
 * lock).
 */
export class LocalRecord implements RecordStore {
  readonly #key: string;
  readonly #storage: KeyValues;
  #last: Record | null = null;
  #unlock: (() => void) | null = null;

  constructor(name: string, storage: KeyValues = globalThis.localStorage) {
    this.#key = `edgewright/${name}`;
    this.#storage = storage;
    globalThis.addEventListener?.("pagehide", () => this.#leave());
    globalThis.addEventListener?.("pageshow", () => this.#comeBack());
  }

  async read(release: string): Promise<Record> {
    const record = this.#kept();
    if (record === null || record.release !== release) return emptyRecord(release);
    return record.trying !== null && (await this.#isTriedElsewhere()) ? { ...record, trying: null } : record;
  }

  async write(record: Record): Promise<void> {
    this.#last = record;
    this.#put(record);
    if (record.trying === null) this.#unlock?.();
    else await this.#lock();
  }

  #kept(): Record | null {
    const data = this.#storage.getItem(this.#key);
    if (data === null) return null;
    try {
      const kept = keptType.read(parseJson(new TextEncoder().encode(data), this.#key), this.#key, "");
      return { ...kept, crashes: Object.fromEntries(kept.crashes) };
    } catch {
      return null; // damaged: nothing is lost with it but the memory of crashes
    }
  }

  #put(record: Record): void {
    try {
      this.#storage.setItem(this.#key, JSON.stringify(record));
    } catch (error) {
      throw new DeviceError(
        `the record cannot be kept: ${(error as Error).message}`,
        "make room in localStorage, or give `record: null` to do without",
      );
    }
  }

  async #isTriedElsewhere(): Promise<boolean> {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks;
    const { held = [] } = (await locks?.query()) ?? {};
    return held.some(({ name }) => name === this.#key);
  }

  /**
   * Holds a lock that says to other tabs: this page is alive, and trying a rung. The browser frees it with the page.
   */
  async #lock(): Promise<void> {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks;
    if (locks === undefined || this.#unlock !== null) return;
    await new Promise<void>((granted, failed) => {
      const held = new Promise<void>((release) => {
        this.#unlock = () => {
          this.#unlock = null;
          release();
        };
      });
      const whileHeld = () => {
        granted();
        return held;
      };
      locks.request(this.#key, { mode: "shared" }, whileHeld).catch(failed);
    });
  }

  #leave(): void {
    if (this.#last !== null && this.#last.trying !== null) this.#put({ ...this.#last, trying: null });
  }

  #comeBack(): void {
    if (this.#last !== null && this.#last.trying !== null) this.#put(this.#last);
  }
}
