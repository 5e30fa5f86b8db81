/** Hashing of files: large ones in a few workers, small ones on the calling thread. */

import { forEachLimited } from "../limiter.ts";
import { type Bytes, hashBytes } from "./hash.ts";
import type { FromWorker, Task, ToWorker } from "./messages.ts";
import { type HashOptions, hashRange, MAX_BLOCK_BYTES } from "./pieces.ts";
import { FileUnreadable } from "./read.ts";
import {
  contentScheme,
  formatScheme,
  fromHex,
  hex,
  isCombined,
  type Range,
  type Scheme,
} from "./scheme.ts";

/** Up to this size, hashing on this thread is faster than handing the file to a worker. */
export const SMALL_FILE_BYTES = 1024 * 1024;
/** More workers do not help, because reading is the bottleneck. */
const MAX_WORKERS = 2;
const MD5: Scheme = { algorithm: "md5", partSize: null };
/** Bytes of a file that one worker hashes in one task. */
const SEGMENT_BYTES = 64 * 1024 * 1024;

/** The digests of a file. */
export interface FileDigests {
  /** As `scheme:hex`, one for each requested scheme. */
  readonly digests: readonly string[];
  /** The content digest. */
  readonly content: string;
  /** SHA-256 in hex of each part in which the file would be uploaded. */
  readonly parts: readonly string[];
  /** MD5 of the whole file in hex; null unless it was wanted. */
  readonly md5: string | null;
}

/** Options for the digests of a file. */
export interface DigestOptions extends HashOptions {
  /** Whether to compute the MD5 of the whole file as well. */
  readonly md5?: boolean;
}

/** A part that is ready to be sent. */
export interface Part {
  /** As hex. */
  readonly sha256: string;
  readonly body: Bytes | Blob;
}

interface Job {
  readonly task: Task;
  readonly options: HashOptions;
  readonly done: (pieces: Bytes[][], bytes: Bytes | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** Computes digests of files. Workers are started when they are first needed. */
export class Hasher {
  readonly #idle: Worker[] = [];
  readonly #workers = new Map<Worker, Job | null>();
  readonly #queue: Job[] = [];
  #tasks = 0;

  /**
   * Return the digests of a file under `requested` and under the scheme of its content digest. The
   * file is read once. Throws FileUnreadable, and the signal's reason.
   */
  async digests(
    file: Blob,
    requested: readonly Scheme[],
    options: DigestOptions = {},
  ): Promise<FileDigests> {
    const asked = distinct([contentScheme(file.size), ...requested]);
    const schemes = distinct([...asked, ...(options.md5 ? [MD5] : [])]);
    const pieces: Bytes[][] = schemes.map(() => []);
    const ranges = segments(file.size, schemes);
    const results: Bytes[][][] = [];
    await forEachLimited(MAX_WORKERS, ranges.entries(), async ([at, range]) => {
      await options.ready?.();
      results[at] = await this.#hash(file, range, schemes, options);
    });
    for (const result of results) {
      for (const [at, found] of result.entries()) pieces[at]?.push(...found);
    }
    const lengths = ranges.map(({ from, to }) => to - from);
    const digests = await Promise.all(
      schemes.map((scheme, at) => compose(scheme, pieces[at] ?? [], lengths)),
    );
    const md5 = options.md5 ? digests.find((digest) => digest.startsWith("md5:")) : undefined;
    return {
      digests: digests.slice(0, asked.length),
      content: digests[0] ?? "",
      parts: (pieces[0] ?? []).map(hex),
      md5: md5?.slice("md5:".length) ?? null,
    };
  }

  /** Read and hash one part for sending. Throws FileUnreadable, and the signal's reason. */
  async part(file: Blob, range: Range, options: HashOptions = {}): Promise<Part> {
    if (range.to - range.from > MAX_BLOCK_BYTES) {
      const whole: Scheme = { algorithm: "sha256", partSize: null };
      const [pieces] = await this.#hash(file, range, [whole], options);
      return { sha256: hex(only(pieces)), body: file.slice(range.from, range.to) };
    }
    return new Promise<Part>((resolve, reject) => {
      this.#enqueue(
        { file, range, schemes: [], keep: true },
        options,
        reject,
        ([pieces], bytes) => {
          resolve({ sha256: hex(only(pieces)), body: only(bytes && [bytes]) });
        },
      );
    });
  }

  /** Stop the workers; running tasks fail with an AbortError. */
  close(): void {
    for (const [worker, job] of this.#workers) {
      worker.terminate();
      job?.fail(new DOMException("the hasher was closed", "AbortError"));
    }
    this.#workers.clear();
    this.#idle.length = 0;
  }

  #hash(
    file: Blob,
    range: Range,
    schemes: readonly Scheme[],
    options: HashOptions,
  ): Promise<Bytes[][]> {
    if (range.to - range.from <= SMALL_FILE_BYTES) return hashRange(file, range, schemes, options);
    return new Promise((resolve, reject) => {
      this.#enqueue({ file, range, schemes, keep: false }, options, reject, resolve);
    });
  }

  #enqueue(
    task: Omit<Task, "id">,
    options: HashOptions,
    reject: (error: unknown) => void,
    done: Job["done"],
  ): void {
    const id = ++this.#tasks;
    const { signal } = options;
    const stop = () => this.#cancel(id, signal?.reason);
    const end = () => signal?.removeEventListener("abort", stop);
    const fail = (error: unknown) => {
      end();
      reject(signal?.aborted ? signal.reason : error);
    };
    if (signal?.aborted) {
      fail(signal.reason);
      return;
    }
    signal?.addEventListener("abort", stop);
    this.#queue.push({
      task: { ...task, id },
      options,
      fail,
      done: (pieces, bytes) => {
        end();
        done(pieces, bytes);
      },
    });
    this.#startNext();
  }

  #cancel(id: number, reason: unknown): void {
    const at = this.#queue.findIndex(({ task }) => task.id === id);
    const [job] = at < 0 ? [] : this.#queue.splice(at, 1);
    job?.fail(reason);
    for (const [worker, running] of this.#workers) {
      if (running?.task.id === id) post(worker, { cancel: id });
    }
  }

  #startNext(): void {
    if (this.#queue.length === 0) return;
    const worker =
      this.#idle.pop() ?? (this.#workers.size < MAX_WORKERS ? this.#startWorker() : undefined);
    const job = worker && this.#queue.shift();
    if (worker === undefined || job === undefined) return;
    this.#workers.set(worker, job);
    post(worker, job.task);
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(worker, data);
    worker.onerror = (event) => this.#lose(worker, event.message);
    this.#workers.set(worker, null);
    return worker;
  }

  #receive(worker: Worker, message: FromWorker): void {
    const job = this.#workers.get(worker);
    if (job?.task.id !== message.id) return;
    if ("read" in message) {
      job.options.onRead?.(message.read);
      return;
    }
    this.#workers.set(worker, null);
    this.#idle.push(worker);
    if ("failed" in message) job.fail(revive(message.failed));
    else job.done(message.pieces, message.bytes);
    this.#startNext();
  }

  /** Fail the task of a worker that died or could not be loaded; the next task gets a new one. */
  #lose(worker: Worker, message: string): void {
    const job = this.#workers.get(worker);
    worker.terminate();
    this.#workers.delete(worker);
    const idle = this.#idle.indexOf(worker);
    if (idle >= 0) this.#idle.splice(idle, 1);
    job?.fail(new Error(`hashing worker failed: ${message || "it could not be loaded"}`));
    this.#startNext();
  }
}

/** Return the schemes in order, each once. */
function distinct(schemes: readonly Scheme[]): Scheme[] {
  const names = new Set(schemes.map(formatScheme));
  return schemes.filter((scheme) => names.delete(formatScheme(scheme)));
}

/** Return the content digest of a content of `size` bytes, from its parts' SHA-256 in hex. */
export function contentDigest(size: number, parts: readonly string[]): Promise<string> {
  return compose(contentScheme(size), parts.map(fromHex));
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

function revive({ name, message }: { name: string; message: string }): Error {
  if (name === "FileUnreadable") return new FileUnreadable(message);
  return Object.assign(new Error(message), { name });
}

function only<T>(values: readonly T[] | undefined): T {
  const value = values?.[0];
  if (value === undefined) throw new FileUnreadable("the file has no bytes to read");
  return value;
}

/**
 * Return the digest, as `scheme:hex`, of a content from the binary digests of its pieces; a CRC of
 * several pieces also needs their lengths in bytes.
 */
export async function compose(
  scheme: Scheme,
  pieces: readonly Bytes[],
  lengths: readonly number[] = [],
): Promise<string> {
  if (isCombined(scheme) && pieces.length > 1) {
    const { combine } = await import("./crc64.ts");
    return `${scheme.algorithm}:${hex(combine(pieces, lengths))}`;
  }
  if (scheme.partSize === null) return `${scheme.algorithm}:${hex(only(pieces))}`;
  const joined = new Uint8Array(await new Blob([...pieces]).arrayBuffer());
  return `${formatScheme(scheme)}:${hex(await hashBytes(scheme.algorithm, joined))}`;
}

/**
 * Split a file at boundaries that the parts of all schemes share; not at all if a digest covers the
 * whole file, other than a CRC, which is combined from those of the ranges.
 */
function segments(size: number, schemes: readonly Scheme[]): Range[] {
  const shared = schemes
    .filter((scheme) => !isCombined(scheme))
    .reduce((step, scheme) => leastCommonMultiple(step, scheme.partSize ?? size), 1);
  const step = shared >= SEGMENT_BYTES ? shared : shared * Math.floor(SEGMENT_BYTES / shared);
  if (size <= step) return [{ from: 0, to: size }];
  const count = Math.ceil(size / step);
  return Array.from({ length: count }, (_, at) => ({
    from: at * step,
    to: Math.min((at + 1) * step, size),
  }));
}

function leastCommonMultiple(a: number, b: number): number {
  if (b === 0) return a;
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
