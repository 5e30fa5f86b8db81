/** Small files that wait to be hashed, in groups. */

import { hashGroup } from "./group.ts";
import type { Bytes } from "./hash.ts";
import type { Failed, GroupTask } from "./messages.ts";
import type { HashOptions } from "./pieces.ts";
import { FileUnreadable } from "./read.ts";
import type { Scheme } from "./scheme.ts";

/** Files and bytes of a group: handing over more files at once blocks the calling thread. */
const MAX_FILES = 100;
const MAX_BYTES = 4 * 1024 * 1024;

/** A small file that waits for its group. */
export interface SmallFile {
  readonly file: Blob;
  readonly schemes: readonly Scheme[];
  readonly options: HashOptions;
  readonly done: (pieces: Bytes[][]) => void;
  readonly fail: (error: unknown) => void;
}

/** Small files that a worker hashes together. */
export interface Group {
  readonly task: GroupTask;
  readonly files: readonly SmallFile[];
}

/** Remove the next group from the files that wait; null if there are none. Fails aborted files. */
export function takeGroup(waiting: SmallFile[], id: number): Group | null {
  const files: SmallFile[] = [];
  let bytes = 0;
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    const { signal } = next.options;
    if (signal?.aborted) next.fail(signal.reason);
    else {
      bytes += next.file.size;
      if (files.length === MAX_FILES || (files.length > 0 && bytes > MAX_BYTES)) break;
      files.push(next);
    }
    waiting.shift();
  }
  if (files.length === 0) return null;
  return { task: { id, group: files.map(({ file, schemes }) => ({ file, schemes })) }, files };
}

/** Hash files on this thread, because no worker can. */
export async function hashHere(files: readonly SmallFile[]): Promise<void> {
  settle(files, await hashGroup(files));
}

/** Settle files with what was found of each. */
export function settle(files: readonly SmallFile[], found: readonly (Bytes[] | Failed)[]): void {
  for (const [at, { file, options, done, fail }] of files.entries()) {
    const pieces = found[at];
    if (options.signal?.aborted) fail(options.signal.reason);
    else if (pieces === undefined) fail(new Error("hashing worker failed: no result for a file"));
    else if ("message" in pieces) fail(revive(pieces));
    else {
      options.onRead?.(file.size);
      done(pieces.map((piece) => [piece]));
    }
  }
}

/** Return an error that came from another thread. */
export function revive({ name, message }: Failed): Error {
  if (name === "FileUnreadable") return new FileUnreadable(message);
  return Object.assign(new Error(message), { name });
}
