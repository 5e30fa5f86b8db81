/** Redrawing after changes, at a limited rate. */

import type { Subscribe } from "@onecopy/client";
import { useEffect, useReducer } from "preact/hooks";

/** Numbers that change faster can't be read. */
const MIN_INTERVAL_MS = 200;

/** Redraw the component after changes, at most five times a second. */
export function useChanges(subscribe: Subscribe): void {
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  useEffect(() => {
    let last = Number.NEGATIVE_INFINITY;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = subscribe(() => {
      timer ??= setTimeout(
        () => {
          timer = undefined;
          last = performance.now(); // the clock may be set back
          draw(undefined);
        },
        Math.max(0, last + MIN_INTERVAL_MS - performance.now()),
      );
    });
    return () => {
      unsubscribe();
      clearTimeout(timer);
    };
  }, [subscribe]);
}
