/**
 * What identifies a content: schemes, digests, and the content digest.
 *
 * The same rules as `onecopy.digest` in Python; `tests/vectors` has the cases for both. A digest is
 * written `scheme:hex`. The scheme is `sha256` or `md5` over the whole content, or over the
 * concatenated binary digests of its parts, as in `sha256+8388608` (part size in bytes); or
 * `crc64nvme`, always over the whole content.
 */

const MIB = 1024 * 1024;

/** Bytes; smaller contents are hashed as a whole and uploaded in one piece. */
export const SMALLEST_PART = 8 * MIB;
/** Bytes; S3's limit for one part. */
export const LARGEST_PART = 5 * 1024 * MIB;
/** S3's limit on the parts of one upload. */
export const MOST_PARTS = 10_000;
/** Bytes (48.8 TiB); S3's largest object. */
export const LARGEST_CONTENT = LARGEST_PART * MOST_PARTS;

export type Algorithm = "sha256" | "md5" | "crc64nvme";

/** How a digest is computed; `partSize` in bytes, null for the whole content. */
export interface Scheme {
  readonly algorithm: Algorithm;
  readonly partSize: number | null;
}

/** A range of a file in bytes; `to` is exclusive. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** An unknown scheme, or a size that no object may have. */
export class InvalidDigest extends Error {
  override name = "InvalidDigest";
}

const SCHEME = /^(sha256|md5)(?:\+([1-9][0-9]{0,12}))?$/;

/** Parse a scheme such as `sha256`, `md5+8388608` or `crc64nvme`; throws InvalidDigest. */
export function parseScheme(text: string): Scheme {
  if (text === "crc64nvme") return { algorithm: text, partSize: null };
  const match = SCHEME.exec(text);
  const partSize = match?.[2] === undefined ? null : Number(match[2]);
  if (match === null || (partSize ?? 0) > LARGEST_PART) {
    throw new InvalidDigest(`unknown scheme ${text.slice(0, 40)}`);
  }
  return { algorithm: match[1] === "md5" ? "md5" : "sha256", partSize };
}

/** Return the schemes with these names, without those that this client does not support. */
export function parseSchemes(names: Iterable<string>): Scheme[] {
  return [...names].flatMap((name) => {
    try {
      return [parseScheme(name)];
    } catch (error) {
      if (error instanceof InvalidDigest) return [];
      throw error;
    }
  });
}

/**
 * Return the names of the schemes to compute for a file that was hashed for a check, which needs
 * others: first those of its digests, then the known ones, up to `limit`.
 *
 * A check may look at copies in the store that a listing proposes, and learn from that. Null if the
 * file was hashed by all of them, or by as many as one check takes.
 */
export function moreSchemes(
  digests: readonly string[],
  known: readonly string[],
  limit: number,
): string[] | null {
  const had = digests.map((digest) => digest.slice(0, digest.indexOf(":")));
  const usable = parseSchemes(known).map(formatScheme);
  const names = [...new Set([...had, ...usable])].slice(0, limit);
  return names.length > had.length ? names : null;
}

/** Return the name of a scheme in the HTTP API. */
export function formatScheme({ algorithm, partSize }: Scheme): string {
  return partSize === null ? algorithm : `${algorithm}+${partSize}`;
}

/**
 * Return the part size in bytes for a content of `size` bytes; null below 8 MiB.
 *
 * The part size is 8 MiB, doubled until there are at most 10,000 parts, and at most 5 GiB. Throws
 * InvalidDigest above 48.8 TiB.
 */
export function partSize(size: number): number | null {
  if (size < SMALLEST_PART) return null;
  if (size > LARGEST_CONTENT) {
    throw new InvalidDigest(`content too large: ${size} bytes (limit ${LARGEST_CONTENT})`);
  }
  let part = SMALLEST_PART;
  while (part * MOST_PARTS < size) part *= 2;
  return Math.min(part, LARGEST_PART);
}

/** Return the scheme of the content digest of a content of `size` bytes. */
export function contentScheme(size: number): Scheme {
  return { algorithm: "sha256", partSize: partSize(size) };
}

/** Return the parts in which a content is uploaded, in order; below 8 MiB a single part. */
export function partRanges(size: number): Range[] {
  const part = partSize(size) ?? size;
  const count = part === 0 ? 1 : Math.ceil(size / part);
  return Array.from({ length: count }, (_, at) => ({
    from: at * part,
    to: Math.min((at + 1) * part, size),
  }));
}

/** Whether a digest of the whole content is combined from digests of any parts of it. */
export function isCombined({ algorithm }: Scheme): boolean {
  return algorithm === "crc64nvme";
}

/** Return bytes as lower-case hex. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Return the bytes of a hex string. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
