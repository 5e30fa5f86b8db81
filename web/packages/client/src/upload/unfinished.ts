/**
 * Large uploads in progress, noted in the browser so that a later page can resume them.
 *
 * A note has a ticket, which is valid for one upload of one tenant, and only with a token if the
 * service requires tokens. Errors are ignored: without a note an upload can't be resumed, and nothing
 * else is lost.
 */

import { Observable } from "../observable.ts";

/** Where notes are stored: localStorage, or an object with the same methods. */
export type NoteStorage = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** What identifies an upload: a different or a changed file makes it a different upload. */
export interface UploadIdentity {
  readonly file: File;
  readonly key: string;
}

interface Note {
  readonly ticket: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The page that wrote the note. */
  readonly page: string;
}

/** After this time an upload can't be resumed: its ticket can be renewed for 7 days. */
const MAX_AGE_MS = 8 * 24 * 3600 * 1000;

/** Notes about the uploads of one tenant to one service. Before `open` there are none. */
export class Unfinished {
  readonly #root: string;
  readonly #storage: NoteStorage;
  readonly #locks: LockManager | undefined;
  readonly #page = `onecopy ${Date.now()} ${Math.random()}`;
  readonly #interrupted = new Map<string, Note>();
  readonly #changes = new Observable();
  #scope: string | null = null;
  /** Registers a listener for changes to `interrupted`. */
  readonly subscribe = this.#changes.subscribe;

  /** Without `locks`, as on plain http, uploads of other open pages count as interrupted. */
  constructor(root: string, storage: NoteStorage, locks?: LockManager) {
    this.#root = root;
    this.#storage = storage;
    this.#locks = locks;
  }

  /** Read the notes of a tenant: find the interrupted uploads, and drop notes that are too old. */
  async open(tenant: string): Promise<void> {
    this.#scope = `onecopy-upload ${this.#root} ${tenant} `;
    const open = await this.#openPages();
    for (const name of this.#names(this.#scope)) {
      const note = this.#read(name);
      if (note === null || note.at < Date.now() - MAX_AGE_MS) this.#storage.removeItem(name);
      else if (!open.has(note.page)) this.#interrupted.set(name, note);
    }
    this.#changes.notify();
  }

  /** The keys of uploads that earlier pages began and nobody has resumed. */
  get interrupted(): readonly string[] {
    return Array.from(this.#interrupted.values(), ({ key }) => key);
  }

  /** Return the ticket of an earlier upload of this file, unchanged, to this key. */
  find(upload: UploadIdentity): string | null {
    const name = this.#name(upload);
    return name === null ? null : (this.#read(name)?.ticket ?? null);
  }

  /** Note a ticket, replacing an older one. */
  note(upload: UploadIdentity, ticket: string): void {
    const name = this.#name(upload);
    if (name === null) return;
    const note: Note = { ticket, key: upload.key, at: Date.now(), page: this.#page };
    try {
      this.#storage.setItem(name, JSON.stringify(note));
    } catch {
      // The storage is full or not allowed.
    }
    this.#removeInterrupted(name);
  }

  /** Drop the note of an upload that is over. */
  drop(upload: UploadIdentity): void {
    const name = this.#name(upload);
    if (name === null) return;
    this.#storage.removeItem(name);
    this.#removeInterrupted(name);
  }

  /** Drop the notes of all interrupted uploads; returns their tickets, to be aborted. */
  dropInterrupted(): string[] {
    const tickets = Array.from(this.#interrupted.values(), ({ ticket }) => ticket);
    for (const name of this.#interrupted.keys()) this.#storage.removeItem(name);
    this.#interrupted.clear();
    this.#changes.notify();
    return tickets;
  }

  /** Hold a lock while this page is open; returns the locks of all open pages. */
  async #openPages(): Promise<ReadonlySet<string | undefined>> {
    if (this.#locks === undefined) return new Set();
    try {
      // It is refused where cookies are blocked.
      this.#locks.request(this.#page, () => new Promise(() => undefined)).catch(() => undefined);
      const { held = [] } = await this.#locks.query();
      return new Set(held.map(({ name }) => name));
    } catch {
      return new Set();
    }
  }

  #name({ file, key }: UploadIdentity): string | null {
    if (this.#scope === null) return null;
    return this.#scope + JSON.stringify([key, file.name, file.size, file.lastModified]);
  }

  #names(scope: string): string[] {
    const { length } = this.#storage;
    const names = Array.from({ length }, (_, at) => this.#storage.key(at) ?? "");
    return names.filter((name) => name.startsWith(scope));
  }

  #read(name: string): Note | null {
    try {
      const note = JSON.parse(this.#storage.getItem(name) ?? "") as Note;
      return typeof note.ticket === "string" && typeof note.key === "string" ? note : null;
    } catch {
      return null;
    }
  }

  #removeInterrupted(name: string): void {
    if (this.#interrupted.delete(name)) this.#changes.notify();
  }
}
