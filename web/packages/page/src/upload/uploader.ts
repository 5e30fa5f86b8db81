/**
 * The pipeline of each file: probe, hash, check, decide, and upload what is new.
 *
 * `Selection` has the state of each file, and `Transfers` uploads its bytes; this module decides.
 */

import {
  abortable,
  type Client,
  type Config,
  contentDigest,
  type Hasher,
  InFlight,
  LONGEST_KEY,
  matcher,
  type Network,
  Observable,
  type Result,
  sleep,
  Transfers,
  type Turn,
  type Unfinished,
} from "@onecopy/client";
import { Avoided } from "./avoided.ts";
import { Checking } from "./checking.ts";
import { type Choice, isDecidable } from "./choice.ts";
import type { DigestCache } from "./digest-cache.ts";
import { Hashing } from "./hashing.ts";
import { detailOfNew, failure, isMediaType, keyProblem, stateOf } from "./outcome.ts";
import type { Picked } from "./picked.ts";
import { Places } from "./placing.ts";
import { Renaming } from "./renaming.ts";
import type { Detail, Item, Selection } from "./selection.ts";

/** The limits until the service has reported its own. */
const DEFAULT_LIMITS = { sizes: 10_000, files: 1_000, digests: 8, key_bytes: LONGEST_KEY };
type Limits = Pick<Config["limits"], keyof typeof DEFAULT_LIMITS>;

export interface Collaborators {
  readonly client: Client;
  readonly hasher: Hasher;
  readonly network: Network;
  readonly selection: Selection;
  readonly unfinished: Unfinished;
  /** Digests from earlier readings; without it, every file is read. */
  readonly cache?: DigestCache;
}

/** Checks files, reports the result in the selection, and uploads what is new. */
export class Uploader {
  /** Check only; upload nothing. */
  checkOnly = false;
  /** Whether the service allows this user to upload. */
  canUpload = true;
  /** Whether the store can copy a content to another name itself. */
  canPlace = false;
  /** The folder of the store below which files are stored; empty for the top folder. */
  folder = "";
  /** What is done with files that are already stored elsewhere; null if the user is asked. */
  choice: Choice | null = null;
  /** The number of times that all files were cancelled. */
  cancels = 0;
  /** The number of times that all files were done, and what was avoided was reported. */
  runs = 0;
  readonly #runsChanged = new Observable();
  /** Registers a listener for changes to `runs`. */
  readonly subscribe = this.#runsChanged.subscribe;
  /** Whether the service accepts small files in batches. */
  #acceptsBatches = false;
  /** Whether anything was to be uploaded, also after a check. */
  #hasUploaded = false;
  readonly #hashing: Hashing;
  readonly #selection: Selection;
  readonly #network: Network;
  readonly #cache: DigestCache | undefined;
  readonly #transfers: Transfers;
  readonly #places: Places;
  readonly #checking: Checking;
  readonly #inFlight = new InFlight<Item>();
  readonly #running = new Map<Item, AbortController>();
  readonly #renaming: Renaming;
  readonly #avoided: Avoided;
  /** The files to which the kept choice was applied: once, or a failure would repeat for ever. */
  readonly #chosen = new WeakSet<Item>();
  #limits: Limits = DEFAULT_LIMITS;
  #isTrash: (key: string) => boolean = () => false;

  constructor({ client, hasher, network, selection, unfinished, cache }: Collaborators) {
    const maxDigests = () => this.#limits.digests;
    this.#hashing = new Hashing({ hasher, network, selection, cache, maxDigests });
    this.#renaming = new Renaming(selection);
    this.#avoided = new Avoided(client);
    this.#selection = selection;
    this.#network = network;
    this.#cache = cache;
    const maxFiles = () => this.#limits.files;
    const acceptsBatches = () => this.#acceptsBatches;
    this.#transfers = new Transfers({
      client,
      hasher,
      network,
      unfinished,
      maxFiles,
      acceptsBatches,
    });
    this.#places = new Places(client, maxFiles);
    const limits = () => this.#limits;
    this.#checking = new Checking({ client, hashing: this.#hashing, selection, cache, limits });
  }

  /** Return whether a file is being processed. */
  isRunning(item: Item): boolean {
    return this.#running.has(item);
  }

  /** Whether any file is being processed. */
  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** Apply the limits and features that the service reports. */
  configure({ limits, features, trash }: Config): void {
    this.#limits = limits;
    this.#isTrash = matcher(trash);
    this.canUpload = features.includes("upload");
    this.canPlace = this.canUpload && features.includes("place");
    this.#acceptsBatches = features.includes("batch");
    this.#hashing.wantsMd5 = features.includes("md5");
    this.checkOnly ||= !this.canUpload;
  }

  /** Add files to the selection, and start to process them unless they are to be skipped. */
  add(picked: Iterable<Picked>, isSkipped = false): void {
    for (const { path, file } of picked) {
      const chosen = path.join("/");
      const key = this.folder === "" ? chosen : `${this.folder}/${chosen}`;
      const item = this.#selection.add(file ?? new File([], path.at(-1) ?? ""), key, chosen);
      const reason = file === null ? "file-unreadable" : this.#nameProblem(key);
      if (reason !== null) this.#selection.set(item, "failed", { reason });
      else if (isSkipped) this.#selection.set(item, "skipped");
      else this.#start(item);
    }
  }

  /** Upload a file that is new, or despite its verdict. */
  upload(item: Item, anyway = item.state === "duplicate" || item.state === "unconfirmed"): void {
    if (item.state === "duplicate") this.#inFlight.leave(item); // it no longer follows another file
    this.#hasUploaded = true;
    void this.#run(item, (signal) => this.#store(item, anyway, signal));
  }

  /** Upload a file without waiting until it is known whether a stored one is the same. */
  async uploadNow(item: Item): Promise<void> {
    this.#running.get(item)?.abort();
    await sleep(0); // until that has ended
    if (!this.#running.has(item)) this.upload(item, true);
  }

  /** Upload all files that are new and were only checked. */
  uploadNew(): void {
    for (const item of this.#selection.items) {
      if (item.state === "new" && !this.#running.has(item)) this.upload(item);
    }
  }

  /** Store a known content under the name of this file as well: the store copies it. */
  place(item: Item): void {
    this.#inFlight.leave(item);
    void this.#run(item, (signal) => this.#place(item, signal));
  }

  /** Do one thing with a file that is already stored elsewhere. */
  decide(item: Item, choice: Choice): void {
    if (choice === "skip" || !this.canUpload) this.#selection.change(item, { decided: true });
    else if (choice === "place" && this.canPlace) this.place(item);
    else this.upload(item);
  }

  /** Upload a file under another key, because its own is taken. */
  uploadAs(item: Item, key: string): void {
    this.#renaming.rename(item, key);
    this.upload(item);
  }

  /** Return a key for a file whose own is taken; null if there is no room for one. */
  freeKey(item: Item): string | null {
    return this.#renaming.freeKey(item, this.#limits.key_bytes);
  }

  /** Process a failed file again. */
  retry(item: Item): void {
    this.#selection.change(item, { digests: null });
    this.#start(item);
  }

  /** Skip a file; cancels its upload unless the upload is already completing. */
  skip(item: Item): void {
    if (item.reason === "completing") return;
    const running = this.#running.get(item);
    if (running !== undefined) running.abort();
    else {
      this.#transfers.abort(item);
      this.#selection.set(item, "skipped");
      this.#updateFollowers(item);
    }
  }

  /** Skip all files that are being processed. */
  cancelAll(): void {
    this.cancels++;
    // First those that wait for an equal file, or they would take its place.
    for (const item of this.#selection.items) {
      if (item.leader === null || item.copy !== null) continue;
      this.#inFlight.leave(item);
      this.#selection.set(item, "skipped");
    }
    for (const item of [...this.#running.keys()]) this.skip(item);
  }

  /** Abort the uploads that earlier pages began. */
  abortInterrupted(): void {
    this.#transfers.abortInterrupted();
  }

  /**
   * Report the files that were not sent because they are stored under another name; each once, and
   * none if files were only checked. Call it when the page is left; it is called after each run.
   */
  async reportAvoided(): Promise<void> {
    if (this.checkOnly && !this.#hasUploaded) return;
    await this.#avoided.report(this.#selection.items);
  }

  #applyChoice(item: Item): void {
    const { choice } = this;
    if (choice === null || this.checkOnly || this.#chosen.has(item) || !isDecidable(item)) return;
    if (choice === "place" && !this.canPlace) return;
    this.#chosen.add(item);
    this.decide(item, choice);
  }

  /** Return why a file can't be processed under its name; a check needs no name. */
  #nameProblem(key: string): string | null {
    return this.checkOnly ? null : keyProblem(key, this.#limits.key_bytes);
  }

  #start(item: Item): void {
    this.#selection.set(item, "queued");
    const turn = this.#inFlight.add(item);
    void this.#run(item, (signal) => this.#judge(item, turn, signal)).finally(turn.end);
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
      this.#updateFollowers(item);
      this.#applyChoice(item);
      if (!this.isBusy) void this.#end();
    }
  }

  async #end(): Promise<void> {
    void this.#cache?.save();
    await this.reportAvoided();
    this.runs++;
    this.#runsChanged.notify();
  }

  async #judge(item: Item, turn: Turn, signal: AbortSignal): Promise<void> {
    const { size } = item.file;
    const known = size === 0 ? [] : await this.#checking.probe(size);
    signal.throwIfAborted();
    if (known.length === 0 && this.#hashing.canWait(size) && this.#inFlight.hasUniqueSize(item)) {
      this.#inFlight.addUnread(item);
      turn.end();
      return await this.#setNew(item, signal); // its parts are hashed as they are sent
    }
    if (known.length > 0) {
      const remembered = await this.#checking.checkRemembered(item, signal);
      if (remembered !== null) return this.#setRemembered(item, remembered);
    }
    const { digests } = await this.#hashing.hash(item, known, signal);
    let detail: Partial<Detail> = {};
    if (known.length > 0) {
      const result = await this.#checking.check(item, digests, signal);
      if (result.verdict !== "new") return this.#setResult(item, result);
      detail = detailOfNew(result);
    }
    await turn.ready;
    signal.throwIfAborted();
    await this.#compare(item, turn, detail, signal);
  }

  /** Compare a file with the others of the selection: the first of equal files is uploaded. */
  async #compare(
    item: Item,
    turn: Turn,
    detail: Partial<Detail>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const other of this.#inFlight.unreadOfSameSize(item)) {
      await this.#hashing.read(other, ({ content }) => this.#join(other, content));
      signal.throwIfAborted();
    }
    const leader = this.#join(item, item.digests?.content ?? "");
    turn.end();
    if (leader === item || item.file.size === 0) return await this.#setNew(item, signal, detail);
    // The copy of a new file is in the trash, and does not count.
    const copy = leader.state === "new" ? null : leader.copy;
    this.#selection.set(item, "duplicate", { leader, copy });
  }

  /** Return the leader of the files with this content. A file in the trash leads only itself. */
  #join(item: Item, content: string): Item {
    return this.#isTrash(item.key) ? item : this.#inFlight.join(item, content);
  }

  async #setNew(item: Item, signal: AbortSignal, detail: Partial<Detail> = {}): Promise<void> {
    this.#selection.set(item, "new", detail);
    if (!this.checkOnly) await this.#store(item, false, signal);
  }

  async #store(item: Item, anyway: boolean, signal: AbortSignal): Promise<void> {
    const { file, key } = item;
    const reason = keyProblem(key, this.#limits.key_bytes);
    if (reason !== null) return this.#selection.set(item, "failed", { reason });
    if (item.digests === null && !this.#hashing.canWait(file.size)) {
      await this.#hashing.hash(item, [], signal);
    }
    if (item.state !== "new") this.#selection.set(item, "new");
    const options = {
      signal,
      onSent: (bytes: number) => {
        this.#avoided.addSent(item);
        if (item.state === "sending") this.#selection.change(item, { done: bytes });
        else this.#selection.set(item, "sending");
      },
      onCompleting: () => this.#selection.change(item, { reason: "completing" }),
    };
    await this.#network.ready?.(signal);
    const source = { file, key, digests: item.digests, anyway };
    const { result, parts } = await this.#checking.confirm(item, signal, () =>
      this.#transfers.store(source, options),
    );
    if (result.reason === "digest-needed" && item.digests === null) {
      await this.#hashing.hash(item, [], signal);
      return await this.#store(item, anyway, signal);
    }
    if (parts !== null && item.digests === null) await this.#setDigests(item, parts);
    this.#setResult(item, result);
  }

  async #place(item: Item, signal: AbortSignal): Promise<void> {
    const { file, key } = item;
    const reason = keyProblem(key, this.#limits.key_bytes);
    if (reason !== null) return this.#selection.set(item, "failed", { reason });
    // A digest from an earlier reading may be wrong, and would store another content.
    const { content } = item.digests ?? (await this.#hashing.hash(item, [], signal));
    this.#selection.set(item, "placing");
    const onCopied = (done: number) => this.#selection.change(item, { done });
    const type = isMediaType(file.type) ? { content_type: file.type } : {};
    const request = { key, size: file.size, digest: content, ...type };
    const result = await this.#places.place(request, { signal, onCopied });
    const { verdict, copy, reason: code } = result;
    const isGone = verdict === "new" && code !== "key-taken";
    if (verdict === "duplicate") {
      this.#selection.set(item, "placed", { copy: copy ?? null, reason: code ?? null });
    } else if (isGone) await this.#store(item, false, signal);
    else this.#setResult(item, result);
  }

  /** Store the digest of a file that was hashed as it was sent. */
  async #setDigests(item: Item, parts: readonly string[]): Promise<void> {
    const content = await contentDigest(item.file.size, parts);
    this.#selection.change(item, { digests: { digests: [content], content, parts, md5: null } });
    this.#cache?.keep(item.path, item.file, [content]);
    this.#join(item, content);
  }

  /** Show a result that was found without reading the file. */
  #setRemembered(item: Item, result: Result): void {
    this.#setResult(item, result);
    this.#selection.change(item, { remembered: true });
  }

  #setResult(item: Item, result: Result): void {
    const { verdict, copy, reason } = result;
    const detail = { copy: copy ?? null, reason: reason ?? null, message: result.message ?? null };
    // An upload that an earlier page began for it is no longer needed.
    if (verdict === "duplicate") this.#transfers.abort(item);
    this.#selection.set(item, stateOf(result), detail);
  }

  /** Pass the copy of a file to its followers; if it was not stored, upload the next of them. */
  #updateFollowers(item: Item): void {
    const { state, copy, leader } = item;
    if (state === "new" || leader !== null) return;
    if (copy !== null && (state === "uploaded" || state === "duplicate")) {
      for (const follower of this.#inFlight.followers(item)) {
        this.#selection.change(follower, { copy });
        this.#applyChoice(follower);
      }
      return;
    }
    const next = this.#inFlight.leave(item);
    if (next === null) return;
    for (const follower of this.#inFlight.followers(next)) {
      this.#selection.change(follower, { leader: next });
    }
    void this.#run(next, (signal) => this.#setNew(next, signal));
  }
}
