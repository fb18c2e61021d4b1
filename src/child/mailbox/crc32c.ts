/** CRC32C (Castagnoli), as in RFC 3720 appendix B.4. Must not know: what it is taken of. */

const POLYNOMIAL = 0x82f6_3b78;
const TABLES = makeTables();

/**
 * The checksum of the bytes, as a signed 32-bit number.
 */
export function crc32c(bytes: Uint8Array): number {
  const length = bytes.length;
  let crc = -1;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    crc ^= bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    crc = TABLES[768 + (crc & 0xff)]! ^ TABLES[512 + (crc >>> 8 & 0xff)]! ^
      TABLES[256 + (crc >>> 16 & 0xff)]! ^ TABLES[crc >>> 24]!;
  }
  for (; at < length; at++) crc = TABLES[(crc ^ bytes[at]!) & 0xff]! ^ crc >>> 8;
  return ~crc;
}

/** Four tables, so that four bytes go at a time. */
function makeTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const crc = tables[at - 256]!;
    tables[at] = tables[crc & 0xff]! ^ crc >>> 8;
  }
  return tables;
}
