/** Doing the tasks of a hasher: in a worker, or on the page's thread if no worker can be loaded. */

import { failed, hashGroup } from "./group.ts";
import { type Bytes, hashBytes } from "./hash.ts";
import type { FromWorker, GroupTask, Task, ToWorker } from "./messages.ts";
import { hashRange } from "./pieces.ts";
import { FileUnreadable, readBlocks } from "./read.ts";

/** Sends a message to the hasher. */
type Send = (message: FromWorker, transfer: Transferable[]) => void;

/** Return a function that does the tasks that it is called with, and sends their results. */
export function serve(send: Send): (message: ToWorker) => void {
  const running = new Map<number, AbortController>();
  return (message) => {
    if ("cancel" in message) running.get(message.cancel)?.abort();
    else if ("group" in message) void workOnGroup(message, send);
    else void work(message, running, send);
  };
}

async function workOnGroup({ id, group }: GroupTask, send: Send): Promise<void> {
  send({ id, group: await hashGroup(group) }, []);
}

async function work(task: Task, running: Map<number, AbortController>, send: Send): Promise<void> {
  const control = new AbortController();
  running.set(task.id, control);
  try {
    if (task.keep) await readPart(task, send);
    else await hash(task, control.signal, send);
  } catch (error) {
    send({ id: task.id, failed: failed(error) }, []);
  } finally {
    running.delete(task.id);
  }
}

async function hash(task: Task, signal: AbortSignal, send: Send): Promise<void> {
  const { id, file, range, schemes } = task;
  const onRead = (bytes: number) => send({ id, read: bytes }, []);
  send({ id, pieces: await hashRange(file, range, schemes, { signal, onRead }) }, []);
}

/** Read the range once for hashing and for sending, so that what is sent is what was hashed. */
async function readPart({ id, file, range }: Task, send: Send): Promise<void> {
  const length = range.to - range.from;
  for await (const bytes of readBlocks(file.slice(range.from, range.to), length)) {
    if (bytes.length !== length) break;
    const pieces: Bytes[][] = [[await hashBytes("sha256", bytes)]];
    send({ id, pieces, bytes }, [bytes.buffer]);
    return;
  }
  throw new FileUnreadable("the file has become shorter");
}
