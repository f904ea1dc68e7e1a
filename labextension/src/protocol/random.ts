/** Random numbers, and bytes as text. */

// Taken when the extension is loaded: no output has run yet that could put something else in its place.
const getRandomValues = crypto.getRandomValues.bind(crypto);
const DIGITS = '0123456789abcdef';

export function random(size: number): Uint8Array {
  return getRandomValues(new Uint8Array(size));
}

/** Return 32 random digits. */
export function unique(): string {
  return hex(random(16));
}

export function hex(bytes: Uint8Array): string {
  let text = '';
  // A script may listen to iterators.
  // eslint-disable-next-line @typescript-eslint/prefer-for-of
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    text += `${DIGITS[byte >> 4] ?? ''}${DIGITS[byte & 15] ?? ''}`;
  }
  return text;
}
