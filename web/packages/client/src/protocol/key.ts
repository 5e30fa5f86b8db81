/**
 * Path to key: which name an object gets, and which names no store may hold.
 *
 * The same rule as `onecopy.key` in Python, bound to it by `tests/vectors/keys.json`.
 */

/** Bytes of UTF-8; S3's limit for a key. */
export const LONGEST_KEY = 1024;
/** Bytes of UTF-8; what file systems hold as one name. */
const LONGEST_NAME = 255;

/** The rule that a name breaks. */
export type Flaw =
  | "empty"
  | "slash"
  | "empty-component"
  | "dots"
  | "control"
  | "reserved"
  | "not-utf-8"
  | "too-long";

/** A name that no store may hold. */
export class InvalidKey extends Error {
  override name = "InvalidKey";
  readonly flaw: Flaw;

  constructor(flaw: Flaw) {
    super(`no key: ${flaw}`);
    this.flaw = flaw;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const RESERVED = /^\.onecopy$/i;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Return the key of a file, from its path's components: from the name of what was chosen, file or
 * folder, downwards. `room` is what the tenant's prefix leaves, in bytes. Throws InvalidKey.
 */
export function keyOf(path: readonly string[], to = "", room = LONGEST_KEY): string {
  if (path.some((name) => name.includes("/"))) throw new InvalidKey("slash");
  const within = to === "" || to.endsWith("/") ? to : `${to}/`;
  if (path.length === 0) throw new InvalidKey("empty");
  return checkKey(within + path.join("/"), room);
}

/** Return the key if a store may hold it; throws InvalidKey. */
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
 * Return the `n`-th name for a key that is taken: ` (n)` before the extension. If that is too long
 * the name is cut, but not the extension; one of at most 255 bytes stays so, for folders take no
 * longer ones. Throws InvalidKey if there is no room for it.
 */
export function renamed(key: string, n: number, room = LONGEST_KEY): string {
  const slash = key.lastIndexOf("/") + 1;
  const [folder, name] = [key.slice(0, slash), key.slice(slash)];
  const [stem, extension] = splitName(name);
  const tail = ` (${n})${extension}`;
  const most = bytes(name) <= LONGEST_NAME ? LONGEST_NAME : Number.POSITIVE_INFINITY;
  const left = Math.min(room - bytes(folder), most) - bytes(tail);
  return checkKey(folder + cut(stem, left) + tail, room);
}

/** Whether a key differs from its own NFC form: another system may have spelt it otherwise. */
export function normalisationDiffers(key: string): boolean {
  return key !== key.normalize("NFC");
}

function splitName(name: string): [stem: string, extension: string] {
  const extension = /\.[A-Za-z0-9]{1,16}$/.exec(name)?.[0] ?? "";
  const stem = name.slice(0, name.length - extension.length);
  return /[^.]/.test(stem) ? [stem, extension] : [name, ""];
}

/** Cut a text to so many bytes, at code points; throws InvalidKey if nothing is left. */
function cut(text: string, most: number): string {
  const points = [...text];
  let size = bytes(text);
  while (size > most && points.length > 0) size -= bytes(points.pop() ?? "");
  if (points.length === 0) throw new InvalidKey("too-long");
  return points.join("");
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
