/**
 * Names as people read them.
 *
 * The same rules as on the command line; `tests/vectors/names.json` has the cases for both.
 */

import { normalisationDiffers } from "@onecopy/client";
import { words } from "../words/language.ts";

/**
 * Control characters, line separators, characters that change the direction of text, and halves of
 * surrogate pairs.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it finds
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
/** Characters of scripts that are written from right to left. */
const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const [FIRST_STRONG_ISOLATE, POP_ISOLATE] = ["\u2068", "\u2069"];
const SHORT: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** Return text on one line, with misleading characters escaped as Python escapes them. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escaped(character.charCodeAt(0)));
}

function escaped(code: number): string {
  // Python reads a byte that is not UTF-8 as one of these.
  if (code >= 0xdc80 && code <= 0xdcff) return escaped(code - 0xdc00);
  return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

/** Characters that nobody sees; joiners count only between letters that are not joined. */
const INVISIBLE =
  /\u034f|[\u00ad\u115f\u1160\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0]|(?<=[\p{Script=Latin}\d])[\u200c\u200d]/gu;
/** Cyrillic and Greek letters that look like Latin ones, within a word that also has Latin ones. */
const LOOK_ALIKES = /[аеорсхуіјѕԁһԛԝАВЕКМНОРСТХІЈЅονΑΒΕΖΗΙΚΜΝΟΡΤΥΧ]/gu;
const WORDS = /\p{L}+/gu;

/** Return the characters by which a name looks like another one, as in `U+0430`; often none. */
export function misleading(name: string): string[] {
  const mixed = (name.match(WORDS) ?? []).filter((word) => /\p{Script=Latin}/u.test(word));
  const found = [
    ...(name.match(INVISIBLE) ?? []),
    ...mixed.flatMap((word) => word.match(LOOK_ALIKES) ?? []),
  ];
  return [...new Set(found)].map((each) => `U+${hex(each.codePointAt(0) ?? 0, 4).toUpperCase()}`);
}

/** Return a name that stands alone; one that is not in Unicode NFC may look like another name. */
export function nameText(name: string): string {
  return printable(name) + (normalisationDiffers(name) ? ` ${words.files.name.notNfc}` : "");
}

/** Return a name for use within a sentence, whose words it does not reorder. */
export function nameInText(name: string): string {
  const text = nameText(name);
  return RIGHT_TO_LEFT.test(text) ? FIRST_STRONG_ISOLATE + text + POP_ISOLATE : text;
}
