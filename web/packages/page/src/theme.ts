/** Light or dark: as the system prefers, or as the user chose. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const NAME = "onecopy-theme";

/** Return the theme that the user chose, or that of the system. */
export function chosenTheme(storage: Pick<Storage, "getItem">): Theme {
  const chosen = storage.getItem(NAME);
  return THEMES.find((theme) => theme === chosen) ?? "system";
}

/** Return the theme after this one: at first the one that does not look like the system's. */
export function nextTheme(theme: Theme, isSystemDark: boolean): Theme {
  const [other, same] = isSystemDark ? (["light", "dark"] as const) : (["dark", "light"] as const);
  if (theme === "system") return other;
  return theme === other ? same : "system";
}

/** Show the page in a theme. */
export function showTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
}

/** Show the page in a theme, and keep it for later visits. */
export function chooseTheme(storage: Pick<Storage, "setItem">, theme: Theme): void {
  storage.setItem(NAME, theme);
  showTheme(theme);
}
