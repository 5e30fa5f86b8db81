/** One file on its way into the store: begin, send, complete. */

import type { Client } from "../client/client.ts";
import type { Finish, Result, Send, Upload } from "../client/documents.ts";
import { Problem, Unreachable } from "../client/errors.ts";
import { delay, sleep } from "../client/patience.ts";
import type { FileDigests, Hasher, Part } from "../digest/hasher.ts";
import { FileUnreadable, unreadable } from "../digest/read.ts";
import { partRanges, type Range, SMALLEST_PART } from "../digest/scheme.ts";
import { Lanes, together } from "../lanes.ts";
import { Batch } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { put } from "./put.ts";

/** Requests that carry bytes at the same time: browsers open six per host, the rest may ask. */
const WIRES = 4;
/** Parts of one file that are read, hashed or on a wire at the same time. */
const PARTS = 5;
/** Large files under way at the same time. */
const LARGE = 2;
/** Bytes of small files under way at the same time: their signed requests are good for minutes. */
const SMALL_BYTES = 64 * 1024 * 1024;
/** Of those, bytes that even an empty file counts for. */
const LEAST = 512 * 1024;
/** Times that a request for bytes is sent before a bucket is given up. */
const TRIES = 6;
/** Milliseconds between two questions whether a completion is through. */
const ASK_AGAIN = 1_000;

/** What is to be stored, and how. */
export interface Source {
  readonly file: File;
  readonly key: string;
  /** Null if the file has not been read: then its parts are hashed as they are sent. */
  readonly digests: FileDigests | null;
  /** Store it even if the content is already there. */
  readonly anyway: boolean;
}

/** Is told how far it has come, and can stop it. */
export interface Watch {
  readonly signal: AbortSignal;
  /** Bytes sent so far; 0 when it begins. */
  readonly sent: (bytes: number) => void;
  /** All bytes are there: from now on it can't be stopped. */
  readonly completing: () => void;
}

/** What the service said last, and the parts' SHA-256 in hex if all of them were sent. */
export interface Outcome {
  readonly result: Result;
  readonly parts: readonly string[] | null;
}

/** An upload that was begun. */
interface Begun {
  ticket: string;
  readonly source: Source;
  readonly watch: Watch;
  /** For the only part of a small file. */
  readonly send: Send | undefined;
  /** Bytes sent of each part. */
  readonly sent: number[];
}

/** The reasons after which an upload has to be begun again. */
const LOST = new Set(["upload-unknown", "parts-missing"]);

/** Carries files into the store, a bounded number at a time. */
export class Transfers {
  readonly #client: Client;
  readonly #hasher: Hasher;
  readonly #connection: Connection;
  readonly #begins: Batch<Upload, Result>;
  readonly #completions: Batch<Finish, Result>;
  readonly #wires = new Lanes(WIRES);
  readonly #large = new Lanes(LARGE);
  readonly #small = new Lanes(SMALL_BYTES);

  constructor(client: Client, hasher: Hasher, connection: Connection, mostFiles: () => number) {
    this.#client = client;
    this.#hasher = hasher;
    this.#connection = connection;
    this.#begins = new Batch({ ask: (files) => client.begin(files), most: mostFiles });
    this.#completions = new Batch({
      ask: (tickets) => client.complete(tickets),
      most: () => 10 * mostFiles(),
      // A file of 10,000 parts makes as long a document as 1,000 small files.
      weigh: ({ parts }) => 10 + (parts?.length ?? 0),
    });
  }

  /** Store a file. Throws what its collaborators throw, and the signal's reason. */
  store(source: Source, watch: Watch): Promise<Outcome> {
    const { size } = source.file;
    if (size >= SMALLEST_PART) return this.#large.run(() => this.#store(source, watch));
    return this.#small.run(() => this.#store(source, watch), Math.max(size, LEAST));
  }

  async #store(source: Source, watch: Watch, again = false): Promise<Outcome> {
    watch.signal.throwIfAborted();
    const result = await this.#begins.add(requestFor(source));
    if (result.ticket === undefined) return { result, parts: null };
    const { ticket, send } = result;
    const begun: Begun = { ticket, source, watch, send, sent: [] };
    try {
      const outcome = await this.#bring(begun);
      if (again || !LOST.has(outcome.result.reason ?? "")) return outcome;
    } catch (error) {
      this.#giveUp(begun);
      const lost = error instanceof Problem && LOST.has(error.reason);
      if (again || !lost) throw error;
    }
    return await this.#store(source, watch, true);
  }

  async #bring(begun: Begun): Promise<Outcome> {
    const { source, watch } = begun;
    watch.signal.throwIfAborted();
    watch.sent(0);
    const parts: string[] = [];
    await together(PARTS, partRanges(source.file.size).entries(), async ([at, range]) => {
      const part = await this.#read(begun, at, range);
      parts[at] = part.sha256;
      await this.#wires.run(() => this.#send(begun, at + 1, part));
    });
    watch.signal.throwIfAborted();
    watch.completing();
    return { result: await this.#complete(begun, parts), parts };
  }

  async #read({ source, watch }: Begun, at: number, range: Range): Promise<Part> {
    const sha256 = source.digests?.parts[at];
    if (sha256 === undefined) return await this.#hasher.part(source.file, range, watch);
    // A slice without a type: browsers would add it as Content-Type.
    return { sha256, body: source.file.slice(range.from, range.to) };
  }

  async #send(begun: Begun, number: number, part: Part): Promise<void> {
    const { signal } = begun.watch;
    for (let attempt = 1; ; attempt++) {
      const ready = attempt === 1 ? begun.send : undefined;
      const send = ready ?? (await this.#sign(begun, number, part.sha256));
      const url = this.#client.address(send.url);
      const headers = this.#client.headers(send);
      const sent = (bytes: number) => tell(begun, number, bytes);
      try {
        return await put({ method: send.method, url, headers, body: part.body, signal, sent });
      } catch (error) {
        if (signal.aborted) throw error;
        sent(0);
        if (await this.#settled(error, attempt, url, part, signal)) return;
      }
    }
  }

  /** Return false when the part may be sent again, true if it is there; throws if all is lost. */
  async #settled(
    error: unknown,
    attempt: number,
    url: URL,
    { body }: Part,
    signal: AbortSignal,
  ): Promise<boolean> {
    // Something lies under this key by now, perhaps our own bytes: the completion finds out.
    if (error instanceof Problem && error.status === 412) return true;
    const stale = error instanceof Problem && [401, 403, 409].includes(error.status);
    const expired = error instanceof Problem && error.reason === "ticket-expired";
    if ((stale || expired) && attempt < TRIES) {
      await sleep(delay(error, attempt), signal);
      return false;
    }
    if (error instanceof Unreachable) {
      await tryReading(body);
      await sleep(delay(error, attempt), signal);
      await this.#blameStore(attempt, url);
    }
    await this.#connection.patience(error, attempt, signal);
    return false;
  }

  /** Throw if the service is there, and only the bucket can't be reached. */
  async #blameStore(attempt: number, url: URL): Promise<void> {
    const foreign = url.origin !== this.#client.address("").origin;
    if (foreign && attempt >= TRIES && (await this.#connection.reachable())) {
      throw new Problem(0, "store-unreachable", `no answer from ${url.origin}`);
    }
  }

  async #sign(begun: Begun, number: number, sha256: string): Promise<Send> {
    const [send] = await this.#renewing(begun, () =>
      this.#client.parts(begun.ticket, [{ number, sha256 }], begun.watch.signal),
    );
    if (send === undefined) throw new Error("the service did not say where to send the part");
    return send;
  }

  async #complete(begun: Begun, parts: readonly string[]): Promise<Result> {
    for (;;) {
      const finish = () => this.#completions.add({ ticket: begun.ticket, parts });
      const result = await this.#renewing(begun, finish);
      if (result.reason !== "completing") return result;
      await sleep(ASK_AGAIN);
    }
  }

  /** Do something with the ticket, and once more with a renewed one if it has expired. */
  async #renewing<T>(begun: Begun, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Problem && error.reason === "ticket-expired")) throw error;
      const status = await this.#client.status(begun.ticket, begun.watch.signal);
      begun.ticket = status.ticket;
      return await act();
    }
  }

  /** The service forgets uploads by itself, only later: nobody waits for this, or hears of it. */
  #giveUp({ ticket }: Begun): void {
    this.#client.abort([ticket]).catch(() => undefined);
  }
}

function requestFor({ file, key, digests, anyway }: Source): Upload {
  return {
    key,
    size: file.size,
    ...(digests && { digests: [digests.content] }),
    ...(file.type && file.type.length <= 255 && { content_type: file.type }),
    ...(anyway && { anyway }),
  };
}

function tell({ sent, watch }: Begun, number: number, bytes: number): void {
  sent[number] = bytes;
  watch.sent(sent.reduce((total, part) => total + (part ?? 0), 0));
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
