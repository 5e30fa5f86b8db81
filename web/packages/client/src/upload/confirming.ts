/**
 * Asking again about a file: while a stored copy is being read to confirm a match, or while somebody
 * else uploads the same content.
 */

import type { Result } from "../protocol/documents.ts";
import { sleep } from "../protocol/retry.ts";

/** The reasons while the service reads a copy, or makes one. */
const WORKING = new Set(["confirming", "placing"]);
/** The reason while somebody else uploads the same content. */
const UPLOADING = "uploading";
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 5_000;
/** Time without any progress after which nobody seems to read. */
const STANDSTILL_MS = 60_000;
/** Time between two questions while somebody else uploads the same content. */
const UPLOADING_DELAY_MS = 500;
/** Time to wait for other uploads; a service lets nobody wait for longer than a minute. */
const MAX_UPLOADING_MS = 90_000;

export interface ConfirmingOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes of the copy that have been read, which has the size of the file. */
  readonly onConfirming?: (bytes: number) => void;
  /** Called while somebody else uploads the same content. */
  readonly onUploading?: () => void;
}

/**
 * Ask until the result is decided, or until nothing has moved for a minute: then the result is still
 * `unconfirmed` with the reason `confirming`, `placing` or `uploading`. Throws what `ask` throws, and
 * the signal's reason.
 */
export async function untilConfirmed<T extends { readonly result: Result }>(
  ask: () => Promise<T>,
  { signal, onConfirming, onUploading }: ConfirmingOptions = {},
): Promise<T> {
  const began = performance.now();
  let last = -1;
  let moved = began;
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(MAX_DELAY_MS, delay * 1.5)) {
    let answer = await ask();
    while (answer.result.reason === UPLOADING && performance.now() - began < MAX_UPLOADING_MS) {
      onUploading?.();
      await sleep(UPLOADING_DELAY_MS, signal);
      answer = await ask();
    }
    if (!WORKING.has(answer.result.reason ?? "")) return answer;
    const bytes = answer.result.bytes_read ?? 0;
    if (bytes !== last) moved = performance.now();
    last = bytes;
    if (performance.now() - moved >= STANDSTILL_MS) return answer;
    onConfirming?.(bytes);
    await sleep(delay, signal);
  }
}
