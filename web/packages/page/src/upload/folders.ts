/** Folders that the browser may read again later: File System Access, where it exists. */

import type { Picked } from "./picked.ts";

/** Files of a folder that are opened at the same time. */
const LANES = 32;

interface Handle {
  readonly name: string;
}

/** A file that can be opened; the browser's FileSystemFileHandle. */
export interface FileHandle extends Handle {
  readonly kind: "file";
  getFile(): Promise<File>;
}

/** A folder that can be read; the browser's FileSystemDirectoryHandle. */
export interface FolderHandle extends Handle {
  readonly kind: "directory";
  values(): AsyncIterable<AnyHandle>;
  isSameEntry?(other: FolderHandle): Promise<boolean>;
  /** Not in all browsers, and not needed in those. */
  requestPermission?(how: { mode: "read" }): Promise<"granted" | "denied" | "prompt">;
}

export type AnyHandle = FileHandle | FolderHandle;

type Picker = (options: { mode: "read" }) => Promise<FolderHandle>;

/** Return the browser's dialog for a folder; undefined if it has none. */
export function folderPicker(): Picker | undefined {
  return (globalThis as { showDirectoryPicker?: Picker }).showDirectoryPicker?.bind(globalThis);
}

/** Return whether an error means that the user closed the dialog. */
export function wasClosed(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Yield the files of these handles, folder by folder, sorted by name. */
export async function* filesOf(
  handles: readonly AnyHandle[],
  above: readonly string[] = [],
): AsyncGenerator<Picked[]> {
  const sorted = [...handles].sort(byName);
  const files = sorted.filter((handle) => handle.kind === "file");
  for (let from = 0; from < files.length; from += LANES) {
    yield await Promise.all(files.slice(from, from + LANES).map((file) => pick(file, above)));
  }
  for (const folder of sorted) {
    if (folder.kind !== "directory") continue;
    const path = [...above, folder.name];
    const inside = await list(folder);
    if (inside === null) yield [{ path, file: null }];
    else yield* filesOf(inside, path);
  }
}

async function pick(handle: FileHandle, above: readonly string[]): Promise<Picked> {
  const file = await handle.getFile().catch(() => null);
  return { path: [...above, handle.name], file };
}

/** Return what a folder has; null if it can't be read. */
async function list(folder: FolderHandle): Promise<AnyHandle[] | null> {
  const found: AnyHandle[] = [];
  try {
    for await (const handle of folder.values()) found.push(handle);
    return found;
  } catch {
    return null;
  }
}

function byName(a: Handle, b: Handle): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}
