/** Batching of many small requests into few. */

import { Problem } from "../protocol/errors.ts";

export interface Options<In, Out> {
  /** Send one request for these items; returns one result per item, in order. */
  readonly send: (items: readonly In[]) => Promise<readonly Out[]>;
  /** Return the maximum weight of one request. */
  readonly maxWeight: () => number;
  /** Return the weight of an item; by default 1. */
  readonly weight?: (item: In) => number;
  /** Time to wait for more items before a request is sent. */
  readonly delayMs?: number;
}

/** Requests at the same time; more would only queue at the service. */
const MAX_REQUESTS = 2;
const DEFAULT_DELAY_MS = 20;
/** Results that are handed out at a time: what follows from a thousand would block the page. */
const MAX_RESULTS = 100;

interface Entry<In, Out> {
  readonly item: In;
  readonly resolve: (result: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Combines items into requests. The first requests are sent at once, so that the first results come
 * early; while they are under way, the next ones fill up.
 */
export class Batch<In, Out> {
  readonly #options: Options<In, Out>;
  #waiting: Entry<In, Out>[] = [];
  #requests = 0;
  #isScheduled = false;

  constructor(options: Options<In, Out>) {
    this.#options = options;
  }

  /**
   * Return the result for one item. If a request is rejected, its items are sent one by one, so
   * that one bad item does not fail the others.
   */
  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#requests >= MAX_REQUESTS || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      void this.#flush(this.#takeBatch());
      this.#schedule();
    }, this.#options.delayMs ?? DEFAULT_DELAY_MS);
  }

  #takeBatch(): Entry<In, Out>[] {
    const { maxWeight, weight = () => 1 } = this.#options;
    let total = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      total += weight(item);
      if (count > 0 && total > maxWeight()) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #flush(entries: readonly Entry<In, Out>[]): Promise<void> {
    this.#requests++;
    await this.#send(entries);
    this.#requests--;
    this.#schedule();
  }

  async #send(entries: readonly Entry<In, Out>[]): Promise<void> {
    try {
      const results = await this.#options.send(entries.map(({ item }) => item));
      for (const [at, { resolve, reject }] of entries.entries()) {
        if (at > 0 && at % MAX_RESULTS === 0) await new Promise((wake) => setTimeout(wake));
        const result = results[at];
        if (result !== undefined) resolve(result);
        else reject(new Error(`too few results: ${results.length} for ${entries.length} items`));
      }
    } catch (error) {
      const isRejected = error instanceof Problem && error.status >= 400 && error.status < 500;
      if (isRejected && entries.length > 1) for (const entry of entries) await this.#send([entry]);
      else for (const { reject } of entries) reject(error);
    }
  }
}
