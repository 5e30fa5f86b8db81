/**
 * Keys: which name an object gets, and which names are not allowed.
 *
 * The same rules as `onecopy.key` in Python; `tests/vectors/keys.json` has the cases for both.
 */

/** Bytes of UTF-8; S3's limit for a key. */
export const LONGEST_KEY = 1024;
/** Bytes of UTF-8; the limit of file systems for one name. */
const LONGEST_NAME = 255;

/** The rule that a name breaks. */
export type Flaw =
  | "empty"
  | "empty-component"
  | "dots"
  | "control"
  | "reserved"
  | "not-utf-8"
  | "too-long";

/** A name that is not allowed as a key. */
export class InvalidKey extends Error {
  override name = "InvalidKey";
  readonly flaw: Flaw;

  constructor(flaw: Flaw) {
    super(`invalid key: ${flaw}; rename the file`);
    this.flaw = flaw;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it rejects
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const RESERVED = /^\.onecopy$/i;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Return the key if it is valid; throws InvalidKey. `room` is the limit in bytes that the tenant's
 * prefix leaves.
 */
export function checkKey(key: string, room = LONGEST_KEY): string {
  const flaw = findFlaw(key, room);
  if (flaw !== null) throw new InvalidKey(flaw);
  return key;
}

function findFlaw(key: string, room: number): Flaw | null {
  if (key === "") return "empty";
  if (LONE_SURROGATE.test(key)) return "not-utf-8";
  if (CONTROL.test(key)) return "control";
  const names = key.split("/");
  if (names.includes("")) return "empty-component";
  if (names.includes(".") || names.includes("..")) return "dots";
  if (names.some((name) => RESERVED.test(name))) return "reserved";
  return bytes(key) > room ? "too-long" : null;
}

/**
 * Return the `n`-th alternative for a key that is taken: ` (n)` before the extension. If that is
 * too long, the name is cut, but not its extension. A name of at most 255 bytes stays within 255
 * bytes, because file systems allow no more. Throws InvalidKey if there is no room.
 */
export function renamed(key: string, n: number, room = LONGEST_KEY): string {
  const slash = key.lastIndexOf("/") + 1;
  const [folder, name] = [key.slice(0, slash), key.slice(slash)];
  const [stem, extension] = splitName(name);
  const tail = ` (${n})${extension}`;
  const limit = bytes(name) <= LONGEST_NAME ? LONGEST_NAME : Number.POSITIVE_INFINITY;
  const left = Math.min(room - bytes(folder), limit) - bytes(tail);
  return checkKey(folder + cut(stem, left) + tail, room);
}

/** Return whether a key is not in NFC form, so that another system may spell it differently. */
export function normalisationDiffers(key: string): boolean {
  return key !== key.normalize("NFC");
}

function splitName(name: string): [stem: string, extension: string] {
  const extension = /\.[A-Za-z0-9]{1,16}$/.exec(name)?.[0] ?? "";
  const stem = name.slice(0, name.length - extension.length);
  return /[^.]/.test(stem) ? [stem, extension] : [name, ""];
}

/** Cut a text to `limit` bytes between code points; throws InvalidKey if nothing is left. */
function cut(text: string, limit: number): string {
  const points = [...text];
  let size = bytes(text);
  while (size > limit && points.length > 0) size -= bytes(points.pop() ?? "");
  if (points.length === 0) throw new InvalidKey("too-long");
  return points.join("");
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
