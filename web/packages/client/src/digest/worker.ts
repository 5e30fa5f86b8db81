/** Hashing worker: runs one task at a time. */

import type { FromWorker, Task, ToWorker } from "./messages.ts";
import { runTask } from "./task.ts";

declare const self: DedicatedWorkerGlobalScope;

const running = new Map<number, AbortController>();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ("cancel" in data) running.get(data.cancel)?.abort();
  else void work(data);
};

function send(message: FromWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

async function work(task: Task): Promise<void> {
  const control = new AbortController();
  running.set(task.id, control);
  try {
    const onRead = (read: number) => send({ id: task.id, read });
    const { pieces, bytes } = await runTask(task, { signal: control.signal, onRead });
    send({ id: task.id, pieces, ...(bytes && { bytes }) }, bytes ? [bytes.buffer] : []);
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    send({ id: task.id, failed: { name, message } });
  } finally {
    running.delete(task.id);
  }
}
