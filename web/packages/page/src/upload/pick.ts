/** Files that the user chose or dropped, with their paths from the chosen folder downwards. */

/** A chosen file. */
export interface Picked {
  /** Names, beginning with the chosen file or folder. */
  readonly path: readonly string[];
  /** Null if it can't be read. */
  readonly file: File | null;
}

/** Return the files of an `<input type="file">`, sorted by path. */
export function pickedFiles(files: Iterable<File>): Picked[] {
  return Array.from(files, (file) => ({ name: file.webkitRelativePath, file }))
    .sort((a, b) => compare(a.name, b.name))
    .map(({ file }) => ({ path: relativePath(file), file }));
}

/** Return the path of a file. In `webkitRelativePath`, Chromium has written each `\` as `/`. */
function relativePath({ name, webkitRelativePath: path }: File): string[] {
  const folders = path.slice(0, Math.max(0, path.length - name.length));
  return [...folders.split("/").slice(0, -1), name];
}

/** Yield dropped files and those in dropped folders, in groups as the browser lists them. */
export async function* droppedFiles(data: DataTransfer): AsyncGenerator<Picked[]> {
  // Entries exist only during the drop event, so read all of them before the first wait.
  const entries = Array.from(data.items, (item) => item.webkitGetAsEntry());
  const files = Array.from(data.files);
  const found = entries.filter((entry) => entry !== null);
  if (found.length === 0) yield pickedFiles(files);
  yield* open(found);
}

async function* open(entries: readonly FileSystemEntry[]): AsyncGenerator<Picked[]> {
  const sorted = [...entries].sort((a, b) => compare(a.name, b.name));
  yield await Promise.all(sorted.filter(isFile).map(pick));
  for (const folder of sorted.filter(isFolder)) {
    const reader = folder.createReader();
    try {
      // A reader returns about 100 entries at a time, and none at the end.
      for (let found = await read(reader); found.length > 0; found = await read(reader)) {
        yield* open(found);
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
