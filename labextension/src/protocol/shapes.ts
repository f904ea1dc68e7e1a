/** Readers for JSON from elsewhere. Each returns a value of the type that it is named for, or raises Malformed. */

/** Characters of a text, characters of an id, and items of a list at most. */
const MOST_TEXT = 4_000_000;
const MOST_ID = 200;
const MOST_ITEMS = 10_000;

/** A value does not have the agreed shape. */
export class Malformed extends Error {}

export type Fields = Readonly<Record<string, unknown>>;

// A missing value reads as empty, so that older and newer kernels can be shown. A value of the wrong type is refused.

export function fields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Malformed('not an object');
  }
  return value as Fields;
}

export function text(from: Fields, name: string): string {
  const value = from[name] ?? '';
  if (typeof value !== 'string' || value.length > MOST_TEXT) {
    throw new Malformed(`${name} is not a text`);
  }
  return value;
}

export function id(from: Fields, name: string): string {
  const value = text(from, name);
  if (value === '' || value.length > MOST_ID) {
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
  if (!Array.isArray(value) || value.length > MOST_ITEMS) {
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
