/** Hashing a range of a file under several schemes, in one pass. */

import { type Bytes, createHash, hashBytes } from "./hash.ts";
import { readBlocks } from "./read.ts";
import { type Range, type Scheme, SMALLEST_PART } from "./scheme.ts";

/** Bytes; longer blocks would cost too much memory, so longer parts are hashed by WebAssembly. */
export const LARGEST_BLOCK = 64 * 1024 * 1024;

/** Is told of the bytes that were read, and can stop it. */
export interface Watch {
  readonly signal?: AbortSignal | undefined;
  readonly read?: ((bytes: number) => void) | undefined;
}

/** Takes blocks, and gives the digests of its pieces: of each part, or of the whole range. */
interface Line {
  take(block: Bytes): Promise<void> | void;
  end(): Bytes[];
}

/**
 * Return for each scheme the binary digests of its pieces: of the parts that lie in the range, or
 * of the range as a whole. The range has to begin at a multiple of every part size.
 *
 * Throws FileUnreadable, and the signal's reason when it is aborted.
 */
export async function hashRange(
  blob: Blob,
  { from, to }: Range,
  schemes: readonly Scheme[],
  watch: Watch = {},
): Promise<Bytes[][]> {
  const block = blockSize(schemes);
  const length = to - from;
  const lines = await Promise.all(schemes.map((scheme) => openLine(scheme, block, length)));
  for await (const bytes of readBlocks(blob.slice(from, to), block)) {
    for (const line of lines) await line.take(bytes);
    watch.read?.(bytes.length);
    watch.signal?.throwIfAborted();
  }
  if (length === 0) for (const line of lines) await line.take(new Uint8Array());
  return lines.map((line) => line.end());
}

/** Return the length of block in which the longest SHA-256 parts can be hashed natively. */
function blockSize(schemes: readonly Scheme[]): number {
  const parts = schemes
    .filter(({ algorithm }) => algorithm === "sha256")
    .map(({ partSize }) => partSize ?? 0)
    .filter((size) => size <= LARGEST_BLOCK);
  return Math.max(SMALLEST_PART, ...parts);
}

async function openLine(scheme: Scheme, block: number, length: number): Promise<Line> {
  const piece = scheme.partSize ?? length;
  const inBlocks = piece === block || length <= Math.min(piece, block);
  return inBlocks && scheme.algorithm === "sha256" ? blockLine() : await runningLine(scheme, piece);
}

/** Every block is one piece. */
function blockLine(): Line {
  const pieces: Bytes[] = [];
  return {
    take: async (block) => {
      pieces.push(await hashBytes("sha256", block));
    },
    end: () => pieces,
  };
}

async function runningLine(scheme: Scheme, piece: number): Promise<Line> {
  const hash = await createHash(scheme.algorithm);
  const pieces: Bytes[] = [];
  let filled = 0;
  const cut = () => {
    pieces.push(hash.digest());
    filled = 0;
  };
  return {
    take: (block) => {
      for (let at = 0; at < block.length; ) {
        const taken = block.subarray(at, at + piece - filled);
        hash.update(taken);
        at += taken.length;
        filled += taken.length;
        if (filled === piece) cut();
      }
    },
    end: () => {
      if (filled > 0 || piece === 0) cut();
      return pieces;
    },
  };
}
