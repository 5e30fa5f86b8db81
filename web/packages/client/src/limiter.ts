/** Bounds on how much runs at the same time. */

/** Lets in work up to a total weight, in the order of asking. */
export class Lanes {
  readonly #width: number;
  #taken = 0;
  readonly #waiting: { weight: number; enter: () => void }[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  /** Run `act` as soon as there is room for it; more than the whole width counts as all of it. */
  async run<T>(act: () => Promise<T>, weight = 1): Promise<T> {
    const taken = Math.min(weight, this.#width);
    await this.#enter(taken);
    try {
      return await act();
    } finally {
      this.#taken -= taken;
      this.#admit();
    }
  }

  #enter(weight: number): Promise<void> {
    const entered = new Promise<void>((enter) => {
      this.#waiting.push({ weight, enter });
    });
    this.#admit();
    return entered;
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || this.#taken + next.weight > this.#width) return;
      this.#waiting.shift();
      this.#taken += next.weight;
      next.enter();
    }
  }
}

/**
 * Run `act` for all items in order, `width` of them at a time. After a failure it begins no more,
 * waits for those that run, and throws the first.
 */
export async function together<T>(
  width: number,
  items: Iterable<T>,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const lane = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      await act(next.value).catch((error: unknown) => failures.push(error));
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  if (failures.length > 0) throw failures[0];
}
