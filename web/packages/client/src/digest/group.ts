/** Hashing of many small files: they are read together, because each reading costs much. */

import { type Bytes, hashBytes } from "./hash.ts";
import type { Failed, GroupedFile } from "./messages.ts";
import { asUnreadable, FileUnreadable } from "./read.ts";

/** Return for each file its binary digests, by scheme, or why it can't be read. */
export async function hashGroup(files: readonly GroupedFile[]): Promise<(Bytes[] | Failed)[]> {
  const contents = await readTogether(files).catch(() => null);
  return await Promise.all(
    files.map(async ({ file, schemes }, at) => {
      try {
        const content = contents?.[at] ?? (await readAlone(file));
        return await Promise.all(schemes.map(({ algorithm }) => hashBytes(algorithm, content)));
      } catch (error) {
        return failed(error);
      }
    }),
  );
}

/** Read all files; fails if one of them can't be read. */
async function readTogether(files: readonly GroupedFile[]): Promise<Bytes[]> {
  const joined = await new Blob(files.map(({ file }) => file)).arrayBuffer();
  let end = 0;
  const contents = files.map(({ file }) => {
    const start = end;
    end += file.size;
    return new Uint8Array(joined, start, file.size);
  });
  if (end !== joined.byteLength) throw new FileUnreadable("a file has another size");
  return contents;
}

async function readAlone(file: Blob): Promise<Bytes> {
  const content = new Uint8Array(await file.arrayBuffer());
  if (content.length !== file.size) {
    throw new FileUnreadable(`the file ended after ${content.length} of ${file.size} bytes`);
  }
  return content;
}

/** Return an error in a form that can be sent to another thread. */
export function failed(error: unknown): Failed {
  const cause = asUnreadable(error);
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
  return { name, message };
}
