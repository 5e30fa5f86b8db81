/** A worker, or what does its tasks on this thread. */

import type { FromWorker, ToWorker } from "./messages.ts";
import { serve } from "./serve.ts";

/**
 * A worker that does the tasks of a hasher. If it can't be loaded, its tasks are done on this
 * thread, which is slower and may make the page stutter: in browsers without workers that load
 * modules, and if the script comes from another origin than the page.
 */
export class HashWorker {
  onmessage: (message: FromWorker) => void = () => undefined;
  /** Called when the worker has died, with a message that may be empty. */
  onerror: (message: string) => void = () => undefined;
  #worker: Worker | null = null;
  #receive: (message: ToWorker) => void;
  /** What was sent before the first answer, which shows that the worker was loaded; else null. */
  #unanswered: ToWorker[] | null = [];

  constructor() {
    try {
      this.#worker = this.#load();
      this.#receive = (message) => this.#worker?.postMessage(message);
    } catch {
      this.#receive = this.#serveHere();
    }
  }

  postMessage(message: ToWorker): void {
    this.#unanswered?.push(message);
    this.#receive(message);
  }

  terminate(): void {
    this.#worker?.terminate();
  }

  #load(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      this.#unanswered = null;
      this.onmessage(data);
    };
    worker.onerror = ({ message }) => {
      if (this.#unanswered === null) this.onerror(message);
      else this.#replace(this.#unanswered);
    };
    return worker;
  }

  /** Do the tasks on this thread, first those that the worker has not answered. */
  #replace(unanswered: readonly ToWorker[]): void {
    this.terminate();
    this.#receive = this.#serveHere();
    for (const message of unanswered) this.#receive(message);
  }

  #serveHere(): (message: ToWorker) => void {
    this.#unanswered = null;
    return serve((message) => this.onmessage(message));
  }
}
