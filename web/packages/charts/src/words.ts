/** What charts say besides the words that they are given, and how they write dates. */

export interface ChartWords {
  /** The language of dates. */
  readonly locale: string;
  readonly table: string;
  readonly share: string;
  readonly openFolder: string;
  readonly noFolder: string;
  readonly blank: string;
  readonly nothing: (label: string) => string;
}

export const english: ChartWords = {
  locale: "en-GB",
  table: "Show as a table",
  share: "share",
  openFolder: "Open folder",
  noFolder: "No folder below this one has duplicates.",
  blank: "Blank: files in the folder itself, and folders that are too small to be shown.",
  nothing: (label) => `${label}: nothing yet`,
};

/** The present words. Read them while drawing: a page may change them with its language. */
export let words: ChartWords = english;

/** Let charts speak another language from their next drawing on. */
export function speak(chosen: ChartWords): void {
  words = chosen;
}
