/** Return a share as in `12%`; `<1%` if it is not nothing. */
export function share(part: number, whole: number): string {
  const percent = whole > 0 ? (100 * part) / whole : 0;
  return percent > 0 && percent < 1 ? "<1%" : `${Math.round(percent)}%`;
}
