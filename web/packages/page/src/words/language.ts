/** The language of the page: which words it shows, and where the choice is kept. */

import { speak } from "@onecopy/charts/words.ts";
import { en, type Words } from "./en.ts";

/** The languages, by their own names. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

/** The present language and its words. Read them while drawing: they change with the language. */
export let language: Language = "en";
export let words: Words = en;

const NAME = "onecopy-language";

/** Return the language that the user chose, or else the first of the browser's that there is. */
export function preferredLanguage(
  storage: Pick<Storage, "getItem">,
  wanted: readonly string[],
): Language {
  const found = [storage.getItem(NAME) ?? "", ...wanted].map((tag) => tag.split("-")[0] ?? "");
  return found.find(isLanguage) ?? "en";
}

/** Show the page in a language from now on; if its words can't be loaded, nothing changes. */
export async function setLanguage(chosen: Language): Promise<void> {
  const found = chosen === "de" ? await loadGerman() : en;
  if (found === null) return;
  words = found;
  language = chosen;
  speak(found.charts);
  document.documentElement.lang = chosen;
}

/** Without its words, the page must still be shown. */
async function loadGerman(): Promise<Words | null> {
  return await import("./de.ts").then(
    ({ de }) => de,
    () => null,
  );
}

/** Use a language, and keep it for later visits. */
export async function chooseLanguage(
  storage: Pick<Storage, "setItem">,
  chosen: Language,
): Promise<void> {
  storage.setItem(NAME, chosen);
  await setLanguage(chosen);
}

function isLanguage(tag: string): tag is Language {
  return Object.hasOwn(LANGUAGES, tag);
}
