/**
 * Digests of files in chosen folders, kept in the browser by folder, name, size and date.
 *
 * A kept digest may only ask whether its content is stored: a file could have changed and kept its
 * size and date. What is uploaded is always read, and a digest that is then found to be wrong is
 * dropped. Errors of the database are ignored: files are then read again, and nothing else is lost.
 */

import { Observable } from "@onecopy/client";
import type { Database } from "./database.ts";

/** Size in bytes, date in milliseconds since 1970, and digests as `scheme:hex`. */
type Entry = readonly [size: number, modified: number, digests: readonly string[]];

/** The files of one folder, without those below it: one record, since many small ones are slow. */
interface Folder {
  readonly path: string;
  readonly files: Record<string, Entry>;
}

type FileIdentity = Pick<File, "size" | "lastModified">;

export class DigestCache {
  readonly #database: Database;
  readonly #folders = new Map<string, Map<string, Entry>>();
  readonly #loading = new Map<string, Promise<void>>();
  readonly #unsaved = new Set<string>();
  readonly #changes = new Observable();
  readonly subscribe = this.#changes.subscribe;
  /** The number of folders of which digests are kept. */
  folders = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Find out how much is kept. */
  async open(): Promise<void> {
    this.folders = await this.#database.count("digests").catch(() => 0);
    this.#changes.notify();
  }

  /** Return the digests of a file that seems unchanged; null if there are none. */
  async find(path: string, file: FileIdentity): Promise<readonly string[] | null> {
    const [folder, name] = split(path);
    if (folder === "") return null;
    await this.#load(folder);
    const entry = this.#folders.get(folder)?.get(name);
    return entry !== undefined && isSame(entry, file) ? entry[2] : null;
  }

  /** Keep the digests of a file that was read; drops those that contradict them. */
  keep(path: string, file: FileIdentity, digests: readonly string[]): void {
    const [folder, name] = split(path);
    if (folder === "" || digests.length === 0) return;
    const files = this.#folders.get(folder) ?? new Map<string, Entry>();
    this.#folders.set(folder, files);
    this.#unsaved.add(folder);
    const before = files.get(name);
    // Its size and date say nothing about this file, so nothing is kept of it this time.
    if (before !== undefined && isSame(before, file) && contradicts(before[2], digests)) {
      files.delete(name);
    } else files.set(name, [file.size, file.lastModified, digests]);
  }

  /** Write what has changed. */
  async save(): Promise<void> {
    const paths = [...this.#unsaved];
    if (paths.length === 0) return;
    this.#unsaved.clear();
    try {
      // Otherwise what earlier pages kept of a folder would be replaced.
      for (const path of paths) await this.#load(path);
      await this.#database.put(
        "digests",
        paths.map((path) => this.#record(path)),
      );
      await this.open();
    } catch {
      // The database is full or not allowed.
    }
  }

  /** Forget everything. */
  async clear(): Promise<void> {
    this.#folders.clear();
    this.#unsaved.clear();
    await this.#database.clear("digests").catch(() => undefined);
    await this.open();
  }

  #record(path: string): Folder {
    return { path, files: Object.fromEntries(this.#folders.get(path) ?? []) };
  }

  /** Load all folders below the chosen one together: one request is faster than many. */
  #load(folder: string): Promise<void> {
    const top = folder.split("/", 1)[0] ?? "";
    const loading = this.#loading.get(top) ?? this.#loadBelow(top);
    this.#loading.set(top, loading);
    return loading;
  }

  async #loadBelow(top: string): Promise<void> {
    try {
      const range = IDBKeyRange.bound(top, `${top}/\uffff`);
      for (const { path, files } of await this.#database.all<Folder>("digests", range)) {
        const kept = new Map(Object.entries(files));
        // What was read since is newer.
        for (const [name, entry] of this.#folders.get(path) ?? []) kept.set(name, entry);
        this.#folders.set(path, kept);
      }
    } catch {
      // Nothing is kept, then.
    }
  }
}

function split(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
}

function isSame([size, modified]: Entry, file: FileIdentity): boolean {
  return size === file.size && modified === file.lastModified;
}

/** Return whether both have a digest under the same scheme that differs. */
function contradicts(kept: readonly string[], found: readonly string[]): boolean {
  const values = new Map(found.map((digest) => parts(digest)));
  return kept
    .map((digest) => parts(digest))
    .some(([scheme, value]) => {
      const other = values.get(scheme);
      return other !== undefined && other !== value;
    });
}

function parts(digest: string): [scheme: string, value: string] {
  const colon = digest.lastIndexOf(":");
  return [digest.slice(0, colon), digest.slice(colon + 1)];
}
