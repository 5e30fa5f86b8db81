/** Reporting of uploads that were avoided. */

import { avoidedReports, type Client } from "@onecopy/client";
import type { Item } from "./selection.ts";

/** The files that were not sent because they are stored under another name; each counts once. */
export class Avoided {
  readonly #client: Client;
  readonly #reported = new WeakSet<Item>();
  /** The files of which bytes were sent, perhaps in vain. */
  readonly #sent = new WeakSet<Item>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Note that bytes of a file were sent. */
  addSent(item: Item): void {
    this.#sent.add(item);
  }

  /** Report those of the files that were avoided and not reported yet. */
  async report(items: readonly Item[]): Promise<void> {
    const avoided = items.filter((item) => this.#isAvoided(item));
    for (const item of avoided) this.#reported.add(item);
    const reports = avoidedReports(avoided.map(({ file }) => file.size));
    // Nothing depends on it: an upload must not fail because it is not counted.
    await Promise.allSettled(reports.map((report) => this.#client.countAvoided(report)));
  }

  #isAvoided(item: Item): boolean {
    if (item.state !== "duplicate" || item.copy?.key === item.key) return false;
    return !(this.#sent.has(item) || this.#reported.has(item));
  }
}
