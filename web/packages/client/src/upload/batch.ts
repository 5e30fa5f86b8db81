/** Many small questions, asked together. */

import { Problem } from "../client/errors.ts";

export interface Options<In, Out> {
  /** Answers in order. */
  readonly ask: (items: readonly In[]) => Promise<readonly Out[]>;
  /** Return the most that one request may hold, of what `weigh` says (left out: items). */
  readonly most: () => number;
  readonly weigh?: (item: In) => number;
  /** Milliseconds to wait for more before asking. */
  readonly wait?: number;
}

/** More would only queue up at the service. */
const REQUESTS = 2;

interface Question<In, Out> {
  readonly item: In;
  readonly resolve: (answer: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers items into requests. The first go out at once, so that the first answers come early;
 * while requests are on their way the next ones fill up.
 */
export class Batch<In, Out> {
  readonly #options: Options<In, Out>;
  #waiting: Question<In, Out>[] = [];
  #asking = 0;
  #timer = false;

  constructor(options: Options<In, Out>) {
    this.#options = options;
  }

  /** Ask about one item; an item that spoils its request is asked about by itself. */
  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#soon();
    });
  }

  #soon(): void {
    if (this.#timer || this.#asking >= REQUESTS || this.#waiting.length === 0) return;
    this.#timer = true;
    setTimeout(() => {
      this.#timer = false;
      void this.#flush(this.#take());
      this.#soon();
    }, this.#options.wait ?? 20);
  }

  #take(): Question<In, Out>[] {
    const { most, weigh = () => 1 } = this.#options;
    let weight = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      weight += weigh(item);
      if (count > 0 && weight > most()) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #flush(questions: readonly Question<In, Out>[]): Promise<void> {
    this.#asking++;
    await this.#ask(questions);
    this.#asking--;
    this.#soon();
  }

  async #ask(questions: readonly Question<In, Out>[]): Promise<void> {
    try {
      const answers = await this.#options.ask(questions.map(({ item }) => item));
      for (const [at, { resolve, reject }] of questions.entries()) {
        const answer = answers[at];
        if (answer === undefined) reject(new Error("the service answered for too few files"));
        else resolve(answer);
      }
    } catch (error) {
      const spoilt = error instanceof Problem && error.status >= 400 && error.status < 500;
      if (spoilt && questions.length > 1)
        for (const question of questions) await this.#ask([question]);
      else for (const { reject } of questions) reject(error);
    }
  }
}
