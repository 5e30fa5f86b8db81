/** Retrying requests that may succeed a moment later. */

import { Problem, Unreachable } from "./errors.ts";

/**
 * Statuses after which the same request may succeed. The same table as
 * `onecopy.retry.RETRYABLE_STATUSES` in Python.
 */
export const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Decides about a request whose `attempt`-th attempt (from 1) failed: returns when the next attempt
 * may start; throws the error if there must be none, and the signal's reason.
 */
export type RetryPolicy = (error: unknown, attempt: number, signal?: AbortSignal) => Promise<void>;

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 30_000;

/** Return a policy of at most `attempts` attempts, with exponential backoff. */
export function backoff(attempts: number): RetryPolicy {
  return async (error, attempt, signal) => {
    if (!isRetryable(error) || attempt >= attempts) throw error;
    await sleep(retryDelay(error, attempt), signal);
  };
}

/** Return whether the same request may succeed a moment later. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  if (!(error instanceof Problem)) return false;
  const { status, reason } = error;
  if (reason === "store-unavailable") return true;
  // Without a problem document, the answer comes from a gateway: any of its failures may pass.
  if (reason === `http-${status}` && status >= 500) return true;
  // The service itself answers 500 for a bug and 502 if the store denies access. Neither passes.
  return RETRYABLE_STATUSES.has(status) && status !== 500 && status !== 502;
}

/**
 * Return the delay in milliseconds before the next attempt. It is drawn from a range that doubles
 * with each attempt ("full jitter"), so that clients that failed together don't return together, and
 * is at least what the server asked for.
 */
export function retryDelay(error: unknown, attempt: number): number {
  const retryAfter = error instanceof Problem ? error.retryAfter : null;
  const drawn = Math.random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return retryAfter === null ? drawn : Math.min(MAX_DELAY_MS, Math.max(retryAfter, drawn));
}

/** Wait; throws the signal's reason when it is aborted. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const wake = () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(wake, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Wait for a promise that others wait for too; throws the signal's reason when it is aborted, and
 * leaves the promise alone.
 */
export function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    const end = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    promise.then(resolve, reject).finally(end);
  });
}
