/**
 * Whether bytes are one JSON text in UTF-8 (RFC 8259), found without making a value of it:
 * nothing is allocated but one bit for each level of nesting. Pure. Must not know: messages.
 *
 * ```
 *            ┌────────────── [ { ──────────────┐
 *            ▼                                 │
 *   white ► value ──"…", number, true … ──► after ──, ──► value, or key : value
 *                                              └──] } ──► after of the level above
 * ```
 */

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LETTER_T = 0x74;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_U = 0x75;
/** Makes a letter small, and leaves digits as they are. */
const SMALL = 0x20;

const TRUE = new TextEncoder().encode("true");
const FALSE = new TextEncoder().encode("false");
const NULL = new TextEncoder().encode("null");

/** 1 for each byte that may follow a backslash and needs nothing after it. */
const ESCAPES = new Uint8Array(256);
for (const byte of new TextEncoder().encode('"\\/bfnrt')) ESCAPES[byte] = 1;
/** 1 for each byte that stands for itself in a string: ASCII but control, quote, backslash. */
const PLAIN = new Uint8Array(256);
for (let byte = 0x20; byte < 0x80; byte++) PLAIN[byte] = 1;
PLAIN[QUOTE] = 0;
PLAIN[BACKSLASH] = 0;

/** No position: the text is broken. */
const BROKEN = -1;

/** Checks texts, one after the other. */
export class JsonCheck {
  /** One bit for each open level: 1 for an object. Grows to an eighth of the longest text. */
  #levels = new Uint8Array(32);

  /**
   * Whether `bytes` from `from` up to `to` are one JSON text, white space around it allowed.
   *
   * @returns false also for an empty text.
   */
  isText(bytes: Uint8Array, from: number, to: number): boolean {
    let depth = 0;
    let at = skipWhite(bytes, from, to);
    for (;;) {
      // A value begins here.
      const byte = at < to ? bytes[at]! : 0;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        const isObject = byte === OPEN_BRACE;
        at = skipWhite(bytes, at + 1, to);
        if (at < to && bytes[at] === (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
          at++;
        } else {
          this.#open(depth++, isObject);
          if (isObject) at = skipKey(bytes, at, to);
          if (at === BROKEN) return false;
          continue;
        }
      } else {
        at = skipScalar(bytes, at, to, byte);
        if (at === BROKEN) return false;
      }
      // A value has ended here.
      for (;;) {
        at = skipWhite(bytes, at, to);
        if (depth === 0) return at === to;
        const isObject = this.#isObject(depth - 1);
        const after = at < to ? bytes[at++]! : 0;
        if (after === COMMA) {
          at = skipWhite(bytes, at, to);
          if (isObject) at = skipKey(bytes, at, to);
          if (at === BROKEN) return false;
          break;
        }
        if (after !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return false;
        depth--;
      }
    }
  }

  #open(level: number, isObject: boolean): void {
    const index = level >> 3;
    if (index >= this.#levels.length) {
      const grown = new Uint8Array(this.#levels.length * 2);
      grown.set(this.#levels);
      this.#levels = grown;
    }
    const bit = 1 << (level & 7);
    this.#levels[index] = isObject ? this.#levels[index]! | bit : this.#levels[index]! & ~bit;
  }

  #isObject(level: number): boolean {
    return (this.#levels[level >> 3]! & (1 << (level & 7))) !== 0;
  }
}

function skipWhite(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to) {
    const byte = bytes[at]!;
    if (byte > SPACE) break;
    if (
      byte !== SPACE && byte !== TAB && byte !== LINE_FEED &&
      byte !== CARRIAGE_RETURN
    ) break;
    at++;
  }
  return at;
}

/** A key, its colon and the white space after it. */
function skipKey(bytes: Uint8Array, from: number, to: number): number {
  if (from >= to || bytes[from] !== QUOTE) return BROKEN;
  const end = skipString(bytes, from + 1, to);
  if (end === BROKEN) return BROKEN;
  const colon = skipWhite(bytes, end, to);
  if (colon >= to || bytes[colon] !== COLON) return BROKEN;
  return skipWhite(bytes, colon + 1, to);
}

function skipScalar(bytes: Uint8Array, at: number, to: number, byte: number): number {
  switch (byte) {
    case QUOTE:
      return skipString(bytes, at + 1, to);
    case LETTER_T:
      return skipWord(bytes, at, to, TRUE);
    case LETTER_F:
      return skipWord(bytes, at, to, FALSE);
    case LETTER_N:
      return skipWord(bytes, at, to, NULL);
    default:
      return skipNumber(bytes, at, to);
  }
}

function skipWord(bytes: Uint8Array, at: number, to: number, word: Uint8Array): number {
  if (at + word.length > to) return BROKEN;
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word[index]) return BROKEN;
  }
  return at + word.length;
}

function skipNumber(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  if (at < to && bytes[at] === MINUS) at++;
  if (at < to && bytes[at] === ZERO) at++;
  else if ((at = skipDigits(bytes, at, to)) === BROKEN) return BROKEN;
  if (at < to && bytes[at] === POINT) {
    if ((at = skipDigits(bytes, at + 1, to)) === BROKEN) return BROKEN;
  }
  if (at < to && (bytes[at]! | SMALL) === 0x65) {
    at++;
    if (at < to && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
    if ((at = skipDigits(bytes, at, to)) === BROKEN) return BROKEN;
  }
  return at;
}

/** One digit at least. */
function skipDigits(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at === from ? BROKEN : at;
}

/** From behind the opening quote to behind the closing one. */
function skipString(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to) {
    const byte = bytes[at]!;
    if (PLAIN[byte] === 1) at++;
    else if (byte === QUOTE) return at + 1;
    else if (byte === BACKSLASH) {
      at = skipEscape(bytes, at + 1, to);
      if (at === BROKEN) return BROKEN;
    } else {
      at = skipCharacter(bytes, at, to, byte);
      if (at === BROKEN) return BROKEN;
    }
  }
  return BROKEN;
}

function skipEscape(bytes: Uint8Array, at: number, to: number): number {
  if (at >= to) return BROKEN;
  if (ESCAPES[bytes[at]!] === 1) return at + 1;
  if (bytes[at] !== LETTER_U || at + 5 > to) return BROKEN;
  for (let index = at + 1; index < at + 5; index++) {
    const byte = bytes[index]! | SMALL;
    const isHex = (byte >= ZERO && byte <= NINE) || (byte >= 0x61 && byte <= 0x66);
    if (!isHex || bytes[index]! < ZERO) return BROKEN;
  }
  return at + 5;
}

/** A character of two to four bytes: the well-formed sequences of Unicode's table 3-7. */
function skipCharacter(bytes: Uint8Array, at: number, to: number, first: number): number {
  let low = 0x80;
  let high = 0xbf;
  let more: number;
  if (first >= 0xc2 && first <= 0xdf) more = 1;
  else if (first >= 0xe0 && first <= 0xef) {
    more = 2;
    if (first === 0xe0) low = 0xa0;
    else if (first === 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    more = 3;
    if (first === 0xf0) low = 0x90;
    else if (first === 0xf4) high = 0x8f;
  } else return BROKEN;
  if (at + more >= to) return BROKEN;
  const second = bytes[at + 1]!;
  if (second < low || second > high) return BROKEN;
  for (let index = 2; index <= more; index++) {
    if ((bytes[at + index]! & 0xc0) !== 0x80) return BROKEN;
  }
  return at + more + 1;
}
