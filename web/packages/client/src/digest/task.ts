/** Doing the task of a worker: in one, or on the calling thread where there are none. */

import { type Bytes, hashBytes } from "./hash.ts";
import type { Task } from "./messages.ts";
import { type HashOptions, hashRange } from "./pieces.ts";
import { FileUnreadable, readBlocks } from "./read.ts";

/** The digests of the pieces under each scheme, and the bytes if they are to be kept. */
export interface Done {
  readonly pieces: Bytes[][];
  readonly bytes?: Bytes;
}

/** Hash a range of a file. Throws FileUnreadable, and the signal's reason. */
export async function runTask(task: Omit<Task, "id">, options: HashOptions): Promise<Done> {
  if (task.keep) return await readPart(task);
  return { pieces: await hashRange(task.file, task.range, task.schemes, options) };
}

/** Read the range once for hashing and for sending, so that what is sent is what was hashed. */
async function readPart({ file, range }: Omit<Task, "id">): Promise<Done> {
  const length = range.to - range.from;
  for await (const bytes of readBlocks(file.slice(range.from, range.to), length)) {
    if (bytes.length !== length) break;
    return { pieces: [[await hashBytes("sha256", bytes)]], bytes };
  }
  throw new FileUnreadable("the file has become shorter");
}
