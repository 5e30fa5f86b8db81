/** The uploads that earlier pages began and that can be resumed. */

import type { JSX } from "preact";
import { count } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { nameInText } from "../names.ts";

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
    (more > 0 ? ` ${words.drop.andMore(count(more))}` : "");
  return (
    <section class="interrupted" aria-label={words.drop.interrupted}>
      <p>
        {words.drop.interruptedFiles(keys.length, count(keys.length))}{" "}
        <span class="note">{names}</span>
      </p>
      <button type="button" onClick={discard}>
        {words.drop.discard(keys.length)}
      </button>
    </section>
  );
}
