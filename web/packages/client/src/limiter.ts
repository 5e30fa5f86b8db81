/** Limits on how much work runs at the same time. */

/** Runs work up to a total weight, first come, first served. */
export class Limiter {
  readonly #maxWeight: number;
  #runningWeight = 0;
  readonly #waiting: { weight: number; start: () => void }[] = [];

  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight;
  }

  /** Run `act` as soon as there is room; a weight above the maximum counts as the maximum. */
  async run<T>(act: () => Promise<T>, weight = 1): Promise<T> {
    const counted = Math.min(weight, this.#maxWeight);
    await this.#wait(counted);
    try {
      return await act();
    } finally {
      this.#runningWeight -= counted;
      this.#startNext();
    }
  }

  #wait(weight: number): Promise<void> {
    const started = new Promise<void>((start) => {
      this.#waiting.push({ weight, start });
    });
    this.#startNext();
    return started;
  }

  #startNext(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || this.#runningWeight + next.weight > this.#maxWeight) return;
      this.#waiting.shift();
      this.#runningWeight += next.weight;
      next.start();
    }
  }
}

/**
 * Run `act` for all items in order, at most `limit` of them at a time. After a failure no further
 * item is started; the items that are running finish, and then the first error is thrown.
 */
export async function forEachLimited<T>(
  limit: number,
  items: Iterable<T>,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const errors: unknown[] = [];
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      await act(next.value).catch((error: unknown) => errors.push(error));
      if (errors.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (errors.length > 0) throw errors[0];
}
