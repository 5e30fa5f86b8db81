/** Hashing of bytes: natively where the browser allows it, otherwise with WebAssembly. */

import type { IHasher } from "hash-wasm";
import type { Algorithm } from "./scheme.ts";

/** Bytes in a buffer of their own, as WebCrypto requires. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A hash that is updated piece by piece, and starts over after `digest`. */
export interface Hash {
  update(bytes: Bytes): void;
  digest(): Bytes;
}

/** Return the hash of `bytes`. This may block the thread: hash large inputs in a worker. */
export async function hashBytes(algorithm: Algorithm, bytes: Bytes): Promise<Bytes> {
  // WebCrypto has no MD5 and no CRC, and browsers withhold it from pages on plain http, except on
  // localhost.
  if (algorithm === "sha256" && globalThis.crypto?.subtle) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }
  const hash = await createHash(algorithm);
  hash.update(bytes);
  return hash.digest();
}

/** Return an incremental hash, which WebCrypto does not offer. */
export async function createHash(algorithm: Algorithm): Promise<Hash> {
  const hasher = await load(algorithm);
  hasher.init();
  return {
    update: (bytes) => {
      hasher.update(bytes);
    },
    digest: () => {
      const digest = Uint8Array.from(hasher.digest("binary"));
      hasher.init();
      return digest;
    },
  };
}

async function load(algorithm: Algorithm): Promise<IHasher> {
  const { createCRC64, createMD5, createSHA256 } = await import("hash-wasm");
  if (algorithm === "md5") return createMD5();
  if (algorithm === "sha256") return createSHA256();
  const { POLYNOMIAL } = await import("./crc64.ts");
  return createCRC64(POLYNOMIAL);
}
