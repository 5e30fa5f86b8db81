/** Sending one part, to the service or to a bucket, until it has arrived. */

import type { Part } from "../digest/hasher.ts";
import { asUnreadable, FileUnreadable } from "../digest/read.ts";
import type { Client } from "../protocol/client.ts";
import type { Send } from "../protocol/documents.ts";
import { Problem, readProblem, Unreachable } from "../protocol/errors.ts";
import { type RetryPolicy, retryDelay, sleep } from "../protocol/retry.ts";
import { put, readBucketProblem } from "./put.ts";

/** Attempts to send a part to a bucket that can be reached. */
const MAX_ATTEMPTS = 6;
/** The same, if the bucket has never answered this page: then its CORS rules forbid it. */
const MAX_UNANSWERED_ATTEMPTS = 3;

/** The state of the network, as the page knows it. */
export interface Network {
  /** Decides about failed requests to the service. */
  readonly retryPolicy: RetryPolicy;
  /** Return whether a bucket was unreachable; if it was, only once it can be reached again. */
  wasUnreachable(address: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Wait while the user has paused the work. Returns a signal that is aborted at the next pause: a
   * part that is then being sent is sent again afterwards.
   */
  ready?(signal?: AbortSignal): Promise<AbortSignal>;
}

/** A part to send. */
export interface Sending {
  readonly part: Part;
  readonly signal: AbortSignal;
  /** Called with the number of bytes of the part that have been sent so far. */
  readonly onSent: (bytes: number) => void;
  /** Return a signed request for the part; it is valid for some minutes. */
  readonly sign: () => Promise<Send>;
  /** A first signed request, if there is one already. */
  readonly signed: Send | undefined;
}

/** Sends parts, with retries. */
export class Sender {
  readonly #client: Client;
  readonly #network: Network;
  /** The origins that have answered this page. */
  readonly #answered = new Set<string>();

  constructor(client: Client, network: Network) {
    this.#client = client;
    this.#network = network;
  }

  /** Send a part. Throws Problem, Unreachable, FileUnreadable, and the signal's reason. */
  async send({ part, signal, onSent, sign, signed }: Sending): Promise<void> {
    let wasRenewed = false;
    for (let attempt = 1, send = signed; ; attempt++, send = undefined) {
      const paused = await this.#network.ready?.(signal);
      send ??= await sign();
      const either = paused === undefined ? signal : AbortSignal.any([signal, paused]);
      try {
        return await this.#put(send, { part, signal: either, onSent });
      } catch (error) {
        if (signal.aborted) throw error;
        onSent(0);
        if (paused?.aborted) attempt = 0;
        else if (mayHaveExpired(error) && !wasRenewed) wasRenewed = true;
        else if (error instanceof Unreachable) {
          await checkReadable(part.body);
          attempt = await this.#waitForTarget(send, error, attempt, signal);
        } else await this.#network.retryPolicy(error, attempt, signal);
      }
    }
  }

  async #put(send: Send, sending: Omit<Sending, "sign" | "signed">): Promise<void> {
    const { part, signal, onSent } = sending;
    const url = this.#client.address(send.url);
    const headers = this.#client.headers(send);
    const read = this.#client.isToService(send) ? readProblem : readBucketProblem;
    try {
      const { method } = send;
      await put({ method, url, headers, body: part.body, signal, onSent, readProblem: read });
      this.#answered.add(url.origin);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#answered.add(url.origin);
      // An object with this key exists, perhaps from an attempt whose answer was lost. The
      // completion finds out which.
      if (error.status !== 412) throw error;
    }
  }

  /** Wait until the target can be reached; returns how many attempts failed while it could. */
  async #waitForTarget(
    send: Send,
    error: Unreachable,
    attempt: number,
    signal: AbortSignal,
  ): Promise<number> {
    await sleep(retryDelay(error, attempt), signal);
    if (this.#client.isToService(send)) {
      await this.#network.retryPolicy(error, attempt, signal);
      return attempt;
    }
    const { origin, pathname } = this.#client.address(send.url);
    if (await this.#network.wasUnreachable(origin + pathname, signal)) return 0;
    if (!this.#answered.has(origin) && attempt >= MAX_UNANSWERED_ATTEMPTS) {
      throw new Problem(0, "cors-missing", `${origin} does not allow uploads from this page`);
    }
    if (attempt >= MAX_ATTEMPTS) {
      throw new Problem(0, "store-unreachable", `no answer from ${origin} in ${attempt} attempts`);
    }
    return attempt;
  }
}

/** Return whether the signed request may have expired, which a fresh one shows. */
function mayHaveExpired(error: unknown): boolean {
  return error instanceof Problem && ["ticket-expired", "store-forbidden"].includes(error.reason);
}

/** Throw FileUnreadable if the file has changed: the browser reports that as a lost connection. */
async function checkReadable(body: Part["body"]): Promise<void> {
  if (!(body instanceof Blob)) return;
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch (error) {
    throw asUnreadable(error) ?? new FileUnreadable("the file can’t be read");
  }
}
