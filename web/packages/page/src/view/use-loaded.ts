/** What a view shows, loaded from the service when it appears. */

import { useEffect, useState } from "preact/hooks";

/** What is known so far; `error` is why there is no more. */
export interface Loaded<T> {
  readonly value: T | null;
  readonly error: unknown;
}

/** Call `load` when the view appears, and each time `key` changes; stops when it disappears. */
export function useLoaded<T>(
  load: (show: (value: T) => void, signal: AbortSignal) => Promise<void>,
  key: string,
): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ value: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    const show = (value: T) => {
      if (!stop.signal.aborted) setLoaded({ value, error: null });
    };
    load(show, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) setLoaded(({ value }) => ({ value, error }));
    });
    return () => stop.abort();
  }, [key]);
  return loaded;
}
