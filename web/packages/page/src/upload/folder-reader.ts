/**
 * Reading of folders in a worker.
 *
 * Chromium 156 closes a pipe for each handle that it collects as garbage. It does so in one go, which
 * blocks the page for 50 to 200 ms after 10,000 files. The handles of a worker end with the worker.
 */

import { type AnyHandle, filesOf } from "./folders.ts";
import type { Picked } from "./picked.ts";

type Next = IteratorResult<Picked[], void>;

/** Yield the files of these handles as `filesOf` does; on this thread, if the worker fails. */
export async function* readFolders(handles: readonly AnyHandle[]): AsyncGenerator<Picked[]> {
  const seen = new Set<string>();
  try {
    for await (const group of readInWorker(handles)) {
      for (const { path } of group) seen.add(path.join("/"));
      yield group;
    }
  } catch {
    for await (const group of filesOf(handles)) {
      yield group.filter(({ path }) => !seen.has(path.join("/")));
    }
  }
}

async function* readInWorker(handles: readonly AnyHandle[]): AsyncGenerator<Picked[]> {
  const worker = new Worker(new URL("./folder-worker.ts", import.meta.url), { type: "module" });
  try {
    let next = ask(worker, handles);
    for (let found = await next; !found.done; found = await next) {
      next = ask(worker, null); // it reads on while these are used
      yield found.value;
    }
  } finally {
    worker.terminate();
  }
}

/** Ask for the next group: of these handles, or of those before. */
function ask(worker: Worker, handles: readonly AnyHandle[] | null): Promise<Next> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Next>) => resolve(data);
    worker.onmessageerror = worker.onerror = reject;
    worker.postMessage(handles);
  });
}
