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
  offer(handle: FolderHandle, hidesNames = false): void {
    this.hidesNames ||= hidesNames;
    this.offered = this.list.some(({ path }) => path === handle.name) ? null : handle;
    this.#changes.notify();
  }

  /** Remember the folder that was offered. */
  async remember(): Promise<void> {
    const handle = this.offered;
    if (handle === null) return;
    this.offered = null;
    const folder: Remembered = { path: handle.name, handle };
    await this.#database.put("folders", [folder]).catch(() => undefined);
    await this.open();
  }

  async forget({ path }: Remembered): Promise<void> {
    await this.#database.remove("folders", path).catch(() => undefined);
    await this.open();
  }
}

/** Ask the user for permission to read a folder; returns whether it was given. */
export async function mayRead(handle: FolderHandle): Promise<boolean> {
  const answer = await handle.requestPermission?.({ mode: "read" });
  return answer === undefined || answer === "granted";
}
