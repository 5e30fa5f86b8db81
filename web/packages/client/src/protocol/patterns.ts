/**
 * Patterns of keys in the syntax of .gitignore (https://git-scm.com/docs/gitignore).
 *
 * The service checks its patterns before it reports them, so an invalid one is not expected here.
 */

interface Rule {
  readonly expression: RegExp;
  /** False for a pattern that begins with `!`. */
  readonly included: boolean;
}

/** Tokens of a pattern: an escaped character, a set, stars, `?`, or any other character. */
const TOKENS = /\\(.)|\[([!^]?)(\]?[^\]]*)\]|(\*+)|(\?)|(.)/gsu;
const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

/** Return a function that returns whether a key matches, or is in a folder that does. */
export function matcher(patterns: readonly string[]): (key: string) => boolean {
  const rules = patterns.map(parse);
  return (key) => rules.findLast(({ expression }) => expression.test(key))?.included ?? false;
}

function parse(pattern: string): Rule {
  const included = !pattern.startsWith("!");
  const body = (included ? pattern : pattern.slice(1)).replace(/(?<!\\)\s+$/, "");
  const isFolder = body.endsWith("/");
  const names = body.replace(/^\//, "").replace(/\/$/, "").split("/");
  // Only a pattern of one name matches at every level.
  const isAnchored = body.startsWith("/") || names.length > 1;
  const path = names.map((name, at) => translate(name, at === names.length - 1)).join("");
  const end = isFolder ? "/" : "(?:/|$)";
  // `a/**` ends in any names, but `**/` matches folders only.
  const isComplete = names.at(-1) === "**" && !(isFolder && names.length === 1);
  const source = `^${isAnchored ? "" : "(?:.*/)?"}${path}${isComplete ? "" : end}`;
  return { expression: new RegExp(source, "su"), included };
}

/** Translate one name, with the slash after it unless it is the last. */
function translate(name: string, isLast: boolean): string {
  if (name === "**") return isLast ? ".+" : "(?:.*/)?";
  return name.replace(TOKENS, expression) + (isLast ? "" : "/");
}

function expression(
  _: string,
  escaped: string | undefined,
  negation: string | undefined,
  set: string | undefined,
  stars: string | undefined,
  one: string | undefined,
  plain: string | undefined,
): string {
  if (set !== undefined) return `[${negation ? "^/" : ""}${set.replace(/[\\\]^[]/g, "\\$&")}]`;
  if (stars !== undefined) return "[^/]*";
  if (one !== undefined) return "[^/]";
  return (escaped ?? plain ?? "").replace(SPECIAL, "\\$&");
}
