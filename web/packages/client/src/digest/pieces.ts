/** Hashing a range of a file under several schemes in one pass. */

import { type Bytes, createHash, hashBytes } from "./hash.ts";
import { readBlocks } from "./read.ts";
import { type Range, type Scheme, SMALLEST_PART } from "./scheme.ts";

/** Longer parts are hashed by WebAssembly, because longer blocks would need too much memory. */
export const MAX_BLOCK_BYTES = 64 * 1024 * 1024;

/** Progress and cancellation of hashing. */
export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes read since the last call. */
  readonly onRead?: ((bytes: number) => void) | undefined;
  /** Wait while the user has paused the work; called before each range of a large file. */
  readonly ready?: (() => Promise<unknown> | undefined) | undefined;
}

/** Hashes consecutive blocks into the digests of their pieces: of each part or the whole range. */
interface PieceHasher {
  update(block: Bytes): Promise<void> | void;
  finish(): Bytes[];
}

/**
 * Return for each scheme the binary digests of its pieces: of the parts within the range, or of the
 * range as a whole. The range has to begin at a multiple of every part size.
 *
 * Throws FileUnreadable, and the signal's reason when it is aborted.
 */
export async function hashRange(
  blob: Blob,
  { from, to }: Range,
  schemes: readonly Scheme[],
  options: HashOptions = {},
): Promise<Bytes[][]> {
  const block = blockSize(schemes);
  const length = to - from;
  const hashers = await Promise.all(schemes.map((scheme) => pieceHasher(scheme, block, length)));
  for await (const bytes of readBlocks(blob.slice(from, to), block)) {
    for (const hasher of hashers) await hasher.update(bytes);
    options.onRead?.(bytes.length);
    options.signal?.throwIfAborted();
  }
  if (length === 0) for (const hasher of hashers) await hasher.update(new Uint8Array());
  return hashers.map((hasher) => hasher.finish());
}

/** Return the block size, in bytes, at which the longest SHA-256 parts can be hashed natively. */
function blockSize(schemes: readonly Scheme[]): number {
  const parts = schemes
    .filter(({ algorithm }) => algorithm === "sha256")
    .map(({ partSize }) => partSize ?? 0)
    .filter((size) => size <= MAX_BLOCK_BYTES);
  return Math.max(SMALLEST_PART, ...parts);
}

async function pieceHasher(scheme: Scheme, block: number, length: number): Promise<PieceHasher> {
  const piece = scheme.partSize ?? length;
  const isBlock = piece === block || length <= Math.min(piece, block);
  return isBlock && scheme.algorithm === "sha256"
    ? wholeBlocks()
    : await incremental(scheme, piece);
}

/** Return a hasher for which every block is one piece. */
function wholeBlocks(): PieceHasher {
  const pieces: Bytes[] = [];
  return {
    update: async (block) => {
      pieces.push(await hashBytes("sha256", block));
    },
    finish: () => pieces,
  };
}

/** Return a hasher for pieces of `piece` bytes, which need not end where a block ends. */
async function incremental(scheme: Scheme, piece: number): Promise<PieceHasher> {
  const hash = await createHash(scheme.algorithm);
  const pieces: Bytes[] = [];
  let filled = 0;
  const endPiece = () => {
    pieces.push(hash.digest());
    filled = 0;
  };
  return {
    update: (block) => {
      for (let at = 0; at < block.length; ) {
        const bytes = block.subarray(at, at + piece - filled);
        hash.update(bytes);
        at += bytes.length;
        filled += bytes.length;
        if (filled === piece) endPiece();
      }
    },
    finish: () => {
      if (filled > 0 || piece === 0) endPiece();
      return pieces;
    },
  };
}
