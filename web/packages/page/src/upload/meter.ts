/** How fast bytes go, and how long the rest takes. */

/** Time over which the rate is taken: long enough to be steady, short enough to follow. */
const WINDOW_MS = 10_000;
/** Before that, a rate would be a guess. */
const MIN_TIME_MS = 1_500;

/** The rate of a number of bytes that grows. */
export class Meter {
  readonly #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** Note the bytes done by a time in milliseconds. */
  note(at: number, bytes: number): void {
    const last = this.#samples.at(-1);
    // What was cancelled is no longer done: begin anew.
    if (last !== undefined && bytes < last.bytes) this.reset();
    this.#samples.push({ at, bytes });
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift();
  }

  /** Forget all samples, as after a pause. */
  reset(): void {
    this.#samples.length = 0;
  }

  /** Bytes per second; null while that can't be said. */
  get rate(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < MIN_TIME_MS) return null;
    return (1000 * (last.bytes - first.bytes)) / (last.at - first.at);
  }

  /** Return the seconds that the rest takes; null while that can't be said. */
  secondsFor(bytes: number): number | null {
    const { rate } = this;
    if (bytes <= 0) return 0;
    return rate === null || rate <= 0 ? null : bytes / rate;
  }
}
