/** Pausing: work waits here before each step, and what is being sent is interrupted. */

import { abortable, Observable } from "@onecopy/client";

export class Pause {
  readonly #changes = new Observable();
  readonly subscribe = this.#changes.subscribe;
  #next = new AbortController();
  #resumed: Promise<void> = Promise.resolve();
  #resume: () => void = () => undefined;

  get isPaused(): boolean {
    return this.#next.signal.aborted;
  }

  pause(): void {
    if (this.isPaused) return;
    this.#resumed = new Promise((resume) => {
      this.#resume = resume;
    });
    this.#next.abort();
    this.#changes.notify();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.#next = new AbortController();
    this.#resume();
    this.#changes.notify();
  }

  /** Wait while work is paused; returns a signal that is aborted at the next pause. */
  readonly ready = async (signal?: AbortSignal): Promise<AbortSignal> => {
    while (this.isPaused) await abortable(this.#resumed, signal);
    return this.#next.signal;
  };
}
