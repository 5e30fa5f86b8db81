/** Uploading one file: begin or resume, send the parts, complete. */

import type { FileDigests, Hasher, Part } from "../digest/hasher.ts";
import { partRanges, type Range, SMALLEST_PART } from "../digest/scheme.ts";
import { forEachLimited, Limiter } from "../limiter.ts";
import type { Client } from "../protocol/client.ts";
import type { Finish, Result, Send, StoredPart, Upload } from "../protocol/documents.ts";
import { Problem, Unreachable } from "../protocol/errors.ts";
import { sleep } from "../protocol/retry.ts";
import { ActiveUploads, type Begun } from "./active.ts";
import { Batch } from "./batch.ts";
import { Paused } from "./paused.ts";
import { type Network, Sender } from "./sender.ts";
import { MAX_BATCHED_BYTES, SmallFiles } from "./small-files.ts";
import type { Unfinished, UploadIdentity } from "./unfinished.ts";

/** Requests with bytes at the same time. Browsers open six per host; the others are for the API. */
const MAX_CONNECTIONS = 4;
/** Parts of one file that are read, hashed or sent at the same time. */
const MAX_PARTS = 5;
/** Large files that are uploaded at the same time. */
const MAX_LARGE_FILES = 2;
/** Bytes of small files that are uploaded at the same time: signed requests expire in minutes. */
const MAX_SMALL_BYTES = 64 * 1024 * 1024;
/** A smaller file counts as this many bytes in that total; less if many share a request. */
const MIN_COUNTED_BYTES = 512 * 1024;
const MIN_COUNTED_BATCHED_BYTES = 64 * 1024;
/** Time between two requests to complete an upload that the store is still completing. */
const POLL_INTERVAL_MS = 1_000;

/** A file to upload. */
export interface Source extends UploadIdentity {
  /** Null if the file has not been read: then its parts are hashed as they are sent. */
  readonly digests: FileDigests | null;
  /** Store it even if the content is already stored. */
  readonly anyway: boolean;
}

/** Progress and cancellation of an upload. */
export interface TransferOptions {
  readonly signal: AbortSignal;
  /** Called with the number of bytes sent so far; with 0 when sending begins. */
  readonly onSent: (bytes: number) => void;
  /** Called when all bytes have been sent: from now on the upload can't be cancelled. */
  readonly onCompleting: () => void;
}

/** The last result, and the SHA-256 of the parts as hex if all of them were sent. */
export interface Outcome {
  readonly result: Result;
  readonly parts: readonly string[] | null;
}

/** An upload that has upload, on this page or an earlier one. */
interface ActiveUpload {
  ticket: string;
  readonly source: Source;
  readonly options: TransferOptions;
  /** The signed request for the only part of a small file. */
  readonly send?: Send | undefined;
  /** The parts that are already stored, by number. */
  readonly stored: ReadonlyMap<number, StoredPart>;
  /** Bytes sent of each part. */
  readonly sent: number[];
}

/** The reasons for which an upload has to start over. */
const LOST_REASONS = new Set(["upload-unknown", "parts-missing", "ticket-expired"]);
/** The reason when the bytes that were sent are not those of the digest. */
const MISMATCH_REASON = "digest-mismatch";

export interface Collaborators {
  readonly client: Client;
  readonly hasher: Hasher;
  readonly network: Network;
  readonly unfinished: Unfinished;
  /** Return the maximum number of files per request. */
  readonly maxFiles: () => number;
  /** Return whether the service accepts batches of small files; by default, it does not. */
  readonly acceptsBatches?: () => boolean;
}

/** Uploads files, a limited number at a time. */
export class Transfers {
  readonly #client: Client;
  readonly #hasher: Hasher;
  readonly #sender: Sender;
  readonly #unfinished: Unfinished;
  readonly #active = new ActiveUploads();
  readonly #begins: Batch<Upload, Begun>;
  readonly #completions: Batch<Finish, Result>;
  readonly #batches: SmallFiles;
  readonly #acceptsBatches: () => boolean;
  readonly #connections = new Limiter(MAX_CONNECTIONS);
  readonly #largeFiles = new Limiter(MAX_LARGE_FILES);
  readonly #smallFiles = new Limiter(MAX_SMALL_BYTES);

  constructor(collaborators: Collaborators) {
    const { client, hasher, network, unfinished, maxFiles } = collaborators;
    this.#client = client;
    this.#hasher = hasher;
    this.#sender = new Sender(client, network);
    this.#batches = new SmallFiles(client, network);
    this.#acceptsBatches = collaborators.acceptsBatches ?? (() => false);
    this.#unfinished = unfinished;
    this.#begins = new Batch({
      send: (files) => this.#active.begin(() => client.begin(files)),
      maxWeight: maxFiles,
    });
    this.#completions = new Batch({
      send: (tickets) => client.complete(tickets),
      maxWeight: () => 10 * maxFiles(),
      // A file of 10,000 parts makes the document as long as 1,000 small files do.
      weight: ({ parts }) => 10 + (parts?.length ?? 0),
    });
  }

  /** Upload a file. Throws Problem, Unreachable, FileUnreadable, and the signal's reason. */
  store(source: Source, options: TransferOptions): Promise<Outcome> {
    const store = () => this.#store(source, options);
    if (isLarge(source)) return this.#largeFiles.run(store);
    const counted = this.#isBatched(source) ? MIN_COUNTED_BATCHED_BYTES : MIN_COUNTED_BYTES;
    return this.#smallFiles.run(store, Math.max(source.file.size, counted));
  }

  /** Whether a file is sent with others. */
  #isBatched({ file, digests }: Source): boolean {
    return digests !== null && file.size <= MAX_BATCHED_BYTES && this.#acceptsBatches();
  }

  /** Abort an upload that this page or an earlier one began, if there is one. */
  abort(upload: UploadIdentity): void {
    const ticket = this.#unfinished.find(upload);
    this.#unfinished.drop(upload);
    if (ticket !== null) void this.#sendAbort(ticket);
  }

  /** Abort all uploads that earlier pages began and nobody has resumed. */
  abortInterrupted(): void {
    for (const ticket of this.#unfinished.dropInterrupted()) void this.#sendAbort(ticket);
  }

  async #store(source: Source, options: TransferOptions, isRestart = false): Promise<Outcome> {
    options.signal.throwIfAborted();
    const upload = (await this.#resume(source, options)) ?? (await this.#begin(source, options));
    if ("result" in upload) return upload;
    let aborted: Promise<unknown> | undefined;
    try {
      const outcome = await (this.#isBatched(source)
        ? this.#sendInBatch(upload)
        : this.#sendAndComplete(upload));
      const { verdict, reason } = outcome.result;
      if (verdict !== "unconfirmed") this.#unfinished.drop(source);
      if (!isFinal(reason)) return outcome;
      aborted = this.#discard(upload);
      if (isRestart || !canRestart(upload, reason)) return outcome;
    } catch (error) {
      const reason = error instanceof Problem ? error.reason : undefined;
      if (!isLarge(source) || !canResume(error)) aborted = this.#discard(upload);
      if (isRestart || !canRestart(upload, reason)) throw error;
    } finally {
      // There is room for others only after the service has aborted it.
      void Promise.resolve(aborted).then(() => this.#active.end());
    }
    return await this.#store(source, options, true);
  }

  /** Resume an earlier upload of this file; null if there is none that can be resumed. */
  async #resume(source: Source, options: TransferOptions): Promise<ActiveUpload | null> {
    const known = this.#unfinished.find(source);
    if (known === null) return null;
    try {
      const { ticket, parts } = await this.#client.status(known, options.signal);
      this.#unfinished.note(source, ticket);
      this.#active.resume();
      const stored = new Map(parts.map((part) => [part.number, part]));
      return { ticket, source, options, stored, sent: [] };
    } catch (error) {
      if (!(error instanceof Problem && [400, 404].includes(error.status))) throw error;
      this.#unfinished.drop(source);
      return null;
    }
  }

  async #begin(source: Source, options: TransferOptions): Promise<ActiveUpload | Outcome> {
    const result = await this.#beginWithRoom(source, options.signal);
    const { ticket, send } = result;
    if (ticket === undefined) return { result, parts: null };
    if (isLarge(source)) this.#unfinished.note(source, ticket);
    return { ticket, source, options, send, stored: new Map(), sent: [] };
  }

  /** Begin an upload; if a quota has no room for it, again once others have ended. */
  async #beginWithRoom(source: Source, signal: AbortSignal): Promise<Result> {
    for (;;) {
      const { result, mayFit } = await this.#begins.add(beginRequest(source));
      if (!mayFit) return result;
      await this.#active.room(signal);
    }
  }

  async #sendAndComplete(upload: ActiveUpload): Promise<Outcome> {
    const { source, options } = upload;
    options.signal.throwIfAborted();
    options.onSent(0);
    const parts: string[] = [];
    await forEachLimited(MAX_PARTS, partRanges(source.file.size).entries(), async ([at, range]) => {
      const part = await this.#read(upload, at, range);
      parts[at] = part.sha256;
      if (isStored(upload, at + 1, range, part)) reportSent(upload, at + 1, range.to - range.from);
      else await this.#connections.run(() => this.#send(upload, at + 1, part));
    });
    options.signal.throwIfAborted();
    options.onCompleting();
    return { result: await this.#complete(upload, parts), parts };
  }

  async #sendInBatch(upload: ActiveUpload): Promise<Outcome> {
    const { ticket, source, options } = upload;
    const parts = source.digests?.parts ?? [];
    const result = await this.#batches.send({ ticket, file: source.file, ...options });
    if (result.reason !== "completing") return { result, parts };
    await sleep(POLL_INTERVAL_MS);
    return { result: await this.#complete(upload, parts), parts };
  }

  async #read({ source, options }: ActiveUpload, at: number, range: Range): Promise<Part> {
    const sha256 = source.digests?.parts[at];
    if (sha256 === undefined) return await this.#hasher.part(source.file, range, options);
    // The slice has no type, because browsers would add one as Content-Type.
    return { sha256, body: source.file.slice(range.from, range.to) };
  }

  #send(upload: ActiveUpload, number: number, part: Part): Promise<void> {
    return this.#sender.send({
      part,
      signal: upload.options.signal,
      onSent: (bytes) => reportSent(upload, number, bytes),
      sign: () => this.#sign(upload, number, part.sha256),
      signed: upload.send,
    });
  }

  async #sign(upload: ActiveUpload, number: number, sha256: string): Promise<Send> {
    const [send] = await this.#renewing(upload, () =>
      this.#client.parts(upload.ticket, [{ number, sha256 }], upload.options.signal),
    );
    if (send === undefined) throw new Error(`the service returned no request for part ${number}`);
    return send;
  }

  async #complete(upload: ActiveUpload, parts: readonly string[]): Promise<Result> {
    const stated = upload.source.digests?.md5;
    const md5 = stated ? { md5: stated } : {};
    for (;;) {
      const finish = () => this.#completions.add({ ticket: upload.ticket, parts, ...md5 });
      const result = await this.#renewing(upload, finish);
      if (result.reason !== "completing") return result;
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** Do something with the ticket, and once more with a renewed one if it has expired. */
  async #renewing<T>(upload: ActiveUpload, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Problem && error.reason === "ticket-expired")) throw error;
      const status = await this.#client.status(upload.ticket, upload.options.signal);
      upload.ticket = status.ticket;
      if (isLarge(upload.source)) this.#unfinished.note(upload.source, status.ticket);
      return await act();
    }
  }

  #discard({ source, ticket }: ActiveUpload): Promise<unknown> {
    this.#unfinished.drop(source);
    return this.#sendAbort(ticket);
  }

  /** Errors are ignored: the service also removes abandoned uploads automatically, only later. */
  #sendAbort(ticket: string): Promise<unknown> {
    return this.#client.abort([ticket]).catch(() => undefined);
  }
}

function isLarge({ file }: Source): boolean {
  return file.size >= SMALLEST_PART;
}

/** Return whether an upload that failed for this reason can't be continued. */
function isFinal(reason: string | undefined): boolean {
  return reason === MISMATCH_REASON || LOST_REASONS.has(reason ?? "");
}

/** Return whether starting over may help, as it does if an earlier page sent different bytes. */
function canRestart({ stored }: ActiveUpload, reason: string | undefined): boolean {
  return LOST_REASONS.has(reason ?? "") || (reason === MISMATCH_REASON && stored.size > 0);
}

/** Return whether the parts that were sent before this error can still be used. */
function canResume(error: unknown): boolean {
  if (error instanceof Problem) return !isFinal(error.reason);
  return error instanceof Unreachable || error instanceof Paused;
}

/** Return whether a part is stored; a SHA-256 that is not reported is compared on completion. */
function isStored(
  { stored }: ActiveUpload,
  number: number,
  { from, to }: Range,
  part: Part,
): boolean {
  const found = stored.get(number);
  return found?.size === to - from && ["", part.sha256].includes(found.sha256);
}

function beginRequest({ file, key, digests, anyway }: Source): Upload {
  return {
    key,
    size: file.size,
    ...(digests && { digests: [digests.content] }),
    ...(file.type && file.type.length <= 255 && { content_type: file.type }),
    ...(anyway && { anyway }),
  };
}

function reportSent({ sent, options }: ActiveUpload, number: number, bytes: number): void {
  sent[number] = bytes;
  options.onSent(sent.reduce((total, part) => total + (part ?? 0), 0));
}
