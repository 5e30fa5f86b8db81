/** The views of the page. The address names the one that is shown, so that Back works. */

import type { ComponentType, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Words } from "../words/en.ts";
import { words } from "../words/language.ts";
import { Banner } from "./failed.tsx";

export type View = keyof Words["header"]["viewNames"];

/** Return the view that is shown, and follow the address. */
export function useView(): View {
  const [view, setView] = useState(viewInAddress);
  useEffect(() => {
    const follow = () => setView(viewInAddress());
    addEventListener("hashchange", follow);
    follow(); // it may have changed since it was drawn
    return () => removeEventListener("hashchange", follow);
  }, []);
  return view;
}

function viewInAddress(): View {
  const name = location.hash.slice(1);
  return Object.hasOwn(words.header.viewNames, name) ? (name as View) : "upload";
}

/** Go to a view. */
export function show(view: View): void {
  if (viewInAddress() !== view) location.hash = view;
}

/** Links to all views. */
export function ViewLinks({ view }: { readonly view: View }): JSX.Element {
  return (
    <nav class="views" aria-label={words.header.views}>
      {(Object.keys(words.header.viewNames) as View[]).map((name) => (
        <a key={name} href={`#${name}`} aria-current={name === view ? "page" : undefined}>
          {words.header.viewNames[name]}
        </a>
      ))}
    </nav>
  );
}

interface LazyProps<P extends object> {
  /** Load the component; always the same function. */
  readonly load: () => Promise<ComponentType<P>>;
  readonly props: P;
}

/** A component whose code is loaded when it is first shown. */
export function Lazy<P extends object>({ load, props }: LazyProps<P>): JSX.Element {
  const [{ Loaded, failed }, setState] = useState<{
    readonly Loaded: ComponentType<P> | null;
    readonly failed: boolean;
  }>({ Loaded: null, failed: false });
  const tryLoading = () =>
    void load().then(
      (Loaded) => setState({ Loaded, failed: false }),
      () => setState({ Loaded: null, failed: true }),
    );
  useEffect(tryLoading, [load]);
  const problem = useRef<HTMLDivElement>(null);
  // It may be below a long list.
  useEffect(() => problem.current?.scrollIntoView({ block: "nearest" }), [failed]);
  if (failed) {
    return (
      <div ref={problem}>
        <Banner text={words.common.viewFailed} retry={tryLoading} />
      </div>
    );
  }
  return Loaded === null ? <p class="note">{words.common.loading}</p> : <Loaded {...props} />;
}
