/** Asking again about a file of which a stored copy is being read to confirm a match. */

import type { Result } from "../protocol/documents.ts";
import { sleep } from "../protocol/retry.ts";

/** The reasons while the service reads a copy, or makes one. */
const WORKING = new Set(["confirming", "placing"]);
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 5_000;
/** Time without any progress after which nobody seems to read. */
const STANDSTILL_MS = 60_000;

export interface ConfirmingOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes of the copy that have been read, which has the size of the file. */
  readonly onConfirming?: (bytes: number) => void;
}

/**
 * Ask until the result is decided, or until nothing has moved for a minute: then the result is still
 * `unconfirmed` with the reason `confirming` or `placing`. Throws what `ask` throws, and the signal's reason.
 */
export async function untilConfirmed<T extends { readonly result: Result }>(
  ask: () => Promise<T>,
  { signal, onConfirming }: ConfirmingOptions = {},
): Promise<T> {
  let last = -1;
  let moved = Date.now();
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(MAX_DELAY_MS, delay * 1.5)) {
    const answer = await ask();
    if (!WORKING.has(answer.result.reason ?? "")) return answer;
    const bytes = answer.result.bytes_read ?? 0;
    if (bytes !== last) moved = Date.now();
    last = bytes;
    if (Date.now() - moved >= STANDSTILL_MS) return answer;
    onConfirming?.(bytes);
    await sleep(delay, signal);
  }
}
