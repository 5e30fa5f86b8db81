/** Drawing again when something has changed, calmly. */

import { useEffect, useReducer } from "preact/hooks";
import type { Watch } from "../upload/watchers.ts";

/** Milliseconds between two drawings: numbers that change faster can't be read. */
const PACE = 200;

/** Draw the component again when what it watches has changed, at most five times a second. */
export function useChanges(watch: Watch): void {
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  useEffect(() => {
    let last = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = watch(() => {
      timer ??= setTimeout(
        () => {
          timer = undefined;
          last = Date.now();
          draw(undefined);
        },
        Math.max(0, last + PACE - Date.now()),
      );
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [watch]);
}
