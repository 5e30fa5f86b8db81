/** The page's database in the browser: folders to come back to, and digests of files. */

const NAME = "onecopy";
const VERSION = 1;
const OPEN_TIMEOUT_MS = 3_000;

export const STORES = { folders: "folders", digests: "digests" } as const;
type StoreName = keyof typeof STORES;

/** A database, opened when it is first used. Methods throw if the browser does not allow one. */
export class Database {
  readonly #factory: IDBFactory;
  #opened: Promise<IDBDatabase> | null = null;

  constructor(factory: IDBFactory) {
    this.#factory = factory;
  }

  /** Return all values, or those within a range of keys. */
  async all<T>(store: StoreName, range?: IDBKeyRange): Promise<T[]> {
    return await this.#read<T[]>(store, (values) => values.getAll(range));
  }

  async count(store: StoreName): Promise<number> {
    return await this.#read<number>(store, (values) => values.count());
  }

  /** Put values under the keys that they name as `path`. */
  async put<T extends { readonly path: string }>(
    store: StoreName,
    values: readonly T[],
  ): Promise<void> {
    await this.#write(store, (target) => {
      for (const value of values) target.put(value);
    });
  }

  async remove(store: StoreName, path: string): Promise<void> {
    await this.#write(store, (target) => target.delete(path));
  }

  async clear(store: StoreName): Promise<void> {
    await this.#write(store, (target) => target.clear());
  }

  async #read<T>(store: StoreName, ask: (store: IDBObjectStore) => IDBRequest): Promise<T> {
    const database = await this.#open();
    return (await done(ask(database.transaction(store).objectStore(store)))) as T;
  }

  async #write(store: StoreName, act: (store: IDBObjectStore) => unknown): Promise<void> {
    const transaction = (await this.#open()).transaction(store, "readwrite");
    act(transaction.objectStore(store));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= this.#create();
    return this.#opened;
  }

  async #create(): Promise<IDBDatabase> {
    const request = this.#factory.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      for (const name of Object.values(STORES)) {
        request.result.createObjectStore(name, { keyPath: "path" });
      }
    };
    return (await inTime(done(request))) as IDBDatabase;
  }
}

/** A browser may never answer, as with a damaged profile: then there is no database. */
function inTime<T>(opened: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the database was not opened in time")), OPEN_TIMEOUT_MS);
    opened.then(resolve, reject);
  });
}

function done(request: IDBRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
