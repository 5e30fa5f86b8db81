/** The uploads under way, which can be paused, resumed and aborted. */

import { Paused } from "@onecopy/client";

/** Runs uploads; a paused one is aborted, and begun again when it is resumed. */
export class Running {
  readonly #controls = new Map<string, AbortController>();
  /** Continue a paused upload (true), or end it. */
  readonly #resumes = new Map<string, (isWanted: boolean) => void>();

  /** Run an upload until it ends. Throws what it throws, and an AbortError after `abort`. */
  async run<T>(id: string, upload: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      const control = new AbortController();
      this.#controls.set(id, control);
      try {
        return await upload(control.signal);
      } catch (error) {
        if (!(error instanceof Paused)) throw error;
      } finally {
        this.#controls.delete(id);
      }
      if (!(await this.#resumed(id)))
        throw new DOMException("the upload was aborted", "AbortError");
    }
  }

  /** Stop an upload until it is resumed. */
  pause(id: string): void {
    this.#controls.get(id)?.abort(new Paused());
  }

  /** Stop all uploads until they are resumed. */
  pauseAll(): void {
    for (const id of this.#controls.keys()) this.pause(id);
  }

  /** Continue a paused upload. */
  resume(id: string): void {
    this.#resumes.get(id)?.(true);
  }

  /** Continue all paused uploads. */
  resumeAll(): void {
    for (const id of this.#resumes.keys()) this.resume(id);
  }

  /** Abort an upload for good. */
  abort(id: string): void {
    this.#controls.get(id)?.abort();
    this.#resumes.get(id)?.(false);
  }

  /** Abort all uploads. */
  abortAll(): void {
    for (const id of [...this.#controls.keys(), ...this.#resumes.keys()]) this.abort(id);
  }

  async #resumed(id: string): Promise<boolean> {
    const resumed = new Promise<boolean>((resolve) => {
      this.#resumes.set(id, resolve);
    });
    return await resumed.finally(() => this.#resumes.delete(id));
  }
}
