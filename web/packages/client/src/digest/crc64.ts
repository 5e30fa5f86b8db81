/**
 * CRC-64/NVME: combination of the CRCs of consecutive parts; the CRCs come from hash-wasm.
 *
 * Loaded only when a service asks for such a digest.
 */

/** The polynomial in hex; reflected, as in the values below: bit 63 is the coefficient of x^0. */
export const POLYNOMIAL = "9a6c9329ac4bc9b5";

type Crc = Uint8Array<ArrayBuffer>;

const REFLECTED = BigInt(`0x${POLYNOMIAL}`);
const ONE = 1n << 63n;
const X_TO_8 = 1n << 55n;

/** Return the CRC of a content from the CRCs of its parts, in order, with their lengths in bytes. */
export function combine(crcs: readonly Crc[], lengths: readonly number[]): Crc {
  const powers = new Map<number, bigint>();
  let value = 0n;
  for (const [at, crc] of crcs.entries()) {
    const length = lengths[at] ?? 0;
    const factor = powers.get(length) ?? power(length);
    powers.set(length, factor);
    value = multiply(factor, value) ^ new DataView(crc.buffer, crc.byteOffset).getBigUint64(0);
  }
  const combined = new Uint8Array(8);
  new DataView(combined.buffer).setBigUint64(0, value);
  return combined;
}

/** Return x^(8 length): appending `length` bytes multiplies a CRC by it. */
function power(length: number): bigint {
  let result = ONE;
  let square = X_TO_8;
  for (let left = BigInt(length); left > 0n; left >>= 1n) {
    if (left & 1n) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

/** Return the product of two polynomials modulo that of the CRC. */
function multiply(a: bigint, b: bigint): bigint {
  let product = 0n;
  let factor = b;
  for (let left = a; left > 0n; left = BigInt.asUintN(64, left << 1n)) {
    if (left & ONE) product ^= factor;
    factor = (factor >> 1n) ^ (factor & 1n ? REFLECTED : 0n);
  }
  return product;
}
