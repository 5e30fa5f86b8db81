/** The list of files: only the rows that can be seen are in the document. */

import type { JSX } from "preact";
import { useEffect, useReducer, useRef } from "preact/hooks";
import type { Item } from "../upload/selection.ts";

/** Rows above and below the window, so that scrolling finds them drawn. */
const MARGIN = 8;
/** Pixels; a row is a table's line on wide screens, and a card on narrow ones. */
const [WIDE, NARROW] = [60, 118];
const CARDS = "(max-width: 640px)";

interface Props {
  readonly items: readonly Item[];
  readonly row: (item: Item) => JSX.Element;
}

/** Draw rows of equal height, placed by hand, as far as the window shows them. */
export function List({ items, row }: Props): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  useWindow();
  const height = matchMedia(CARDS).matches ? NARROW : WIDE;
  const top = list.current?.getBoundingClientRect().top ?? 0;
  const first = Math.max(0, Math.floor(-top / height) - MARGIN);
  const last = Math.min(items.length, Math.ceil((innerHeight - top) / height) + MARGIN);
  return (
    <ul
      class="list"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: from here the arrow keys go to the rows
      tabIndex={0}
      ref={list}
      style={{ height: `${items.length * height}px` }}
      aria-label="Files"
      onKeyDown={(event) => moveFocus(event, height)}
    >
      {items.slice(first, last).map((item, at) => (
        <li
          key={item.id}
          class={`row ${item.state}`}
          style={{ height: `${height}px`, top: `${(first + at) * height}px` }}
          tabIndex={-1}
          aria-setsize={items.length}
          aria-posinset={first + at + 1}
          data-testid="row"
          data-key={item.key}
          data-state={item.state}
        >
          {row(item)}
        </li>
      ))}
    </ul>
  );
}

/** Draw again when the window is scrolled or has another size. */
function useWindow(): void {
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  useEffect(() => {
    let frame = 0;
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => draw(undefined));
    };
    soon(); // the first drawing did not know where the list begins
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, []);
}

/** Down goes from the list to its first row; Up and Down go from row to row. */
function moveFocus(event: KeyboardEvent, height: number): void {
  const here = event.target instanceof Element ? event.target.closest("li, ul") : null;
  const inside = here?.localName === "ul" ? here.firstElementChild : here?.nextElementSibling;
  const next = { ArrowDown: inside, ArrowUp: here?.previousElementSibling };
  const target = next[event.key as keyof typeof next];
  if (!(target instanceof HTMLElement)) return;
  event.preventDefault();
  target.focus({ preventScroll: true });
  const { top, bottom } = target.getBoundingClientRect();
  if (top < height) scrollBy(0, top - height);
  else if (bottom > innerHeight) scrollBy(0, bottom - innerHeight);
}
