/** Uploads that have begun and not yet ended, and files that wait until one ends: for a quota. */

import type { Result } from "../protocol/documents.ts";

const REFUSED = "quota-exceeded";

/** The answer to a file that was to be begun. */
export interface Begun {
  readonly result: Result;
  /** Whether a quota has no room for the file, but may have it once another upload has ended. */
  readonly mayFit: boolean;
}

/** Knows which uploads have begun. */
export class ActiveUploads {
  #requests = 0;
  #uploads = 0;
  #ended = 0;
  readonly #waiting: (() => void)[] = [];

  /** Make a request that begins uploads. */
  async begin(request: () => Promise<readonly Result[]>): Promise<readonly Begun[]> {
    const ended = this.#ended;
    this.#requests++;
    let results: readonly Result[] = [];
    try {
      results = await request();
    } finally {
      this.#requests--;
      this.#uploads += results.filter(({ ticket }) => ticket !== undefined).length;
      this.#wake(0);
    }
    const mayHelp = this.#isBusy || this.#ended > ended;
    return results.map((result) => ({ result, mayFit: mayHelp && result.reason === REFUSED }));
  }

  /** Note an upload that an earlier page began. */
  resume(): void {
    this.#uploads++;
  }

  /** Note that an upload has ended. */
  end(): void {
    this.#uploads--;
    this.#ended++;
    this.#wake(1);
  }

  /** Wait until another upload has ended; throws the signal's reason. */
  async room(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isBusy) return;
    await new Promise<void>((resolve, reject) => {
      const wake = () => {
        signal.removeEventListener("abort", stop);
        resolve();
      };
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(wake), 1);
        reject(signal.reason);
      };
      this.#waiting.push(wake);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  get #isBusy(): boolean {
    return this.#requests > 0 || this.#uploads > 0;
  }

  /** Wake that many files that wait; all if nothing else will make room. */
  #wake(count: number): void {
    const woken = this.#waiting.splice(0, this.#isBusy ? count : this.#waiting.length);
    for (const wake of woken) wake();
  }
}
