/** Notification of changes. */

/** Registers a listener that is called after each change; returns a function that removes it. */
export type Subscribe = (listener: () => void) => () => void;

/** A list of listeners. */
export class Observable {
  readonly #listeners = new Set<() => void>();

  readonly subscribe: Subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Call all listeners. */
  notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
