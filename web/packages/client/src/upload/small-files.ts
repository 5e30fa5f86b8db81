/** Sending small files together: up to 100 in one request, each with a result of its own. */

import { asUnreadable, FileUnreadable } from "../digest/read.ts";
import type { Client } from "../protocol/client.ts";
import type { Result } from "../protocol/documents.ts";
import { readProblem, Unreachable } from "../protocol/errors.ts";
import { Batch } from "./batch.ts";
import { put } from "./put.ts";
import type { Network } from "./sender.ts";

/** Bytes of a file that is sent with others: for a larger one, a request of its own costs little. */
export const MAX_BATCHED_BYTES = 1024 * 1024;
/** The limits of the service are 100 files and 8 MiB. */
const MAX_FILES = 100;
const MAX_BYTES = 4 * 1024 * 1024;
const PATH = "/v1/uploads/batch";

/** A file to send, and what to call on the way. */
export interface SmallFile {
  readonly ticket: string;
  readonly file: Blob;
  readonly signal: AbortSignal;
  /** Called with 0 when sending begins, and with the size once the bytes have been sent. */
  readonly onSent: (bytes: number) => void;
  /** Called when the file is in a request: from now on its upload can't be cancelled. */
  readonly onCompleting: () => void;
}

/** The result for a file, or why there is none. */
type Outcome = { readonly result: Result } | { readonly error: unknown };

/** Sends small files in batches, and completes their uploads. */
export class SmallFiles {
  readonly #client: Client;
  readonly #network: Network;
  readonly #batch: Batch<SmallFile, Outcome>;

  constructor(client: Client, network: Network) {
    this.#client = client;
    this.#network = network;
    this.#batch = new Batch({
      send: (files) => this.#send(files),
      maxWeight: () => MAX_BYTES,
      weight: ({ file }) => Math.max(file.size, MAX_BYTES / MAX_FILES),
    });
  }

  /** Send a file. Throws Problem, Unreachable, FileUnreadable, and the signal's reason. */
  async send(file: SmallFile): Promise<Result> {
    const outcome = await this.#batch.add(file);
    if ("error" in outcome) throw outcome.error;
    return outcome.result;
  }

  async #send(files: readonly SmallFile[]): Promise<Outcome[]> {
    const failed = new Map<SmallFile, unknown>();
    for (const file of files) if (file.signal.aborted) failed.set(file, file.signal.reason);
    const results = await this.#sendAll(files, failed);
    return files.map((file) => {
      const result = results.get(file);
      if (result !== undefined) return { result };
      return { error: failed.get(file) ?? new Error("too few results of a batch") };
    });
  }

  /** Send the files that have not failed, until there is an answer. */
  async #sendAll(
    files: readonly SmallFile[],
    failed: Map<SmallFile, unknown>,
  ): Promise<Map<SmallFile, Result>> {
    for (let attempt = 1; ; attempt++) {
      const left = files.filter((file) => !failed.has(file));
      if (left.length === 0) return new Map();
      try {
        const results = await this.#put(left);
        return new Map(left.flatMap((file, at) => pair(file, results[at])));
      } catch (error) {
        for (const { onSent } of left) onSent(0);
        // The browser reports a file that it can't read as a lost connection.
        const foundAny = error instanceof Unreachable && (await findUnreadable(left, failed));
        if (!foundAny) await this.#network.retryPolicy(error, attempt);
      }
    }
  }

  async #put(files: readonly SmallFile[]): Promise<readonly Result[]> {
    const listed = files.map(({ ticket, file }) => ({ ticket, size: file.size }));
    const line = new Blob([`${JSON.stringify({ files: listed })}\n`]);
    for (const { onSent, onCompleting } of files) {
      onSent(0);
      onCompleting();
    }
    const answer = await put({
      method: "POST",
      url: this.#client.address(PATH),
      headers: this.#client.headers({ number: 1, method: "POST", url: PATH, headers: TYPE }),
      body: new Blob([line, ...files.map(({ file }) => file)]),
      signal: new AbortController().signal,
      onSent: progress(files, line.size),
      readProblem,
    });
    return readResults(answer);
  }
}

/** Read an answer; anything but JSON comes from a network in between. */
function readResults(answer: string): readonly Result[] {
  try {
    return (JSON.parse(answer) as { results: Result[] }).results;
  } catch (error) {
    throw new Unreachable("no JSON in the answer; check the network", { cause: error });
  }
}

const TYPE = { "Content-Type": "application/octet-stream" };

/** Return a function that reports each file once its bytes have been sent. */
function progress(files: readonly SmallFile[], start: number): (bytes: number) => void {
  let at = 0;
  let end = start;
  return (bytes) => {
    for (let next = files[at]; next && bytes >= end + next.file.size; next = files[++at]) {
      end += next.file.size;
      next.onSent(next.file.size);
    }
  };
}

function pair(file: SmallFile, result: Result | undefined): [SmallFile, Result][] {
  return result === undefined ? [] : [[file, result]];
}

/** Note the files that can't be read any more; returns whether there are any. */
async function findUnreadable(
  files: readonly SmallFile[],
  failed: Map<SmallFile, unknown>,
): Promise<boolean> {
  const before = failed.size;
  for (const each of files) {
    try {
      await each.file.slice(0, 1).arrayBuffer();
    } catch (error) {
      failed.set(each, asUnreadable(error) ?? new FileUnreadable("the file can’t be read"));
    }
  }
  return failed.size > before;
}
