/** Hashing of bytes: natively where the browser lets us, else with WebAssembly. */

import type { Algorithm } from "./scheme.ts";

/** Bytes of our own, as WebCrypto takes them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A hash that takes its bytes piece by piece, and begins anew after `digest`. */
export interface Hash {
  update(bytes: Bytes): void;
  digest(): Bytes;
}

/** Return the hash of some bytes. This may block its thread: many bytes are for workers. */
export async function hashBytes(algorithm: Algorithm, bytes: Bytes): Promise<Bytes> {
  // WebCrypto has no MD5, and pages on plain http, but for localhost, have no WebCrypto.
  if (algorithm === "sha256" && globalThis.crypto?.subtle) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  }
  const hash = await createHash(algorithm);
  hash.update(bytes);
  return hash.digest();
}

/** Return a running hash; WebCrypto has none. */
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
