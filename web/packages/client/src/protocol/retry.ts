/** Trying again what may work in a moment. */

import { Problem, Unreachable } from "./errors.ts";

/**
 * Decides on a request that failed for the `attempt`-th time (from 1): returns when it may be sent
 * again, throws when it is given up.
 */
export type Patience = (error: unknown, attempt: number, signal?: AbortSignal) => Promise<void>;

const FIRST = 250;
const LONGEST = 30_000;

/** Return a Patience that gives up after so many attempts. */
export function patient(attempts: number): Patience {
  return async (error, attempt, signal) => {
    if (!mayPass(error) || attempt >= attempts) throw error;
    await sleep(delay(error, attempt), signal);
  };
}

/** Whether the same request may work in a moment. */
export function mayPass(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Problem && error.passing);
}

/**
 * Return the milliseconds to wait: what the service asked for, else doubled each time with full
 * jitter, so that clients that failed together don't come back together.
 */
export function delay(error: unknown, attempt: number): number {
  const asked = error instanceof Problem ? error.retryAfter : null;
  const drawn = Math.random() * Math.min(LONGEST, FIRST * 2 ** attempt);
  return asked === null ? drawn : Math.min(LONGEST, Math.max(asked, drawn));
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

/** Wait for a promise that goes on for others; throws the signal's reason when it is aborted. */
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
