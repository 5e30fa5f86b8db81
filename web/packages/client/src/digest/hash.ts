/** Hashing of bytes: natively where the browser allows it, otherwise with WebAssembly. */

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
  // WebCrypto has no MD5, and browsers withhold it from pages on plain http, except on localhost.
  if (algorithm === "sha256" && globalThis.crypto?.subtle) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }
  const hash = await createHash(algorithm);
  hash.update(bytes);
  return hash.digest();
}

/** Return an incremental hash, which WebCrypto does not offer. */
export async function createHash(algorithm: Algorithm): Promise<Hash> {
  const { createMD5, createSHA256 } = await import("hash-wasm");
  const hasher = algorithm === "md5" ? await createMD5() : await createSHA256();
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
