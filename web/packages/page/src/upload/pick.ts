/** Files that the user chose or dropped, with their paths from the chosen folder downwards. */

import { readFolders } from "./folder-reader.ts";
import type { AnyHandle, FolderHandle } from "./folders.ts";
import type { Picked } from "./picked.ts";

/** Return the files of an `<input type="file">`, sorted by path. */
export function pickedFiles(files: Iterable<File>): Picked[] {
  return Array.from(files, (file) => ({ name: file.webkitRelativePath || file.name, file }))
    .sort((a, b) => compare(a.name, b.name))
    .map(({ file }) => ({ path: relativePath(file), file }));
}

/** Return the path of a file. In `webkitRelativePath`, Chromium has written each `\` as `/`. */
function relativePath({ name, webkitRelativePath: path }: File): string[] {
  const folders = path.slice(0, Math.max(0, path.length - name.length));
  return [...folders.split("/").slice(0, -1), name];
}

/** Yield dropped files and those in dropped folders, in groups as the browser lists them. */
export async function* droppedFiles(
  data: DataTransfer,
  onFolder: (folder: FolderHandle) => unknown = () => undefined,
): AsyncGenerator<Picked[]> {
  // All of this exists only during the drop event, so ask for it before the first wait.
  const handles = droppedHandles(data);
  const entries = Array.from(data.items, (item) => item.webkitGetAsEntry());
  const files = Array.from(data.files);
  const opened = await handles;
  const found = entries.filter((entry) => entry !== null);
  if (opened !== null) {
    const folders = opened.filter((handle) => handle.kind === "directory");
    if (folders.length === 1 && folders[0] !== undefined) onFolder(folders[0]);
    return yield* withHidden(readFolders(opened), found);
  }
  if (found.length === 0) yield pickedFiles(files);
  yield* open(found);
}

/**
 * Yield the files of handles, and then those that handles leave out: Chromium hides names that other
 * systems forbid, as with `:`, or ending in `.lnk`. Entries have all names, but are read slowly.
 */
async function* withHidden(
  files: AsyncIterable<Picked[]>,
  entries: readonly FileSystemEntry[],
): AsyncGenerator<Picked[]> {
  const seen = new Set<string>();
  for await (const group of files) {
    for (const { path } of group) seen.add(path.join("/"));
    yield group;
  }
  yield* open(entries, seen);
}

type HandleItem = DataTransferItem & {
  getAsFileSystemHandle?(): Promise<AnyHandle | null>;
};

/** Return handles of all that was dropped, which are read faster; null if the browser has none. */
async function droppedHandles(data: DataTransfer): Promise<AnyHandle[] | null> {
  const items = Array.from(data.items).filter(({ kind }) => kind === "file");
  const asked = items.map((item: HandleItem) => item.getAsFileSystemHandle?.());
  const none: (AnyHandle | null | undefined)[] = [];
  const handles = await Promise.all(asked).catch(() => none);
  const found = handles.filter((handle): handle is AnyHandle => Boolean(handle));
  return found.length > 0 && found.length === items.length ? found : null;
}

const NONE: ReadonlySet<string> = new Set();

/** Yield the files of entries, but not those with the paths that were seen. */
async function* open(entries: readonly FileSystemEntry[], seen = NONE): AsyncGenerator<Picked[]> {
  const unseen = entries.filter((entry) => !seen.has(pathOf(entry).join("/")));
  const sorted = unseen.sort((a, b) => compare(a.name, b.name));
  yield await Promise.all(sorted.filter(isFile).map(pick));
  for (const folder of sorted.filter(isFolder)) {
    const reader = folder.createReader();
    try {
      // A reader returns about 100 entries at a time, and none at the end.
      for (let found = await read(reader); found.length > 0; found = await read(reader)) {
        yield* open(found, seen);
      }
    } catch {
      yield [{ path: pathOf(folder), file: null }];
    }
  }
}

async function pick(entry: FileSystemFileEntry): Promise<Picked> {
  const file = await new Promise<File | null>((resolve) => {
    entry.file(resolve, () => resolve(null));
  });
  return { path: pathOf(entry), file };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function read(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => {
    reader.readEntries(resolve, reject);
  });
}

function pathOf(entry: FileSystemEntry): string[] {
  return entry.fullPath.split("/").slice(1);
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
