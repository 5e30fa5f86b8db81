/** Keeping the place of people who use the keyboard. */

/** Text fields are left out: on a phone, focusing one opens the keyboard. */
const FOCUSABLE = "a, button, select, summary, [tabindex]";

/** When the focused element disappears, focus the nearest one before it that is still there. */
export function keepFocus(page: Document): void {
  const all = () => [...page.querySelectorAll<HTMLElement>(FOCUSABLE)];
  let focused: Element | null = null;
  let before: readonly HTMLElement[] = [];
  page.addEventListener("focusin", () => {
    focused = page.activeElement;
    const follows = (each: Element) => focused?.compareDocumentPosition(each) ?? 0;
    const isBefore = (each: Element) => follows(each) & Node.DOCUMENT_POSITION_PRECEDING;
    before = all().filter(isBefore).reverse();
  });
  const restore = () => {
    if (page.activeElement !== page.body || (focused?.isConnected ?? true)) return;
    for (const each of [...before, ...all()]) {
      each.focus({ preventScroll: true }); // does nothing to what is hidden or gone
      if (page.activeElement === each) return;
    }
  };
  new MutationObserver(restore).observe(page.body, { childList: true, subtree: true });
}
