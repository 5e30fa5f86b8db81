/** Tokens, and what happens to a request that failed. */

import { Problem, Unreachable } from "../protocol/errors.ts";
import { isReachable } from "../protocol/reachable.ts";
import { backoff, type RetryPolicy, sleep } from "../protocol/retry.ts";
import type { Network } from "../upload/sender.ts";

/** A token, or a function that gets one; it is called again when a token is refused. */
export type TokenSource = string | (() => string | Promise<string>);

const MAX_ATTEMPTS = 6;
/** Attempts after which a request that is refused again and again fails. */
const MAX_REFUSALS = 3;
/** A token of this age is not replaced: the refused request was sent with the one before it. */
const FRESH_MS = 5_000;
/** Time between two checks whether a bucket can be reached again. */
const POLL_INTERVAL_MS = 2_000;
/** Time that a bucket may be unreachable before an upload fails. */
const PATIENCE_MS = 5 * 60_000;

/** The connection to one service and its bucket. */
export class Connection implements Network {
  readonly #source: TokenSource | undefined;
  readonly #backoff = backoff(MAX_ATTEMPTS);
  #token: string | null = null;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #renewal: Promise<void> | null = null;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /** Return the bearer token; null before `renew`, and for a service without tokens. */
  readonly token = (): string | null => this.#token;

  /** Get a token, unless that was done a moment ago. Throws what the function throws. */
  async renew(): Promise<void> {
    if (performance.now() - this.#renewedAt < FRESH_MS) return;
    this.#renewal ??= this.#getToken().finally(() => {
      this.#renewal = null;
    });
    await this.#renewal;
  }

  /** Get another token if the present one is refused; retry what may pass in a moment. */
  readonly retryPolicy: RetryPolicy = async (error, attempt, signal) => {
    const isRefused = error instanceof Problem && error.status === 401;
    if (isRefused && typeof this.#source === "function" && attempt < MAX_REFUSALS) {
      await this.renew();
    } else await this.#backoff(error, attempt, signal);
  };

  async wasUnreachable(address: string, signal?: AbortSignal): Promise<boolean> {
    const end = performance.now() + PATIENCE_MS;
    for (let isUp = await isReachable(address), waited = false; ; waited = true) {
      if (isUp) return waited;
      if (performance.now() > end) throw new Unreachable(`no answer from ${new URL(address).host}`);
      await sleep(POLL_INTERVAL_MS, signal);
      isUp = await isReachable(address);
    }
  }

  async #getToken(): Promise<void> {
    const source = this.#source ?? null;
    this.#token = typeof source === "function" ? await source() : source;
    this.#renewedAt = performance.now();
  }
}
