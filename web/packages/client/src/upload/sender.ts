/** Bringing a part to where the service says, the service itself or a bucket, until it is there. */

import { readBucketProblem } from "../client/bucket.ts";
import type { Client } from "../client/client.ts";
import type { Send } from "../client/documents.ts";
import { Problem, readProblem, Unreachable } from "../client/errors.ts";
import { delay, sleep } from "../client/patience.ts";
import type { Part } from "../digest/hasher.ts";
import { FileUnreadable, unreadable } from "../digest/read.ts";
import type { Connection } from "./connection.ts";
import { put } from "./put.ts";

/** Times that a part is sent in vain to a bucket that is there. */
const TRIES = 6;
/** The same, if the bucket never answered this page: then its CORS rules forbid it. */
const UNHEARD = 3;

/** A part on its way. */
export interface Sending {
  readonly part: Part;
  readonly signal: AbortSignal;
  /** Is told how many bytes of the part have been sent so far. */
  readonly sent: (bytes: number) => void;
  /** Return a request for it that is good for a while. */
  readonly sign: () => Promise<Send>;
  /** The first such request, if there is one already. */
  readonly ready: Send | undefined;
}

/** Sends parts, each again and again if that may help. */
export class Sender {
  readonly #client: Client;
  readonly #connection: Connection;
  readonly #heard = new Set<string>();

  constructor(client: Client, connection: Connection) {
    this.#client = client;
    this.#connection = connection;
  }

  /** Send a part. Throws Problem, Unreachable, FileUnreadable, and the signal's reason. */
  async send({ part, signal, sent, sign, ready }: Sending): Promise<void> {
    let stale = false;
    for (let attempt = 1, send = ready; ; attempt++, send = undefined) {
      send ??= await sign();
      try {
        return await this.#put(send, { part, signal, sent });
      } catch (error) {
        if (signal.aborted) throw error;
        sent(0);
        if (isStale(error) && !stale) stale = true;
        else if (error instanceof Unreachable) {
          await tryReading(part.body);
          attempt = await this.#reach(send, error, attempt, signal);
        } else await this.#connection.patience(error, attempt, signal);
      }
    }
  }

  async #put(send: Send, { part, signal, sent }: Omit<Sending, "sign" | "ready">): Promise<void> {
    const url = this.#client.address(send.url);
    const headers = this.#client.headers(send);
    const read = this.#client.isOurs(send) ? readProblem : readBucketProblem;
    try {
      await put({ method: send.method, url, headers, body: part.body, signal, sent, read });
      this.#heard.add(url.origin);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#heard.add(url.origin);
      // Something lies under this key by now, perhaps our own bytes: the completion finds out.
      if (error.status !== 412) throw error;
    }
  }

  /** Wait until the other side can be reached; returns how many attempts have failed for certain. */
  async #reach(
    send: Send,
    error: Unreachable,
    attempt: number,
    signal: AbortSignal,
  ): Promise<number> {
    await sleep(delay(error, attempt), signal);
    if (this.#client.isOurs(send)) {
      await this.#connection.patience(error, attempt, signal);
      return attempt;
    }
    const { origin, pathname } = this.#client.address(send.url);
    if (await this.#connection.wasLost(origin + pathname, signal)) return 0;
    if (!this.#heard.has(origin) && attempt >= UNHEARD) {
      throw new Problem(0, "cors-missing", `${origin} does not let this page send anything`);
    }
    if (attempt >= TRIES) throw new Problem(0, "store-unreachable", `no answer from ${origin}`);
    return attempt;
  }
}

/** Whether the request may have been too old: a fresh one tells. */
function isStale(error: unknown): boolean {
  return error instanceof Problem && ["ticket-expired", "store-forbidden"].includes(error.reason);
}

/** A file that has changed fails to be sent just like a lost connection; throws FileUnreadable. */
async function tryReading(body: Part["body"]): Promise<void> {
  if (!(body instanceof Blob)) return;
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch (error) {
    throw unreadable(error) ?? new FileUnreadable("the file can't be read");
  }
}
