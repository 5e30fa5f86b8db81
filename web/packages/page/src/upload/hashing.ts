/** Hashing of the files of the selection, a limited number at a time. */

import {
  contentScheme,
  type FileDigests,
  formatScheme,
  type Hasher,
  Limiter,
  type Network,
  parseSchemes,
  SMALL_FILE_BYTES,
  SMALLEST_PART,
} from "@onecopy/client";
import type { DigestCache } from "./digest-cache.ts";
import type { Item, Selection } from "./selection.ts";

/** Small files that are hashed at the same time, in groups. */
const MAX_SMALL_FILES = 400;
/** Large files that are hashed at the same time, in workers. */
const MAX_LARGE_FILES = 2;

export interface HashingOptions {
  readonly hasher: Hasher;
  readonly network: Network;
  readonly selection: Selection;
  readonly cache: DigestCache | undefined;
  /** The number of digests that a check accepts for a file. */
  readonly maxDigests: () => number;
}

/** Hashes files, and shows how far they are read. */
export class Hashing {
  /** Whether the service wants the MD5 of each file: then each is hashed before it is sent. */
  wantsMd5 = false;
  readonly #options: HashingOptions;
  readonly #smallFiles = new Limiter(MAX_SMALL_FILES);
  readonly #largeFiles = new Limiter(MAX_LARGE_FILES);
  readonly #reading = new Map<Item, Promise<void>>();

  constructor(options: HashingOptions) {
    this.#options = options;
  }

  /** Whether a file can be hashed as it is sent; not its MD5, since parts are read in any order. */
  canWait(size: number): boolean {
    return size >= SMALLEST_PART && !this.wantsMd5;
  }

  /** Hash a file by its content digest, and by known schemes as far as a check accepts them. */
  async hash(item: Item, known: readonly string[], signal: AbortSignal): Promise<FileDigests> {
    const { network, selection, maxDigests } = this.#options;
    const limiter = item.file.size <= SMALL_FILE_BYTES ? this.#smallFiles : this.#largeFiles;
    // The content digest is computed in any case, and may be among them.
    const own = formatScheme(contentScheme(item.file.size));
    const others = known.filter((name) => name !== own);
    const schemes = parseSchemes(others).slice(0, maxDigests() - 1);
    return await limiter.run(async () => {
      await network.ready?.(signal);
      signal.throwIfAborted();
      selection.set(item, "hashing");
      return await this.#hashNow(item, schemes, signal);
    });
  }

  async #hashNow(
    item: Item,
    schemes: ReturnType<typeof parseSchemes>,
    signal: AbortSignal,
  ): Promise<FileDigests> {
    const { hasher, network, selection, cache } = this.#options;
    const digests = await hasher.digests(item.file, schemes, {
      signal,
      onRead: (bytes) => selection.change(item, { done: item.done + bytes }),
      ready: () => network.ready?.(signal),
      md5: this.wantsMd5,
    });
    selection.change(item, { digests });
    cache?.keep(item.path, item.file, digests.digests);
    return digests;
  }

  /**
   * Hash a file that was found to be new by its size, once, and then call `whenRead`. An error is
   * ignored here, since the file's own upload reports it.
   */
  read(item: Item, whenRead: (digests: FileDigests) => void): Promise<void> {
    const known = this.#reading.get(item);
    if (known !== undefined) return known;
    const { hasher, network, selection } = this.#options;
    const ready = () => network.ready?.();
    const reading = this.#largeFiles
      .run(() => hasher.digests(item.file, [], { md5: this.wantsMd5, ready }))
      .then(
        (digests) => {
          selection.change(item, { digests });
          whenRead(digests);
        },
        () => undefined,
      );
    this.#reading.set(item, reading);
    return reading;
  }
}
