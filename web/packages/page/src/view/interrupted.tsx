/** What earlier pages left undone, said quietly. */

import type { JSX } from "preact";
import { count, sayInterrupted } from "./words.ts";

/** Names that are shown. */
const MOST = 3;

interface Props {
  readonly keys: readonly string[];
  readonly giveUp: () => void;
}

export function Interrupted({ keys, giveUp }: Props): JSX.Element | null {
  if (keys.length === 0) return null;
  const more = keys.length - MOST;
  const names = keys.slice(0, MOST).join(", ") + (more > 0 ? ` and ${count(more)} more` : "");
  return (
    <section class="interrupted" aria-label="Interrupted uploads">
      <p>
        {sayInterrupted(keys)} <span class="note">{names}</span>
      </p>
      <button type="button" onClick={giveUp}>
        Give {keys.length === 1 ? "it" : "them"} up
      </button>
    </section>
  );
}
