/** Hashing of files in a few workers: large ones in segments, small ones in groups. */

import { forEachLimited } from "../limiter.ts";
import { compose, only, segments } from "./compose.ts";
import type { Bytes } from "./hash.ts";
import { HashWorker } from "./hash-worker.ts";
import type { FromWorker, Task } from "./messages.ts";
import { type HashOptions, hashRange, MAX_BLOCK_BYTES } from "./pieces.ts";
import { contentScheme, formatScheme, hex, type Range, type Scheme } from "./scheme.ts";
import { type Group, hashHere, revive, type SmallFile, settle, takeGroup } from "./small-files.ts";

/** Up to this size, files are read and hashed in groups. */
export const SMALL_FILE_BYTES = 1024 * 1024;
/** Four keep two cores busy, because each waits for what it reads about half of the time. */
const MAX_WORKERS = 4;
const MD5: Scheme = { algorithm: "md5", partSize: null };

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

/** Computes digests of files. Workers are started when they are first needed, or by `start`. */
export class Hasher {
  readonly #idle: HashWorker[] = [];
  readonly #workers = new Map<HashWorker, Job | Group | null>();
  readonly #queue: Job[] = [];
  readonly #smallFiles: SmallFile[] = [];
  #isGroupScheduled = false;
  #tasks = 0;

  /** Start the workers ahead of the first file, which is then hashed sooner. */
  start(): void {
    while (this.#workers.size < MAX_WORKERS) this.#idle.push(this.#startWorker());
  }

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
    const ranges = segments(file.size, schemes, MAX_WORKERS);
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
    const closed = new DOMException("the hasher was closed", "AbortError");
    for (const [worker, job] of this.#workers) {
      worker.terminate();
      if (job !== null) for (const each of "files" in job ? job.files : [job]) each.fail(closed);
    }
    this.#workers.clear();
    this.#idle.length = 0;
    for (const { fail } of this.#smallFiles.splice(0)) fail(closed);
  }

  #hash(
    file: Blob,
    range: Range,
    schemes: readonly Scheme[],
    options: HashOptions,
  ): Promise<Bytes[][]> {
    if (range.to - range.from > SMALL_FILE_BYTES) {
      return new Promise((resolve, reject) => {
        this.#enqueue({ file, range, schemes, keep: false }, options, reject, resolve);
      });
    }
    const isGrouped = file.size === range.to && isWhole(file, schemes) && "Worker" in globalThis;
    if (!isGrouped) return hashRange(file, range, schemes, options);
    return new Promise((done, fail) => {
      this.#smallFiles.push({ file, schemes, options, done, fail });
      this.#scheduleGroups();
    });
  }

  /** Start groups once all files that are added now have been added. */
  #scheduleGroups(): void {
    if (this.#isGroupScheduled) return;
    this.#isGroupScheduled = true;
    setTimeout(() => {
      this.#isGroupScheduled = false;
      try {
        while (this.#smallFiles.length > 0 && this.#startNext());
      } catch {
        void hashHere(this.#smallFiles.splice(0)); // the browser allows no workers
      }
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
      if (running?.task.id === id) worker.postMessage({ cancel: id });
    }
  }

  /** Give the next task to a worker; returns whether one was free. */
  #startNext(): boolean {
    if (this.#queue.length === 0 && this.#smallFiles.length === 0) return false;
    const worker =
      this.#idle.pop() ?? (this.#workers.size < MAX_WORKERS ? this.#startWorker() : undefined);
    if (worker === undefined) return false;
    const job = takeGroup(this.#smallFiles, ++this.#tasks) ?? this.#queue.shift();
    if (job === undefined) this.#idle.push(worker);
    else {
      this.#workers.set(worker, job);
      worker.postMessage(job.task);
    }
    return job !== undefined;
  }

  #startWorker(): HashWorker {
    const worker = new HashWorker();
    worker.onmessage = (message) => this.#receive(worker, message);
    worker.onerror = (message) => this.#lose(worker, message);
    this.#workers.set(worker, null);
    return worker;
  }

  #receive(worker: HashWorker, message: FromWorker): void {
    const job = this.#workers.get(worker);
    if (job?.task.id !== message.id) return;
    if ("read" in message) {
      if ("options" in job) job.options.onRead?.(message.read);
      return;
    }
    this.#workers.set(worker, null);
    this.#idle.push(worker);
    this.#startNext();
    if ("files" in job) settle(job.files, "group" in message ? message.group : []);
    else if ("failed" in message) job.fail(revive(message.failed));
    else if ("pieces" in message) job.done(message.pieces, message.bytes);
  }

  /**
   * Fail the task of a worker that died; the next task gets a new one. Small files are hashed on
   * this thread instead.
   */
  #lose(worker: HashWorker, message: string): void {
    const job = this.#workers.get(worker);
    worker.terminate();
    this.#workers.delete(worker);
    const idle = this.#idle.indexOf(worker);
    if (idle >= 0) this.#idle.splice(idle, 1);
    if (job && "files" in job) void hashHere(job.files);
    else job?.fail(new Error(`hashing worker failed: ${message}`));
    this.#startNext();
  }
}

/** Return the schemes in order, each once. */
function distinct(schemes: readonly Scheme[]): Scheme[] {
  const names = new Set(schemes.map(formatScheme));
  return schemes.filter((scheme) => names.delete(formatScheme(scheme)));
}

/** Return whether each scheme has a single piece for a file, the whole of it. */
function isWhole({ size }: Blob, schemes: readonly Scheme[]): boolean {
  return schemes.every(({ partSize }) => partSize === null || size <= partSize);
}
