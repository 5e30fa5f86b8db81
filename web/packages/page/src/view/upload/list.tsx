/** The list of files. Only the rows in view are in the document, so that long lists stay fast. */

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import type { Item } from "../../upload/selection.ts";
import { words } from "../../words/language.ts";

/** Rows above and below the view that are drawn in advance of scrolling. */
const EXTRA_ROWS = 8;
/** A row is a line on wide screens, and a card on narrow ones. */
const [LINE_HEIGHT_PX, CARD_HEIGHT_PX] = [66, 164];
const NARROW_SCREEN = "(max-width: 860px)";

interface Props {
  readonly items: readonly Item[];
  /** What chose the items: when it changes, the list is shown from its beginning. */
  readonly filter: unknown;
  readonly row: (item: Item) => JSX.Element;
}

/** Draw the rows in view. All have the same height and are positioned absolutely. */
export function List({ items, filter, row }: Props): JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  useWindowChanges();
  useLayoutEffect(() => {
    const { current } = list;
    if (current !== null && current.getBoundingClientRect().top < 0) current.scrollIntoView();
  }, [filter]);
  const height = matchMedia(NARROW_SCREEN).matches ? CARD_HEIGHT_PX : LINE_HEIGHT_PX;
  const top = list.current?.getBoundingClientRect().top ?? 0;
  const first = Math.max(0, Math.floor(-top / height) - EXTRA_ROWS);
  const last = Math.min(items.length, Math.ceil((innerHeight - top) / height) + EXTRA_ROWS);
  return (
    <ul
      class="list"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move from here to the rows
      tabIndex={0}
      ref={list}
      style={{ height: `${items.length * height}px` }}
      aria-label={words.list.region}
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

/** Redraw when the window is scrolled or resized. */
function useWindowChanges(): void {
  const [, draw] = useReducer((drawn: number) => drawn + 1, 0);
  useEffect(() => {
    let frame = 0;
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => draw(undefined));
    };
    soon(); // the first drawing did not know the position of the list
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, []);
}

/** Move the focus: Down from the list to its first row, Up and Down from row to row. */
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
