/** Uploads of equal contents one after another, so that only the first is sent. */

/** The uploads under way, by size and content. */
export class Turns {
  readonly #sizes = new Map<number, number>();
  readonly #last = new Map<string, Promise<unknown>>();

  /** Return whether a file of this size is being uploaded. */
  has(size: number): boolean {
    return this.#sizes.has(size);
  }

  /** Run `act` after the earlier uploads of this content; without a content, at once. */
  async run<T>(size: number, content: string | undefined, act: () => Promise<T>): Promise<T> {
    this.#count(size, 1);
    try {
      return await (content === undefined ? act() : this.#queue(content, act));
    } finally {
      this.#count(size, -1);
    }
  }

  async #queue<T>(content: string, act: () => Promise<T>): Promise<T> {
    const before = this.#last.get(content);
    const running = before === undefined ? act() : before.then(act);
    const ended = running.catch(() => undefined); // its own caller gets the error
    this.#last.set(content, ended);
    try {
      return await running;
    } finally {
      if (this.#last.get(content) === ended) this.#last.delete(content);
    }
  }

  #count(size: number, change: number): void {
    const count = (this.#sizes.get(size) ?? 0) + change;
    if (count > 0) this.#sizes.set(size, count);
    else this.#sizes.delete(size);
  }
}
