/** The page's colours, which a canvas can't take from CSS by itself. */

import { useEffect, useState } from "preact/hooks";

/** Custom properties that the page defines; see charts.css. */
type Name = "accent" | "accent-tint" | "ink" | "line" | "paper" | "soft" | `c${number}`;

/** Return the present value of a custom property. */
export function colour(name: Name): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Return a number that changes with the colours: by the system's preference, or by a switch. */
export function useColours(): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const change = () => setVersion((before) => before + 1);
    const preference = matchMedia("(prefers-color-scheme: dark)");
    preference.addEventListener("change", change);
    const observer = new MutationObserver(change);
    observer.observe(document.documentElement, { attributes: true });
    return () => {
      preference.removeEventListener("change", change);
      observer.disconnect();
    };
  }, []);
  return version;
}
