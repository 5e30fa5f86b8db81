/** Finding out whether the content of a file is stored: probe, hash, check. */

import { type FileDigests, type Hasher, SMALL_FILE_BYTES } from "../digest/hasher.ts";
import { contentScheme, formatScheme, moreSchemes, parseSchemes } from "../digest/scheme.ts";
import { Limiter } from "../limiter.ts";
import type { Client } from "../protocol/client.ts";
import type { Config, Content, Result } from "../protocol/documents.ts";
import { Batch } from "../upload/batch.ts";
import { untilConfirmed } from "../upload/confirming.ts";
import type { FileOptions } from "./options.ts";

/** Small files that are hashed at the same time, in groups. */
const MAX_SMALL_FILES = 400;
/** Large files that are hashed at the same time, in workers. */
const MAX_LARGE_FILES = 2;

export interface Collaborators {
  readonly client: Client;
  readonly hasher: Hasher;
  /** Return the configuration of the service. */
  readonly config: () => Promise<Config>;
}

/** Judges files; those that are judged at about the same time share requests. */
export class Judge {
  readonly #hasher: Hasher;
  readonly #config: () => Promise<Config>;
  readonly #probes: Batch<number, readonly string[]>;
  readonly #checks: Batch<Content, Result>;
  readonly #smallFiles = new Limiter(MAX_SMALL_FILES);
  readonly #largeFiles = new Limiter(MAX_LARGE_FILES);
  /** A `File` whose content changes can't be read any more, so its digests stay right. */
  readonly #digests = new WeakMap<Blob, FileDigests>();
  #limits = { sizes: 1, files: 1 };

  constructor({ client, hasher, config }: Collaborators) {
    this.#hasher = hasher;
    this.#config = config;
    this.#probes = new Batch({
      send: (sizes) => client.probe(sizes),
      maxWeight: () => this.#limits.sizes,
    });
    this.#checks = new Batch({
      send: (contents) => client.check(contents),
      maxWeight: () => this.#limits.files,
    });
  }

  /** Return the schemes under which contents of this size are known; none for empty files. */
  async probe(size: number): Promise<readonly string[]> {
    this.#limits = (await this.#config()).limits;
    return size === 0 ? [] : await this.#probes.add(size);
  }

  /** Return the verdict on a file. A file is not read if no known content has its size. */
  async judge(file: Blob, options: FileOptions): Promise<Result> {
    const known = await this.probe(file.size);
    if (known.length === 0) return { verdict: "new" };
    const { digests } = await this.digests(file, known, options);
    const result = await this.#check(file, digests, options);
    if (result.reason !== "digest-needed") return result;
    const { limits } = await this.#config();
    const wider = moreSchemes(digests, await this.probe(file.size), limits.digests);
    if (wider === null) return result;
    const all = await this.digests(file, wider, options);
    return await this.#check(file, all.digests, options);
  }

  /** Return the digests of a file that was read already; null otherwise. */
  knownDigests(file: Blob): FileDigests | null {
    return this.#digests.get(file) ?? null;
  }

  /** Return the digests of a file: the content digest, and others as far as a check takes them. */
  async digests(
    file: Blob,
    known: readonly string[],
    { signal, onProgress }: FileOptions,
  ): Promise<FileDigests> {
    const { limits, features } = await this.#config();
    const own = formatScheme(contentScheme(file.size));
    const others = parseSchemes(known.filter((name) => name !== own)).slice(0, limits.digests - 1);
    const found = this.#digests.get(file);
    if (found && covers(found, others.map(formatScheme))) return found;
    const limiter = file.size <= SMALL_FILE_BYTES ? this.#smallFiles : this.#largeFiles;
    let bytes = 0;
    const onRead = (read: number) => {
      bytes += read;
      onProgress?.({ step: "hashing", bytes });
    };
    const md5 = features.includes("md5");
    const digests = await limiter.run(() => {
      signal?.throwIfAborted();
      return this.#hasher.digests(file, others, { signal, onRead, md5 });
    });
    this.#digests.set(file, digests);
    return digests;
  }

  async #check({ size }: Blob, digests: readonly string[], options: FileOptions): Promise<Result> {
    const { signal, onProgress } = options;
    const ask = async () => ({ result: await this.#checks.add({ size, digests }) });
    const { result } = await untilConfirmed(ask, {
      ...(signal && { signal }),
      onConfirming: (bytes) => onProgress?.({ step: "confirming", bytes }),
    });
    return result;
  }
}

function covers({ digests }: FileDigests, schemes: readonly string[]): boolean {
  return schemes.every((scheme) => digests.some((digest) => digest.startsWith(`${scheme}:`)));
}
