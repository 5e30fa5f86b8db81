/** The uploads that earlier pages began and that can be resumed. */

import type { JSX } from "preact";
import { nameInText } from "./names.ts";
import { count, describeInterrupted } from "./words.ts";

const MAX_NAMES = 3;

interface Props {
  readonly keys: readonly string[];
  readonly discard: () => void;
}

export function Interrupted({ keys, discard }: Props): JSX.Element | null {
  if (keys.length === 0) return null;
  const more = keys.length - MAX_NAMES;
  const names =
    keys.slice(0, MAX_NAMES).map(nameInText).join(", ") +
    (more > 0 ? ` and ${count(more)} more` : "");
  return (
    <section class="interrupted" aria-label="Interrupted uploads">
      <p>
        {describeInterrupted(keys)} <span class="note">{names}</span>
      </p>
      <button type="button" onClick={discard}>
        Discard {keys.length === 1 ? "it" : "them"}
      </button>
    </section>
  );
}
