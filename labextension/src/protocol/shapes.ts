/** The shapes of JSON that came from elsewhere: each reader returns what it names, or raises Malformed. */

/** Characters of a text at most. */
const MOST_SHOWN = 4_000_000;

/** Something came in that is not of the agreed shape. */
export class Malformed extends Error {}

export type Fields = Readonly<Record<string, unknown>>;

// What is missing is empty, so that an older or newer kernel can be shown; what has the wrong type is refused.

export function fields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Malformed('not an object');
  }
  return value as Fields;
}

export function text(from: Fields, name: string): string {
  const value = from[name] ?? '';
  if (typeof value !== 'string' || value.length > MOST_SHOWN) {
    throw new Malformed(`${name} is not a text`);
  }
  return value;
}

export function named(from: Fields, name: string): string {
  const value = text(from, name);
  if (value === '' || value.length > 200) {
    throw new Malformed(`${name} is not an id`);
  }
  return value;
}

export function number(from: Fields, name: string): number {
  const value = from[name] ?? 0;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new Malformed(`${name} is not a number`);
  }
  return value;
}

export function flagOrNull(from: Fields, name: string): boolean | null {
  const value = from[name] ?? null;
  if (value !== null && typeof value !== 'boolean') {
    throw new Malformed(`${name} is not true, false or null`);
  }
  return value;
}

export function list(from: Fields, name: string): readonly unknown[] {
  const value = from[name] ?? [];
  if (!Array.isArray(value) || value.length > 10_000) {
    throw new Malformed(`${name} is not a list`);
  }
  return value;
}

export function texts(from: Fields, name: string): readonly string[] {
  return list(from, name).map(value => text({ value }, 'value'));
}

export function oneOf<T extends string>(from: Fields, name: string, known: readonly T[]): T {
  const value = known.find(one => one === from[name]);
  if (value === undefined) {
    throw new Malformed(`${name} is not known`);
  }
  return value;
}

export function optional<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : read(value);
}
