/** Reporting which uploads were avoided: once after a run of uploads, and when the page is left. */

import type { Client } from "../protocol/client.ts";
import type { Result } from "../protocol/documents.ts";
import { avoidedReports } from "../upload/avoided.ts";

/** Time without uploads after which a run has ended. */
const IDLE_MS = 1_000;

/** The avoided uploads that are not yet reported. */
export class Avoided {
  readonly #client: Client;
  #sizes: number[] = [];
  #active = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #report = () => this.report();

  constructor(client: Client) {
    this.#client = client;
    globalThis.addEventListener?.("pagehide", this.#report);
  }

  /** Run an upload; after the last one of a run, the avoided ones are reported. */
  async during<T>(upload: () => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    this.#active++;
    try {
      return await upload();
    } finally {
      if (--this.#active === 0) this.#timer = setTimeout(this.#report, IDLE_MS);
    }
  }

  /** Count a file that was not sent, unless an earlier run has uploaded it under its own key. */
  add({ size }: Blob, key: string, { copy }: Result): void {
    if (copy?.key !== key) this.#sizes.push(size);
  }

  /** Report what was avoided. Nothing depends on it, so errors are ignored. */
  report(): void {
    const reports = avoidedReports(this.#sizes);
    this.#sizes = [];
    for (const report of reports) this.#client.countAvoided(report).catch(() => undefined);
  }

  /** Report, and stop. */
  close(): void {
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("pagehide", this.#report);
    this.report();
  }
}
