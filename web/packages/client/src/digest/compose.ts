/** Digests made of pieces: where a file is divided, and how digests of its pieces make one. */

import { type Bytes, hashBytes } from "./hash.ts";
import { FileUnreadable } from "./read.ts";
import {
  contentScheme,
  formatScheme,
  fromHex,
  hex,
  isCombined,
  type Range,
  type Scheme,
} from "./scheme.ts";

/** Return the content digest of a content of `size` bytes, from its parts' SHA-256 in hex. */
export function contentDigest(size: number, parts: readonly string[]): Promise<string> {
  return compose(contentScheme(size), parts.map(fromHex));
}

/**
 * Return the digest, as `scheme:hex`, of a content from the binary digests of its pieces; a CRC of
 * several pieces also needs their lengths in bytes.
 */
export async function compose(
  scheme: Scheme,
  pieces: readonly Bytes[],
  lengths: readonly number[] = [],
): Promise<string> {
  if (isCombined(scheme) && pieces.length > 1) {
    const { combine } = await import("./crc64.ts");
    return `${scheme.algorithm}:${hex(combine(pieces, lengths))}`;
  }
  if (scheme.partSize === null) return `${scheme.algorithm}:${hex(only(pieces))}`;
  const joined = new Uint8Array(await new Blob([...pieces]).arrayBuffer());
  return `${formatScheme(scheme)}:${hex(await hashBytes(scheme.algorithm, joined))}`;
}

/**
 * Split a file for the workers, at boundaries that the parts of all schemes share; not at all if a
 * digest covers the whole file, other than a CRC, which is combined from those of the ranges.
 */
export function segments(size: number, schemes: readonly Scheme[], workers: number): Range[] {
  const shared = schemes
    .filter((scheme) => !isCombined(scheme))
    .reduce((step, scheme) => leastCommonMultiple(step, scheme.partSize ?? size), 1);
  const step = shared * Math.max(1, Math.ceil(size / workers / shared));
  if (size <= step) return [{ from: 0, to: size }];
  const count = Math.ceil(size / step);
  return Array.from({ length: count }, (_, at) => ({
    from: at * step,
    to: Math.min((at + 1) * step, size),
  }));
}

function leastCommonMultiple(a: number, b: number): number {
  if (b === 0) return a;
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** Return the first value; throws FileUnreadable if there is none. */
export function only<T>(values: readonly T[] | undefined): T {
  const value = values?.[0];
  if (value === undefined) throw new FileUnreadable("the file has no bytes to read");
  return value;
}
