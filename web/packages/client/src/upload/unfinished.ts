/**
 * Which large uploads are under way, noted so that a later page can go on with them.
 *
 * A note names a ticket, which is good for one upload of one tenant, and only with a token where
 * the service asks for tokens. What can't be noted or read costs a resumption and nothing else:
 * errors are no errors here.
 */

import { Watchers } from "./watchers.ts";

/** Where notes are kept: localStorage, or anything like it. */
export type Notes = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

/** What an upload is known by: another file, or a changed one, is another upload. */
export interface Known {
  readonly file: File;
  readonly key: string;
}

interface Note {
  readonly ticket: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Which page took it. */
  readonly page: string;
}

/** Milliseconds after which an upload can't be gone on with: its ticket is renewed for 7 days. */
const LONGEST = 8 * 24 * 3600 * 1000;

/** The notes of one service; of one of its tenants, as soon as that is known. */
export class Unfinished {
  readonly #root: string;
  readonly #notes: Notes;
  readonly #locks: LockManager | undefined;
  readonly #page = `onecopy ${Date.now()} ${Math.random()}`;
  readonly #left = new Map<string, Note>();
  readonly #watchers = new Watchers();
  #scope: string | null = null;
  /** Tells of each change to what is left. */
  readonly watch = this.#watchers.add;

  /** Without locks (plain http has none) uploads of other open pages count as interrupted. */
  constructor(root: string, notes: Notes, locks?: LockManager) {
    this.#root = root;
    this.#notes = notes;
    this.#locks = locks;
  }

  /** Begin with the notes of a tenant: find what earlier pages left, and drop what is too old. */
  async open(tenant: string): Promise<void> {
    this.#scope = `onecopy-upload ${this.#root} ${tenant} `;
    const open = await this.#openPages();
    for (const name of this.#names(this.#scope)) {
      const note = this.#read(name);
      if (note === null || note.at < Date.now() - LONGEST) this.#remove(name);
      else if (!open.has(note.page)) this.#left.set(name, note);
    }
    this.#watchers.call();
  }

  /** The keys of uploads that earlier pages left, and that were not gone on with. */
  get left(): readonly string[] {
    return Array.from(this.#left.values(), ({ key }) => key);
  }

  /** Return the ticket under which this file, unchanged, was being uploaded to this key. */
  find(upload: Known): string | null {
    const name = this.#name(upload);
    return name === null ? null : (this.#read(name)?.ticket ?? null);
  }

  /** Note a ticket, in place of an older one. */
  note(upload: Known, ticket: string): void {
    const name = this.#name(upload);
    if (name === null) return;
    const note: Note = { ticket, key: upload.key, at: Date.now(), page: this.#page };
    try {
      this.#notes.setItem(name, JSON.stringify(note));
    } catch {
      // No room, or not allowed.
    }
    this.#isLeftNoMore(name);
  }

  /** Drop a note: the upload is over. */
  drop(upload: Known): void {
    const name = this.#name(upload);
    if (name === null) return;
    this.#remove(name);
    this.#isLeftNoMore(name);
  }

  /** Drop the notes of what is left; returns their tickets, to be given up. */
  dropLeft(): string[] {
    const tickets = Array.from(this.#left.values(), ({ ticket }) => ticket);
    for (const name of this.#left.keys()) this.#remove(name);
    this.#left.clear();
    this.#watchers.call();
    return tickets;
  }

  /** Hold a lock as long as this page lives; returns those that others hold. */
  async #openPages(): Promise<ReadonlySet<string | undefined>> {
    if (this.#locks === undefined) return new Set();
    void this.#locks.request(this.#page, () => new Promise(() => undefined));
    const { held = [] } = await this.#locks.query();
    return new Set(held.map(({ name }) => name));
  }

  #name({ file, key }: Known): string | null {
    if (this.#scope === null) return null;
    return this.#scope + JSON.stringify([key, file.name, file.size, file.lastModified]);
  }

  #names(scope: string): string[] {
    const names = Array.from({ length: this.#notes.length }, (_, at) => this.#notes.key(at) ?? "");
    return names.filter((name) => name.startsWith(scope));
  }

  #read(name: string): Note | null {
    try {
      const note = JSON.parse(this.#notes.getItem(name) ?? "") as Note;
      return typeof note.ticket === "string" && typeof note.key === "string" ? note : null;
    } catch {
      return null;
    }
  }

  #remove(name: string): void {
    this.#notes.removeItem(name);
  }

  #isLeftNoMore(name: string): void {
    if (this.#left.delete(name)) this.#watchers.call();
  }
}
