/** Reading files fast and with constant memory. */

import type { Bytes } from "./hash.ts";

/** The file can't be read, or has changed since it was chosen. */
export class FileUnreadable extends Error {
  override name = "FileUnreadable";
}

/**
 * Yield the bytes of a blob in blocks of `blockSize` bytes; only the last one may be shorter.
 *
 * All blocks share one buffer, so a block is valid only until the next one is requested. (`slice`
 * and `arrayBuffer` are half as fast, and let the browser's memory grow by hundreds of MB.) Throws
 * FileUnreadable.
 */
export async function* readBlocks(blob: Blob, blockSize: number): AsyncGenerator<Bytes> {
  const size = blob.size;
  const blocks = canReadIntoBuffers() ? readInto(blob, blockSize) : readSlices(blob, blockSize);
  let read = 0;
  try {
    for await (const block of blocks) {
      read += block.length;
      yield block;
    }
  } catch (error) {
    throw await reasonOf(error, blob);
  }
  if (read !== size) throw new FileUnreadable(`the file ended after ${read} of ${size} bytes`);
}

/** Return why a blob could not be read: while it is streamed, Chromium names a network error. */
async function reasonOf(error: unknown, blob: Blob): Promise<unknown> {
  const beginning = blob.slice(0, 1).arrayBuffer();
  return await beginning.then(() => asUnreadable(error), asUnreadable);
}

/** Return a FileUnreadable in place of an error by which a browser means that; others unchanged. */
export function asUnreadable(error: unknown): unknown {
  const names = ["NotReadableError", "NotFoundError", "SecurityError"];
  if (error instanceof DOMException && names.includes(error.name)) {
    return new FileUnreadable(error.message);
  }
  return error;
}

/**
 * The active readers. Chromium 156 garbage-collects a reader that nothing else refers to, even
 * while a read is pending, and that read then never ends.
 */
const readers = new Set<ReadableStreamBYOBReader>();

async function* readInto(blob: Blob, blockSize: number): AsyncGenerator<Bytes> {
  const reader = blob.stream().getReader({ mode: "byob" });
  readers.add(reader);
  let buffer = new ArrayBuffer(Math.min(blockSize, blob.size));
  try {
    for (let more = buffer.byteLength > 0; more; ) {
      let filled = 0;
      while (more && filled < buffer.byteLength) {
        const view = new Uint8Array(buffer, filled);
        const chunk = await reader.read(view, { min: view.length });
        if (chunk.value === undefined) return; // cancelled: the buffer is gone
        buffer = chunk.value.buffer;
        filled += chunk.value.length;
        more = !chunk.done;
      }
      if (filled > 0) yield new Uint8Array(buffer, 0, filled);
    }
  } finally {
    await reader.cancel().catch(() => undefined); // a failed read has already thrown its error
    readers.delete(reader);
  }
}

async function* readSlices(blob: Blob, blockSize: number): AsyncGenerator<Bytes> {
  for (let from = 0; from < blob.size; from += blockSize) {
    yield new Uint8Array(await blob.slice(from, from + blockSize).arrayBuffer());
  }
}

let byob: boolean | undefined;

function canReadIntoBuffers(): boolean {
  if (byob === undefined) {
    try {
      const reader = new Blob().stream().getReader({ mode: "byob" });
      reader.releaseLock();
      byob = true;
    } catch {
      byob = false; // Safari before 26 has no byte streams of blobs
    }
  }
  return byob;
}
