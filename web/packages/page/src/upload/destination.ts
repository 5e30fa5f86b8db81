/** The folder of the store into which chosen files go, and those that were used before. */

import { checkKey } from "@onecopy/client";

const NAME = "onecopy-folders";
const MAX_FOLDERS = 8;

/** Return a folder as it is stored: without slashes at its ends. */
export function cleanFolder(text: string): string {
  return text.trim().replace(/^\/+|\/+$/g, "");
}

/** Return whether files can be stored below a folder; `""` is the top folder. */
export function isFolder(folder: string, room: number): boolean {
  try {
    if (folder !== "") checkKey(`${folder}/a`, room);
    return true;
  } catch {
    return false;
  }
}

/** The folders that were used last, the last one first. */
export class RecentFolders {
  readonly #storage: Pick<Storage, "getItem" | "setItem">;

  constructor(storage: Pick<Storage, "getItem" | "setItem">) {
    this.#storage = storage;
  }

  get list(): readonly string[] {
    try {
      const stored: unknown = JSON.parse(this.#storage.getItem(NAME) ?? "[]");
      return Array.isArray(stored) ? stored.filter((each) => typeof each === "string") : [];
    } catch {
      return [];
    }
  }

  /** Put a folder first; the top folder, too, so that it is the one of the next visit. */
  use(folder: string): void {
    const folders = [folder, ...this.list.filter((each) => each !== folder)];
    try {
      this.#storage.setItem(NAME, JSON.stringify(folders.slice(0, MAX_FOLDERS)));
    } catch {
      // The storage is full or not allowed: it is not remembered.
    }
  }
}
