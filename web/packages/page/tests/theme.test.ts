import { expect, it } from "vitest";
import { nextTheme } from "../src/theme.ts";

it.each([
  [false, "dark", "light"],
  [true, "light", "dark"],
] as const)(
  "changes colours at the first click if the system is dark: %s",
  (isDark, one, other) => {
    expect(nextTheme("system", isDark)).toBe(one);
    expect(nextTheme(one, isDark)).toBe(other);
    expect(nextTheme(other, isDark)).toBe("system");
  },
);
