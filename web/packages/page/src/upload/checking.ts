/** Checking with the service whether the files of the selection are stored. */

import {
  Batch,
  type Client,
  type Config,
  type Content,
  moreSchemes,
  type Result,
  untilConfirmed,
} from "@onecopy/client";
import type { DigestCache } from "./digest-cache.ts";
import type { Hashing } from "./hashing.ts";
import type { Item, Selection } from "./selection.ts";

export interface CheckingOptions {
  readonly client: Client;
  readonly hashing: Hashing;
  readonly selection: Selection;
  readonly cache: DigestCache | undefined;
  readonly limits: () => Pick<Config["limits"], "sizes" | "files" | "digests">;
}

/** Checks files, several in one request, and shows the steps in the selection. */
export class Checking {
  readonly #hashing: Hashing;
  readonly #selection: Selection;
  readonly #cache: DigestCache | undefined;
  readonly #limits: CheckingOptions["limits"];
  readonly #probes: Batch<number, readonly string[]>;
  readonly #checks: Batch<Content, Result>;

  constructor({ client, hashing, selection, cache, limits }: CheckingOptions) {
    this.#hashing = hashing;
    this.#selection = selection;
    this.#cache = cache;
    this.#limits = limits;
    this.#probes = new Batch({
      send: (sizes) => client.probe(sizes),
      maxWeight: () => limits().sizes,
    });
    this.#checks = new Batch({
      send: (contents) => client.check(contents),
      maxWeight: () => limits().files,
    });
  }

  /** Return the schemes under which contents of a size are known. */
  probe(size: number): Promise<readonly string[]> {
    return this.#probes.add(size);
  }

  /**
   * Check a file by digests from an earlier reading. Returns null unless it is a duplicate: all else
   * is decided by reading the file.
   */
  async checkRemembered(item: Item, signal: AbortSignal): Promise<Result | null> {
    const digests = (await this.#cache?.find(item.path, item.file)) ?? null;
    if (digests === null) return null;
    signal.throwIfAborted();
    const result = await this.#checkOnce(item, digests.slice(0, this.#limits().digests), signal);
    return result.verdict === "duplicate" ? result : null;
  }

  /** Check a file; once more with other digests, if the check turns out to need them. */
  async check(item: Item, digests: readonly string[], signal: AbortSignal): Promise<Result> {
    const result = await this.#checkOnce(item, digests, signal);
    if (result.reason !== "digest-needed") return result;
    const known = await this.probe(item.file.size);
    signal.throwIfAborted();
    const wider = moreSchemes(digests, known, this.#limits().digests);
    if (wider === null) return result;
    const hashed = await this.#hashing.hash(item, wider, signal);
    return await this.#checkOnce(item, hashed.digests, signal);
  }

  async #checkOnce(item: Item, digests: readonly string[], signal: AbortSignal): Promise<Result> {
    this.#selection.set(item, "checking");
    const { result } = await this.confirm(item, signal, async () => ({
      result: await this.#checks.add({ size: item.file.size, digests }),
    }));
    signal.throwIfAborted();
    return result;
  }

  /** Ask until it is decided whether a file is stored; shows why that takes a while. */
  confirm<T extends { readonly result: Result }>(
    item: Item,
    signal: AbortSignal,
    ask: () => Promise<T>,
  ): Promise<T> {
    const show = (reason: string, done = 0) => {
      if (item.state !== "checking") this.#selection.set(item, "checking");
      this.#selection.change(item, { reason, done });
    };
    return untilConfirmed(ask, {
      signal,
      onConfirming: (done) => show("confirming", done),
      onUploading: () => show("uploading", item.file.size), // it was read
    });
  }
}
