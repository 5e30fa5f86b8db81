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
      <g class="file known">
        <rect x="6" y="6" width="26" height="32" rx="4" />
        <rect x="6" y="76" width="26" height="32" rx="4" />
      </g>
      <g class="file fresh">
        <rect x="6" y="41" width="26" height="32" rx="4" />
      </g>
      <path class="way" d="M44 57 H148" />
      <path class="way-head" d="M142 51 l7 6 -7 6" />
      <g class="stop">
        <path d="M44 22 h28 M44 92 h28" />
        <circle cx="86" cy="22" r="9" />
        <circle cx="86" cy="92" r="9" />
        <path class="tick" d="M82 22 l3 3 5 -6 M82 92 l3 3 5 -6" />
      </g>
      <rect class="store-box" x="160" y="4" width="74" height="104" rx="9" />
      <g class="file known">
        <rect x="170" y="14" width="24" height="28" rx="4" />
        <rect x="170" y="70" width="24" height="28" rx="4" />
        <rect x="201" y="14" width="24" height="28" rx="4" />
        <rect x="201" y="70" width="24" height="28" rx="4" />
      </g>
      <g class="file fresh">
        <rect x="170" y="45" width="24" height="22" rx="4" />
      </g>
    </svg>
  );
}
