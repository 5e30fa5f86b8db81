/** Who wants to know that something has changed. */

/** Calls its watcher after each change; returns how to stop it. */
export type Watch = (watcher: () => void) => () => void;

/** Calls everybody who watches. */
export class Watchers {
  readonly #watchers = new Set<() => void>();

  readonly add: Watch = (watcher) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Say that something has changed. */
  call(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
