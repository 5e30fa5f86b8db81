/** Files and one service: check, upload, place. */

import { type FileDigests, Hasher } from "../digest/hasher.ts";
import { SMALLEST_PART } from "../digest/scheme.ts";
import { Client } from "../protocol/client.ts";
import type { Config, Place, Result } from "../protocol/documents.ts";
import { Unreachable } from "../protocol/errors.ts";
import { checkKey } from "../protocol/key.ts";
import { abortable } from "../protocol/retry.ts";
import { Batch } from "../upload/batch.ts";
import { untilConfirmed } from "../upload/confirming.ts";
import { type Source, Transfers } from "../upload/transfer.ts";
import { type NoteStorage, Unfinished } from "../upload/unfinished.ts";
import { Avoided } from "./avoided.ts";
import { Connection, type TokenSource } from "./connection.ts";
import { Judge } from "./judge.ts";
import {
  type Answer,
  answerIn,
  type FileOptions,
  type PlaceOptions,
  type UploadOptions,
} from "./options.ts";
import { Turns } from "./turns.ts";

/** Options of a client. */
export interface Options {
  /** A token, or a function that gets one: it is called again when a token has expired. */
  readonly token?: TokenSource;
  /**
   * Where unfinished uploads of large files are noted, so that a later page can resume them.
   * Default: `localStorage`, if the browser allows it; null: nowhere.
   */
  readonly storage?: NoteStorage | null;
}

/**
 * Checks and uploads files, one promise per file. Call it for many files at once: they share
 * requests, and only some of them are read and sent at the same time.
 *
 * All methods throw Problem (the service refuses), Unreachable (no answer), FileUnreadable (the file
 * has changed since it was chosen), and the signal's reason.
 */
export class Onecopy {
  readonly #root: URL;
  readonly #client: Client;
  readonly #connection: Connection;
  readonly #hasher = new Hasher();
  readonly #judge: Judge;
  readonly #unfinished: Unfinished;
  readonly #transfers: Transfers;
  readonly #placements: Batch<Place, Result>;
  readonly #avoided: Avoided;
  readonly #turns = new Turns();
  #configured: Promise<Config> | null = null;
  #maxFiles = 1;
  #acceptsBatches = false;

  /** `url` is the root of the service, such as `https://copies.example.org/`. */
  constructor(url: string | URL, { token, storage = browserStorage() }: Options = {}) {
    const root = rootOf(url);
    this.#root = new URL(root);
    const connection = new Connection(token);
    const client = new Client({
      root,
      token: connection.token,
      retryPolicy: connection.retryPolicy,
    });
    const hasher = this.#hasher;
    const maxFiles = () => this.#maxFiles;
    const unfinished = new Unfinished(root, storage ?? NOWHERE, globalThis.navigator?.locks);
    this.#client = client;
    this.#connection = connection;
    this.#unfinished = unfinished;
    this.#judge = new Judge({ client, hasher, config: () => this.config() });
    this.#transfers = new Transfers({
      client,
      hasher,
      network: connection,
      unfinished,
      maxFiles,
      acceptsBatches: () => this.#acceptsBatches,
    });
    this.#placements = new Batch({ send: (files) => client.place(files), maxWeight: maxFiles });
    this.#avoided = new Avoided(client);
  }

  /** Return the configuration of the service; it is requested once. */
  config(): Promise<Config> {
    this.#configured ??= this.#configure().catch((error: unknown) => {
      this.#configured = null;
      throw error;
    });
    return this.#configured;
  }

  /** Return the schemes under which contents of `size` bytes are known: if none, it is new. */
  probe(size: number): Promise<readonly string[]> {
    return this.#judge.probe(size);
  }

  /** Return whether the content of a file is stored, and where; sends none of its bytes. */
  async check(file: Blob, options: FileOptions = {}): Promise<Answer> {
    return answerIn(await abortable(this.#judge.judge(file, options), options.signal));
  }

  /**
   * Upload a file if its content is not stored. The answer is `new` with the new copy, `duplicate`
   * with the copy that was found, or `unconfirmed` with the reason why nothing was uploaded.
   *
   * An upload of 8 MiB or more that was interrupted is resumed. Throws InvalidKey.
   */
  upload(file: Blob, options: UploadOptions = {}): Promise<Answer> {
    return this.#avoided.during(() => abortable(this.#upload(file, options), options.signal));
  }

  /**
   * Make a copy of a stored content under another key, within the store: no bytes are sent. The
   * answer is `duplicate` with the copy under that key, or `new` if the content is not stored, or
   * the key holds another content (`key-taken`). Throws InvalidKey.
   */
  place(file: Blob, options: PlaceOptions = {}): Promise<Answer> {
    return abortable(this.#place(file, options), options.signal);
  }

  /** Return a link to a stored copy, which is valid for five minutes; needs the scope `read`. */
  async link(key: string): Promise<string> {
    await this.config();
    return await this.#client.link({ key });
  }

  /** Stop hashing, and report what was avoided. */
  close(): void {
    this.#hasher.close();
    this.#avoided.close();
  }

  async #configure(): Promise<Config> {
    await this.#connection.renew();
    const config = await this.#client.config().catch((error) => {
      throw explain(error, this.#root);
    });
    await this.#unfinished.open(config.tenant);
    this.#maxFiles = config.limits.files;
    this.#acceptsBatches = config.features.includes("batch");
    return config;
  }

  async #upload(file: Blob, options: UploadOptions): Promise<Answer> {
    const { anyway = false } = options;
    const key = await this.#key(file, options);
    if (!anyway) {
      const judged = await this.#judge.judge(file, options);
      if (judged.verdict === "duplicate") this.#avoided.add(file, key, judged);
      if (judged.verdict !== "new") return answerIn(judged);
    }
    const digests = await this.#digestsToSend(file, options);
    const source = { file: asFile(file), key, digests, anyway };
    return await this.#turns.run(file.size, digests?.content, () => this.#store(source, options));
  }

  /** Return the digests of a file; null if it is hashed as it is sent. */
  async #digestsToSend(file: Blob, options: FileOptions): Promise<FileDigests | null> {
    const known = this.#judge.knownDigests(file);
    if (known !== null) return known;
    const { features } = await this.config();
    const later = file.size >= SMALLEST_PART && !features.includes("md5");
    if (later && !this.#turns.has(file.size)) return null;
    return await this.#judge.digests(file, [], options);
  }

  async #store(source: Source, options: FileOptions): Promise<Answer> {
    const { signal = new AbortController().signal, onProgress } = options;
    let sent = 0;
    const transfer = {
      signal,
      onSent: (bytes: number) => {
        sent = Math.max(sent, bytes);
        onProgress?.({ step: "sending", bytes });
      },
      onCompleting: () => onProgress?.({ step: "completing", bytes: source.file.size }),
    };
    const { result } = await untilConfirmed(() => this.#transfers.store(source, transfer), {
      signal,
      onConfirming: (bytes) => onProgress?.({ step: "confirming", bytes }),
      onUploading: () => onProgress?.({ step: "waiting", bytes: 0 }),
    });
    if (result.reason === "digest-needed" && source.digests === null) {
      const digests = await this.#judge.digests(source.file, [], options);
      return await this.#store({ ...source, digests }, options);
    }
    if (result.verdict === "duplicate" && sent === 0) {
      this.#avoided.add(source.file, source.key, result);
    }
    return answerIn(result);
  }

  async #place(file: Blob, options: PlaceOptions): Promise<Answer> {
    const { signal, onProgress } = options;
    const key = await this.#key(file, options);
    const { content } = await this.#judge.digests(file, [], options);
    const type = file.type && file.type.length <= 255 && { content_type: file.type };
    const placement = { key, size: file.size, digest: content, ...type };
    const ask = async () => ({ result: await this.#placements.add(placement) });
    const { result } = await untilConfirmed(ask, {
      ...(signal && { signal }),
      onConfirming: (bytes) => onProgress?.({ step: "placing", bytes }),
    });
    return answerIn(result);
  }

  async #key(file: Blob, { key }: { readonly key?: string }): Promise<string> {
    const { limits } = await this.config();
    return checkKey(key ?? asFile(file).name, limits.key_bytes);
  }
}

/** Browsers hide from a page whether it is not allowed or the network is down, so name both. */
function explain(error: unknown, { origin, host }: URL): unknown {
  const own = globalThis.location?.origin;
  const isHidden = error instanceof Unreachable && error.cause instanceof TypeError;
  if (!isHidden || own === undefined || own === origin) return error;
  return new Unreachable(
    `no answer from ${host} for a page of ${own}; check the network, and whether the service ` +
      `allows this origin (onecopy serve --page-origin ${own})`,
    { cause: error },
  );
}

/** Return the root URL of a service with a trailing slash; throws TypeError if it can't be one. */
function rootOf(url: string | URL): string {
  const { username, password, origin, pathname } = new URL(url);
  // fetch refuses them, with an error that quotes them.
  if (username || password) throw new TypeError("a service's URL has no user or password");
  return origin + pathname.replace(/\/?$/, "/");
}

/** A storage that keeps nothing. */
const NOWHERE: NoteStorage = {
  length: 0,
  key: () => null,
  getItem: () => null,
  setItem: () => undefined,
  removeItem: () => undefined,
};

/** Return localStorage; null where it does not exist or is not allowed. */
function browserStorage(): NoteStorage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}

/** Return a blob as a file; one without a name needs a key. */
function asFile(file: Blob): File {
  return file instanceof File ? file : new File([file], "", { type: file.type });
}
