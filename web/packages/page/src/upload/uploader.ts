/**
 * The way of each file: probe, hash, check, decide, and what is new is stored.
 *
 * `Selection` has what is known of each file, `Transfers` carries its bytes; this decides.
 */

import type { Client } from "../client/client.ts";
import type { Config, Content, Result } from "../client/documents.ts";
import { Problem } from "../client/errors.ts";
import { checkKey, InvalidKey, LONGEST_KEY, renamed } from "../client/key.ts";
import { abortable } from "../client/patience.ts";
import { contentDigest, type FileDigests, type Hasher, SMALL } from "../digest/hasher.ts";
import { FileUnreadable } from "../digest/read.ts";
import { InvalidDigest, parseScheme, type Scheme, SMALLEST_PART } from "../digest/scheme.ts";
import { Lanes } from "../lanes.ts";
import { Batch } from "./batch.ts";
import type { Connection } from "./connection.ts";
import type { Picked } from "./pick.ts";
import type { Item, Selection } from "./selection.ts";
import { Transfers } from "./transfer.ts";
import { type Turn, Twins } from "./twins.ts";
import type { Unfinished } from "./unfinished.ts";

/** Small files that are hashed at the same time, on this thread. */
const SMALL_FILES = 8;
/** Large files that are hashed at the same time, in workers. */
const LARGE_FILES = 2;

/** The end of a name that was given a number, before its extension. */
const NUMBERED = / \(\d+\)(?=\.[^./]*$|$)/;

/** Until the service has told its own. */
const LIMITS = { sizes: 10_000, files: 1_000, digests: 8, key_bytes: LONGEST_KEY };
type Limits = Pick<Config["limits"], keyof typeof LIMITS>;

/** What it works with. */
export interface Collaborators {
  readonly client: Client;
  readonly hasher: Hasher;
  readonly connection: Connection;
  readonly selection: Selection;
  readonly unfinished: Unfinished;
}

/** Takes files, says of each what it is, and stores what is new. */
export class Uploader {
  /** Say what is new, and send nothing. */
  onlyCheck = false;
  /** Whether the service lets this person upload. */
  canUpload = true;
  readonly #hasher: Hasher;
  readonly #selection: Selection;
  readonly #transfers: Transfers;
  readonly #probes: Batch<number, readonly string[]>;
  readonly #checks: Batch<Content, Result>;
  readonly #twins = new Twins();
  readonly #small = new Lanes(SMALL_FILES);
  readonly #large = new Lanes(LARGE_FILES);
  readonly #running = new Map<Item, AbortController>();
  readonly #reading = new Map<Item, Promise<void>>();
  #limits: Limits = LIMITS;

  constructor({ client, hasher, connection, selection, unfinished }: Collaborators) {
    this.#hasher = hasher;
    this.#selection = selection;
    const mostFiles = () => this.#limits.files;
    this.#transfers = new Transfers({ client, hasher, connection, unfinished, mostFiles });
    this.#probes = new Batch({
      ask: (sizes) => client.probe(sizes),
      most: () => this.#limits.sizes,
    });
    this.#checks = new Batch({
      ask: (contents) => client.check(contents),
      most: () => this.#limits.files,
    });
  }

  /** Whether a file is under way. */
  isRunning(item: Item): boolean {
    return this.#running.has(item);
  }

  /** Whether anything is under way. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  /** Keep to what the service allows. */
  configure({ limits, features }: Config): void {
    this.#limits = limits;
    this.canUpload = features.includes("upload");
    this.onlyCheck ||= !this.canUpload;
  }

  /** Take files, and begin with them. */
  add(picked: Iterable<Picked>): void {
    for (const { path, file } of picked) {
      const key = path.join("/");
      const item = this.#selection.add(file ?? new File([], path.at(-1) ?? ""), key);
      const reason = file === null ? "file-unreadable" : findFlaw(key, this.#limits.key_bytes);
      if (reason !== null) this.#selection.set(item, "failed", { reason });
      else this.#begin(item);
    }
  }

  /** Store a file: one that is new, or against what was said of it. */
  upload(item: Item): void {
    const anyway = item.state === "duplicate" || item.state === "unconfirmed";
    if (item.state === "duplicate") this.#twins.leave(item); // it follows nobody any more
    void this.#run(item, (signal) => this.#store(item, anyway, signal));
  }

  /** Store all files that are new and were only checked. */
  uploadNew(): void {
    for (const item of this.#selection.items) {
      if (item.state === "new" && !this.#running.has(item)) this.upload(item);
    }
  }

  /** Store a file whose key is taken under another one. */
  uploadAs(item: Item, key: string): void {
    this.#selection.change(item, { key });
    this.upload(item);
  }

  /** Return a key for a file whose own is taken; null if there is no room for one. */
  freeKey(item: Item): string | null {
    const plain = item.key.replace(NUMBERED, "");
    try {
      for (let n = 2; ; n++) {
        const key = renamed(plain, n, this.#limits.key_bytes);
        if (!this.#selection.has(key)) return key;
      }
    } catch {
      return null;
    }
  }

  /** Begin with a file that failed once more. */
  retry(item: Item): void {
    this.#selection.change(item, { digests: null });
    this.#begin(item);
  }

  /** Leave a file where it is; stops it if it is under way, and not yet at its end. */
  skip(item: Item): void {
    if (item.reason === "completing") return;
    const running = this.#running.get(item);
    if (running !== undefined) running.abort();
    else {
      this.#transfers.giveUp(item);
      this.#selection.set(item, "skipped");
      this.#follow(item);
    }
  }

  /** Give up the uploads that earlier pages left. */
  giveUpLeft(): void {
    this.#transfers.giveUpLeft();
  }

  #begin(item: Item): void {
    this.#selection.set(item, "queued");
    const turn = this.#twins.enter(item);
    void this.#run(item, (signal) => this.#judge(item, turn, signal)).finally(turn.pass);
  }

  async #run(item: Item, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const control = new AbortController();
    this.#running.set(item, control);
    try {
      await abortable(act(control.signal), control.signal);
    } catch (error) {
      if (control.signal.aborted) this.#selection.set(item, "skipped");
      else this.#selection.set(item, "failed", failure(error));
    } finally {
      this.#running.delete(item);
      this.#follow(item);
    }
  }

  async #judge(item: Item, turn: Turn, signal: AbortSignal): Promise<void> {
    const { size } = item.file;
    const known = size === 0 ? [] : await this.#probes.add(size);
    signal.throwIfAborted();
    if (known.length === 0 && size >= SMALLEST_PART && this.#twins.alone(item)) {
      this.#twins.trust(item);
      turn.pass();
      return await this.#isNew(item, signal); // its parts are hashed as they are sent
    }
    const { digests } = await this.#hash(item, known, signal);
    if (known.length > 0) {
      this.#selection.set(item, "checking");
      const result = await this.#checks.add({ size, digests });
      signal.throwIfAborted();
      if (result.verdict !== "new") return this.#settle(item, result);
    }
    await turn.come;
    signal.throwIfAborted();
    await this.#compare(item, turn, signal);
  }

  /** Find out whether another file of the selection has the same content; the first is sent. */
  async #compare(item: Item, turn: Turn, signal: AbortSignal): Promise<void> {
    for (const other of this.#twins.unread(item)) {
      await this.#read(other);
      signal.throwIfAborted();
    }
    const leader = this.#twins.lead(item, item.digests?.content ?? "");
    turn.pass();
    if (leader === item || item.file.size === 0) await this.#isNew(item, signal);
    else this.#selection.set(item, "duplicate", { twin: leader, copy: leader.copy });
  }

  /** Read a file that was found new without; if that fails, its own upload tells of it. */
  #read(item: Item): Promise<void> {
    const known = this.#reading.get(item);
    if (known !== undefined) return known;
    const reading = this.#large
      .run(() => this.#hasher.digests(item.file, []))
      .then(
        (digests) => {
          this.#selection.change(item, { digests });
          this.#twins.lead(item, digests.content);
        },
        () => undefined,
      );
    this.#reading.set(item, reading);
    return reading;
  }

  async #isNew(item: Item, signal: AbortSignal): Promise<void> {
    this.#selection.set(item, "new");
    if (!this.onlyCheck) await this.#store(item, false, signal);
  }

  async #hash(item: Item, known: readonly string[], signal: AbortSignal): Promise<FileDigests> {
    const lanes = item.file.size <= SMALL ? this.#small : this.#large;
    const schemes = computable(known).slice(0, this.#limits.digests - 1);
    return await lanes.run(async () => {
      signal.throwIfAborted();
      this.#selection.set(item, "hashing");
      const read = (bytes: number) => {
        this.#selection.change(item, { done: item.done + bytes });
      };
      const digests = await this.#hasher.digests(item.file, schemes, { signal, read });
      this.#selection.change(item, { digests });
      return digests;
    });
  }

  async #store(item: Item, anyway: boolean, signal: AbortSignal): Promise<void> {
    const { file, key } = item;
    if (item.digests === null && file.size < SMALLEST_PART) await this.#hash(item, [], signal);
    if (item.state !== "new") this.#selection.set(item, "new");
    const { result, parts } = await this.#transfers.store(
      { file, key, digests: item.digests, anyway },
      {
        signal,
        sent: (bytes) => {
          if (item.state === "sending") this.#selection.change(item, { done: bytes });
          else this.#selection.set(item, "sending");
        },
        completing: () => this.#selection.change(item, { reason: "completing" }),
      },
    );
    if (result.reason === "digest-needed" && item.digests === null) {
      await this.#hash(item, [], signal);
      return await this.#store(item, anyway, signal);
    }
    if (parts !== null && item.digests === null) await this.#learn(item, parts);
    this.#settle(item, result);
  }

  /** Keep the digest of a file that was hashed as it was sent. */
  async #learn(item: Item, parts: readonly string[]): Promise<void> {
    const content = await contentDigest(item.file.size, parts);
    this.#selection.change(item, { digests: { digests: [content], content, parts } });
    this.#twins.lead(item, content);
  }

  #settle(item: Item, result: Result): void {
    const { verdict, copy, reason } = result;
    const detail = { copy: copy ?? null, reason: reason ?? null, message: result.message ?? null };
    // What an earlier page began for it is of no use any more.
    if (verdict === "duplicate") this.#transfers.giveUp(item);
    if (verdict === "duplicate") this.#selection.set(item, "duplicate", detail);
    else if (reason === "key-taken") this.#selection.set(item, "taken", detail);
    else if (verdict === "new" && copy) this.#selection.set(item, "uploaded", detail);
    else this.#selection.set(item, "unconfirmed", detail);
  }

  /** Tell the twins of a file what has become of it; if it is not there, the next one is sent. */
  #follow(item: Item): void {
    const { state, copy, twin } = item;
    if (state === "new" || twin !== null) return;
    if (copy !== null && (state === "uploaded" || state === "duplicate")) {
      for (const follower of this.#twins.of(item)) this.#selection.change(follower, { copy });
      return;
    }
    const next = this.#twins.leave(item);
    if (next === null) return;
    for (const follower of this.#twins.of(next)) this.#selection.change(follower, { twin: next });
    void this.#run(next, (signal) => this.#isNew(next, signal));
  }
}

function findFlaw(key: string, room: number): string | null {
  try {
    checkKey(key, room);
    return null;
  } catch (error) {
    return error instanceof InvalidKey ? `key-${error.flaw}` : "key-invalid";
  }
}

/** What a newer service may ask besides is not for us. */
function computable(known: readonly string[]): Scheme[] {
  return known.flatMap((name) => {
    try {
      return [parseScheme(name)];
    } catch (error) {
      if (error instanceof InvalidDigest) return [];
      throw error;
    }
  });
}

function failure(error: unknown): { reason: string; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof FileUnreadable) return { reason: "file-changed", message };
  if (error instanceof Problem) return { reason: error.reason, message };
  return { reason: "error", message };
}
