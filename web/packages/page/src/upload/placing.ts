/** Adding known contents under further names, by copies that the store makes itself. */

import { Batch, type Client, type Place, type Result, sleep } from "@onecopy/client";

/** The reason while the store is still copying. */
const PLACING = "placing";
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 5_000;

export interface PlaceOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that were copied, as far as the service knows. */
  readonly onCopied: (bytes: number) => void;
}

/** Places files, several in one request. */
export class Places {
  readonly #requests: Batch<Place, Result>;

  constructor(client: Client, maxFiles: () => number) {
    this.#requests = new Batch({ send: (files) => client.place(files), maxWeight: maxFiles });
  }

  /** Place a file, and wait until the store has copied it. */
  async place(file: Place, { signal, onCopied }: PlaceOptions): Promise<Result> {
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(MAX_DELAY_MS, delay * 1.5)) {
      const result = await this.#requests.add(file);
      signal.throwIfAborted();
      if (result.reason !== PLACING) return result;
      onCopied(result.bytes_read ?? 0);
      await sleep(delay, signal);
    }
  }
}
