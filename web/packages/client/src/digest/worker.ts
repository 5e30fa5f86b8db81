/** Hashing worker: runs one task at a time. */

import { failed, hashGroup } from "./group.ts";
import { type Bytes, hashBytes } from "./hash.ts";
import type { FromWorker, GroupTask, Task, ToWorker } from "./messages.ts";
import { hashRange } from "./pieces.ts";
import { FileUnreadable, readBlocks } from "./read.ts";

declare const self: DedicatedWorkerGlobalScope;

const running = new Map<number, AbortController>();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ("cancel" in data) running.get(data.cancel)?.abort();
  else if ("group" in data) void workOnGroup(data);
  else void work(data);
};

async function workOnGroup({ id, group }: GroupTask): Promise<void> {
  send({ id, group: await hashGroup(group) });
}

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

async function work(task: Task): Promise<void> {
  const control = new AbortController();
  running.set(task.id, control);
  try {
    if (task.keep) await readPart(task);
    else await hash(task, control.signal);
  } catch (error) {
    send({ id: task.id, failed: failed(error) });
  } finally {
    running.delete(task.id);
  }
}

async function hash({ id, file, range, schemes }: Task, signal: AbortSignal): Promise<void> {
  const onRead = (bytes: number) => send({ id, read: bytes });
  send({ id, pieces: await hashRange(file, range, schemes, { signal, onRead }) });
}

/** Read the range once for hashing and for sending, so that what is sent is what was hashed. */
async function readPart({ id, file, range }: Task): Promise<void> {
  const length = range.to - range.from;
  for await (const bytes of readBlocks(file.slice(range.from, range.to), length)) {
    if (bytes.length !== length) break;
    const pieces: Bytes[][] = [[await hashBytes("sha256", bytes)]];
    send({ id, pieces, bytes }, [bytes.buffer]);
    return;
  }
  throw new FileUnreadable("the file has become shorter");
}
