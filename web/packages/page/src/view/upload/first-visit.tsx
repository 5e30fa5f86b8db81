/** What will happen, in three lines and a picture, for somebody who has not been here before. */

import type { JSX } from "preact";
import { words } from "../../words/language.ts";

export function FirstVisit(): JSX.Element {
  const { title, lines } = words.drop.firstVisit;
  return (
    <section class="first-visit" aria-label={title}>
      <Picture />
      <ol>
        {lines.map(([what, more]) => (
          <li key={what}>
            <b>{what}</b> {more}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Three files on the left: one goes into the store on the right, which has the other two. */
function Picture(): JSX.Element {
  return (
    <svg viewBox="0 0 240 112" width="240" height="112" aria-hidden="true" class="picture">
      <rect class="store-box" x="160" y="4" width="74" height="104" rx="9" />
      <path
        class="known"
        d="M6 6h26v32H6z M6 76h26v32H6z M170 14h24v28h-24z M170 70h24v28h-24z M201 14h24v28h-24z M201 70h24v28h-24z"
      />
      <path class="fresh" d="M6 41h26v32H6z M170 45h24v22h-24z" />
      <path class="way" d="M44 57H148" />
      <path class="way-head" d="M142 51l7 6-7 6" />
      <path class="stop" d="M44 22h28 M44 92h28" />
      <circle class="stop" cx="86" cy="22" r="9" />
      <circle class="stop" cx="86" cy="92" r="9" />
      <path class="tick" d="M82 22l3 3 5-6 M82 92l3 3 5-6" />
    </svg>
  );
}
