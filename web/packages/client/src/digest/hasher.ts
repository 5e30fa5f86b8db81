/** Hashing of files in a few workers; small ones on the calling thread. */

import { together } from "../lanes.ts";
import { type Bytes, hashBytes } from "./hash.ts";
import type { FromWorker, Task, ToWorker } from "./messages.ts";
import { hashRange, LARGEST_BLOCK, type Watch } from "./pieces.ts";
import { FileUnreadable } from "./read.ts";
import { contentScheme, formatScheme, fromHex, hex, type Range, type Scheme } from "./scheme.ts";

/** Bytes up to which a file is hashed sooner on this thread than it is told to a worker. */
export const SMALL = 1024 * 1024;
/** More do not help: reading is the limit. */
const WORKERS = 2;
/** Bytes of a file that one worker hashes at a stretch. */
const SEGMENT = 64 * 1024 * 1024;

/** The digests of a file. */
export interface FileDigests {
  /** As `scheme:hex`, one for each scheme asked for. */
  readonly digests: readonly string[];
  /** The content digest. */
  readonly content: string;
  /** SHA-256 in hex of each part in which it would be sent. */
  readonly parts: readonly string[];
}

/** A part, ready to be sent. */
export interface Part {
  /** In hex. */
  readonly sha256: string;
  readonly body: Bytes | Blob;
}

interface Job {
  readonly task: Task;
  readonly watch: Watch;
  readonly done: (pieces: Bytes[][], bytes: Bytes | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** Computes digests of files. Its workers start when they are first needed. */
export class Hasher {
  readonly #idle: Worker[] = [];
  readonly #workers = new Map<Worker, Job | null>();
  readonly #queue: Job[] = [];
  #tasks = 0;

  /**
   * Return the digests of a file under these schemes and under that of its content digest; the
   * file is read once. Throws FileUnreadable, and the signal's reason.
   */
  async digests(file: Blob, asked: readonly Scheme[], watch: Watch = {}): Promise<FileDigests> {
    const own = contentScheme(file.size);
    const names = new Set([own, ...asked].map(formatScheme));
    const schemes = [own, ...asked].filter((scheme) => names.delete(formatScheme(scheme)));
    const pieces: Bytes[][] = schemes.map(() => []);
    const ranges = segments(file.size, schemes);
    const results: Bytes[][][] = [];
    await together(WORKERS, ranges.entries(), async ([at, range]) => {
      results[at] = await this.#hash(file, range, schemes, watch);
    });
    for (const result of results) {
      for (const [at, some] of result.entries()) pieces[at]?.push(...some);
    }
    const digests = await Promise.all(
      schemes.map((scheme, at) => compose(scheme, pieces[at] ?? [])),
    );
    return { digests, content: digests[0] ?? "", parts: (pieces[0] ?? []).map(hex) };
  }

  /** Read and hash one part for sending. Throws FileUnreadable, and the signal's reason. */
  async part(file: Blob, range: Range, watch: Watch = {}): Promise<Part> {
    if (range.to - range.from > LARGEST_BLOCK) {
      const whole: Scheme = { algorithm: "sha256", partSize: null };
      const [pieces] = await this.#hash(file, range, [whole], watch);
      return { sha256: hex(only(pieces)), body: file.slice(range.from, range.to) };
    }
    return new Promise<Part>((resolve, reject) => {
      this.#ask({ file, range, schemes: [], keep: true }, watch, reject, ([pieces], bytes) => {
        resolve({ sha256: hex(only(pieces)), body: only(bytes && [bytes]) });
      });
    });
  }

  /** End the workers; whatever still runs fails. */
  close(): void {
    for (const [worker, job] of this.#workers) {
      worker.terminate();
      job?.fail(new DOMException("the hasher was closed", "AbortError"));
    }
    this.#workers.clear();
    this.#idle.length = 0;
  }

  #hash(file: Blob, range: Range, schemes: readonly Scheme[], watch: Watch): Promise<Bytes[][]> {
    if (range.to - range.from <= SMALL) return hashRange(file, range, schemes, watch);
    return new Promise((resolve, reject) => {
      this.#ask({ file, range, schemes, keep: false }, watch, reject, resolve);
    });
  }

  #ask(
    task: Omit<Task, "id">,
    watch: Watch,
    reject: (error: unknown) => void,
    done: Job["done"],
  ): void {
    const id = ++this.#tasks;
    const stop = () => this.#cancel(id, watch.signal?.reason);
    const end = () => watch.signal?.removeEventListener("abort", stop);
    const fail = (error: unknown) => {
      end();
      reject(watch.signal?.aborted ? watch.signal.reason : error);
    };
    if (watch.signal?.aborted) {
      fail(watch.signal.reason);
      return;
    }
    watch.signal?.addEventListener("abort", stop);
    this.#queue.push({
      task: { ...task, id },
      watch,
      fail,
      done: (pieces, bytes) => {
        end();
        done(pieces, bytes);
      },
    });
    this.#next();
  }

  #cancel(id: number, reason: unknown): void {
    const at = this.#queue.findIndex(({ task }) => task.id === id);
    const [job] = at < 0 ? [] : this.#queue.splice(at, 1);
    job?.fail(reason);
    for (const [worker, running] of this.#workers) {
      if (running?.task.id === id) post(worker, { cancel: id });
    }
  }

  #next(): void {
    if (this.#queue.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#workers.size < WORKERS ? this.#start() : undefined);
    const job = worker && this.#queue.shift();
    if (worker === undefined || job === undefined) return;
    this.#workers.set(worker, job);
    post(worker, job.task);
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(worker, data);
    worker.onerror = (event) => this.#lose(worker, event.message);
    this.#workers.set(worker, null);
    return worker;
  }

  #hear(worker: Worker, message: FromWorker): void {
    const job = this.#workers.get(worker);
    if (job?.task.id !== message.id) return;
    if ("read" in message) {
      job.watch.read?.(message.read);
      return;
    }
    this.#workers.set(worker, null);
    this.#idle.push(worker);
    if ("failed" in message) job.fail(revive(message.failed));
    else job.done(message.pieces, message.bytes);
    this.#next();
  }

  /** A worker that could not be loaded, or died: its task fails, the next one gets a new worker. */
  #lose(worker: Worker, message: string): void {
    const job = this.#workers.get(worker);
    worker.terminate();
    this.#workers.delete(worker);
    const idle = this.#idle.indexOf(worker);
    if (idle >= 0) this.#idle.splice(idle, 1);
    job?.fail(new Error(`a hashing worker failed: ${message || "it could not be loaded"}`));
    this.#next();
  }
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
  if (value === undefined) throw new FileUnreadable("there is nothing to read");
  return value;
}

/** Return the digest, as `scheme:hex`, of a content whose pieces have these binary digests. */
export async function compose(scheme: Scheme, pieces: readonly Bytes[]): Promise<string> {
  if (scheme.partSize === null) return `${scheme.algorithm}:${hex(only(pieces))}`;
  const joined = new Uint8Array(await new Blob([...pieces]).arrayBuffer());
  return `${formatScheme(scheme)}:${hex(await hashBytes(scheme.algorithm, joined))}`;
}

/** Cut a file where the parts of all schemes begin; where one takes the whole file, not at all. */
function segments(size: number, schemes: readonly Scheme[]): Range[] {
  const shared = schemes.reduce((step, scheme) => multiple(step, scheme.partSize ?? size), 1);
  const step = shared >= SEGMENT ? shared : shared * Math.floor(SEGMENT / shared);
  if (size <= step) return [{ from: 0, to: size }];
  const count = Math.ceil(size / step);
  return Array.from({ length: count }, (_, at) => ({
    from: at * step,
    to: Math.min((at + 1) * step, size),
  }));
}

/** Return the least common multiple. */
function multiple(a: number, b: number): number {
  if (b === 0) return a;
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
