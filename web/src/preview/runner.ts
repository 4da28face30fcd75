/** The page's side of the worker. One question at a time; each artifact has a worker of its own, which goes with it. */

import type { Backend, EngineName } from "../engine.ts";
import type { Tensors } from "../tensor.ts";
import type { Signature } from "../fallback/spec.ts";
import { SITE, type Choice } from "./catalog.ts";
import type { Answer, Ask, Lacking, Opened, Ran } from "./messages.ts";

/** What a question ends with when the person cancelled it. */
export class Cancelled extends Error {}

export class Runner {
  #worker: Worker | null = null;
  #fail: ((reason: Error) => void) | null = null;

  /** Asks an engine which backends cannot be had here, in a worker as the artifact will be run in. */
  static async lacking(engine: EngineName): Promise<Lacking> {
    const runner = new Runner();
    try {
      const answer = await runner.#ask({ ask: "lacks", engine });
      return answer.done === "lacks" ? answer.lacking : {};
    } finally {
      runner.close();
    }
  }

  async open(choice: Choice, original: Signature, backend: Backend, threads: number): Promise<Opened> {
    this.close();
    const answer = await this.#ask({ ask: "open", choice, original, backend, threads });
    if (answer.done !== "open") throw new Error(`unexpected answer ${answer.done}`);
    return answer.opened;
  }

  async run(inputs: Tensors): Promise<Ran> {
    const answer = await this.#ask({ ask: "run", inputs });
    if (answer.done !== "run") throw new Error(`unexpected answer ${answer.done}`);
    return answer.ran;
  }

  /** Gives the milliseconds of each run; `progress` hears how many are done. */
  async measure(inputs: Tensors, runs: number, progress: (done: number) => void): Promise<readonly number[]> {
    const answer = await this.#ask({ ask: "measure", inputs, runs }, progress);
    if (answer.done !== "measure") throw new Error(`unexpected answer ${answer.done}`);
    return answer.ms;
  }

  /** Ends the worker, whatever it does; what was loaded is gone, and a question that was open fails. */
  close(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#fail?.(new Cancelled("cancelled"));
    this.#fail = null;
  }

  async #ask(ask: Ask, progress: (done: number) => void = () => undefined): Promise<Answer> {
    const worker = (this.#worker ??= new Worker(new URL("preview/start.js", SITE)));
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#fail = reject;
        worker.onmessage = ({ data }: MessageEvent<Answer>) => {
          if (data.done === "progress") progress(data.runs);
          else if (data.done === "failed") reject(new Error(data.message));
          else resolve(data);
        };
        worker.onerror = (event) => reject(new Error(event.message || "the worker of this page could not be started"));
        worker.postMessage(ask);
      });
    } finally {
      this.#fail = null;
    }
  }
}
