/** The folders that the user wants to check again with one click. */

import { Observable } from "@onecopy/client";
import type { Database } from "./database.ts";
import type { FolderHandle } from "./folders.ts";

/** A folder, by its name: another of the same name replaces it. */
export interface Remembered {
  readonly path: string;
  readonly handle: FolderHandle;
}

export class RememberedFolders {
  readonly #database: Database;
  readonly #changes = new Observable();
  readonly subscribe = this.#changes.subscribe;
  list: readonly Remembered[] = [];
  /** A folder that was chosen on this page, and could be remembered. */
  offered: FolderHandle | null = null;
  /** Whether a folder was read by its handle alone: Chromium hides some names then. */
  hidesNames = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Read which folders are remembered; none if the browser does not keep them. */
  async open(): Promise<void> {
    this.list = await this.#database.all<Remembered>("folders").catch(() => []);
    this.#changes.notify();
  }

  /** Offer to remember a folder, unless it already is; a dropped one was read with all its names. */
  async offer(handle: FolderHandle, hidesNames = false): Promise<void> {
    this.hidesNames ||= hidesNames;
    const known = this.list.find(({ path }) => path === handle.name)?.handle;
    const isKnown = known !== undefined && (await isSame(known, handle));
    this.offered = isKnown ? null : handle;
    this.#changes.notify();
  }

  /** Remember the folder that was offered; returns whether the browser keeps it. */
  async remember(): Promise<boolean> {
    const handle = this.offered;
    if (handle === null) return true;
    this.offered = null;
    const folder: Remembered = { path: handle.name, handle };
    const isKept = await this.#database.put("folders", [folder]).then(
      () => true,
      () => false,
    );
    await this.open();
    return isKept;
  }

  async forget({ path }: Remembered): Promise<void> {
    await this.#database.remove("folders", path).catch(() => undefined);
    await this.open();
  }
}

/** Return whether two handles are for one folder; another may have the same name. */
async function isSame(known: FolderHandle, other: FolderHandle): Promise<boolean> {
  return known === other || ((await known.isSameEntry?.(other)) ?? true);
}

/** Ask the user for permission to read a folder; returns whether it was given. */
export async function mayRead(handle: FolderHandle): Promise<boolean> {
  const answer = await handle.requestPermission?.({ mode: "read" });
  return answer === undefined || answer === "granted";
}
