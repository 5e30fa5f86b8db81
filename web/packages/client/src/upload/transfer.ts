/** One file on its way into the store: begin or go on, send, complete. */

import type { Client } from "../client/client.ts";
import type { Finish, Result, Send, StoredPart, Upload } from "../client/documents.ts";
import { Problem, Unreachable } from "../client/errors.ts";
import { sleep } from "../client/patience.ts";
import type { FileDigests, Hasher, Part } from "../digest/hasher.ts";
import { partRanges, type Range, SMALLEST_PART } from "../digest/scheme.ts";
import { Lanes, together } from "../lanes.ts";
import { Batch } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { Sender } from "./sender.ts";
import type { Known, Unfinished } from "./unfinished.ts";

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
/** Milliseconds between two questions whether a completion is through. */
const ASK_AGAIN = 1_000;

/** What is to be stored, and how. */
export interface Source extends Known {
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

/** An upload that was begun, now or by an earlier page. */
interface Begun {
  ticket: string;
  readonly source: Source;
  readonly watch: Watch;
  /** For the only part of a small file. */
  readonly send?: Send | undefined;
  /** What the store has of it already. */
  readonly have: ReadonlyMap<number, StoredPart>;
  /** Bytes sent of each part. */
  readonly sent: number[];
}

/** The reasons after which an upload has to be begun again. */
const LOST = new Set(["upload-unknown", "parts-missing"]);
/** The reason for which its bytes are no good. */
const MISMATCH = "digest-mismatch";

/** What it works with. */
export interface Collaborators {
  readonly client: Client;
  readonly hasher: Hasher;
  readonly connection: Connection;
  readonly unfinished: Unfinished;
  /** Return the most files that one request may hold. */
  readonly mostFiles: () => number;
}

/** Carries files into the store, a bounded number at a time. */
export class Transfers {
  readonly #client: Client;
  readonly #hasher: Hasher;
  readonly #sender: Sender;
  readonly #unfinished: Unfinished;
  readonly #begins: Batch<Upload, Result>;
  readonly #completions: Batch<Finish, Result>;
  readonly #wires = new Lanes(WIRES);
  readonly #large = new Lanes(LARGE);
  readonly #small = new Lanes(SMALL_BYTES);

  constructor({ client, hasher, connection, unfinished, mostFiles }: Collaborators) {
    this.#client = client;
    this.#hasher = hasher;
    this.#sender = new Sender(client, connection);
    this.#unfinished = unfinished;
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
    if (isLarge(source)) return this.#large.run(() => this.#store(source, watch));
    return this.#small.run(() => this.#store(source, watch), Math.max(size, LEAST));
  }

  /** Give up an upload that this page or an earlier one began, if there is one. */
  giveUp(upload: Known): void {
    const ticket = this.#unfinished.find(upload);
    this.#unfinished.drop(upload);
    if (ticket !== null) this.#abort(ticket);
  }

  /** Give up all uploads that earlier pages left. */
  giveUpLeft(): void {
    for (const ticket of this.#unfinished.dropLeft()) this.#abort(ticket);
  }

  async #store(source: Source, watch: Watch, again = false): Promise<Outcome> {
    watch.signal.throwIfAborted();
    const begun = (await this.#goOn(source, watch)) ?? (await this.#begin(source, watch));
    if ("result" in begun) return begun;
    try {
      const outcome = await this.#bring(begun);
      const { verdict, reason } = outcome.result;
      if (verdict !== "unconfirmed") this.#unfinished.drop(source);
      if (!isEnd(reason)) return outcome;
      this.#end(begun);
      if (again || !mayBeginAgain(begun, reason)) return outcome;
    } catch (error) {
      const reason = error instanceof Problem ? error.reason : undefined;
      if (!isLarge(source) || !mayGoOn(error)) this.#end(begun);
      if (again || !mayBeginAgain(begun, reason)) throw error;
    }
    return await this.#store(source, watch, true);
  }

  /** Go on with what was begun for this file; null if there is nothing to go on with. */
  async #goOn(source: Source, watch: Watch): Promise<Begun | null> {
    const known = this.#unfinished.find(source);
    if (known === null) return null;
    try {
      const { ticket, parts } = await this.#client.status(known, watch.signal);
      this.#unfinished.note(source, ticket);
      const have = new Map(parts.map((part) => [part.number, part]));
      return { ticket, source, watch, have, sent: [] };
    } catch (error) {
      if (!(error instanceof Problem && [400, 404].includes(error.status))) throw error;
      this.#unfinished.drop(source);
      return null;
    }
  }

  async #begin(source: Source, watch: Watch): Promise<Begun | Outcome> {
    const result = await this.#begins.add(requestFor(source));
    const { ticket, send } = result;
    if (ticket === undefined) return { result, parts: null };
    if (isLarge(source)) this.#unfinished.note(source, ticket);
    return { ticket, source, watch, send, have: new Map(), sent: [] };
  }

  async #bring(begun: Begun): Promise<Outcome> {
    const { source, watch } = begun;
    watch.signal.throwIfAborted();
    watch.sent(0);
    const parts: string[] = [];
    await together(PARTS, partRanges(source.file.size).entries(), async ([at, range]) => {
      const part = await this.#read(begun, at, range);
      parts[at] = part.sha256;
      if (isThere(begun, at + 1, range, part)) tell(begun, at + 1, range.to - range.from);
      else await this.#wires.run(() => this.#send(begun, at + 1, part));
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

  #send(begun: Begun, number: number, part: Part): Promise<void> {
    return this.#sender.send({
      part,
      signal: begun.watch.signal,
      sent: (bytes) => tell(begun, number, bytes),
      sign: () => this.#sign(begun, number, part.sha256),
      ready: begun.send,
    });
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
      if (isLarge(begun.source)) this.#unfinished.note(begun.source, status.ticket);
      return await act();
    }
  }

  #end({ source, ticket }: Begun): void {
    this.#unfinished.drop(source);
    this.#abort(ticket);
  }

  /** The service forgets uploads by itself, only later: nobody waits for this, or hears of it. */
  #abort(ticket: string): void {
    this.#client.abort([ticket]).catch(() => undefined);
  }
}

function isLarge({ file }: Source): boolean {
  return file.size >= SMALLEST_PART;
}

/** Whether an upload is over, for this reason, without having come to its end. */
function isEnd(reason: string | undefined): boolean {
  return reason === MISMATCH || LOST.has(reason ?? "");
}

/** Whether there is a point in trying from the start: also if an earlier page sent other bytes. */
function mayBeginAgain({ have }: Begun, reason: string | undefined): boolean {
  return LOST.has(reason ?? "") || (reason === MISMATCH && have.size > 0);
}

/** Whether what was sent before this error is worth keeping. */
function mayGoOn(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Problem && !isEnd(error.reason));
}

/** Whether the store has a part: what it does not state it compares in the end. */
function isThere({ have }: Begun, number: number, { from, to }: Range, { sha256 }: Part): boolean {
  const there = have.get(number);
  return there?.size === to - from && ["", sha256].includes(there.sha256);
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
