/** The lines in which two texts differ. */

export interface IDiffLine {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

/** Rows times columns of the table of common lines at most. Beyond that, the middle is shown as replaced. */
const MOST = 4_000_000;

/** Return the lines of both texts in order, each with the text that it comes from. */
export function diffLines(before: string, after: string): IDiffLine[] {
  const old = before.split('\n');
  const now = after.split('\n');
  const head = common(old, now);
  const tail = common(old.slice(head).reverse(), now.slice(head).reverse());
  const middle = between(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  return [...lines('same', old.slice(0, head)), ...middle, ...lines('same', old.slice(old.length - tail))];
}

function between(old: string[], now: string[]): IDiffLine[] {
  if (old.length * now.length > MOST) {
    return [...lines('removed', old), ...lines('added', now)];
  }
  const longest = commonLengths(old, now);
  const found: IDiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      found.push(...lines('same', [now[j] ?? '']));
      i += 1;
      j += 1;
    } else if (at(longest, i + 1, j) >= at(longest, i, j + 1)) {
      found.push(...lines('removed', [old[i++] ?? '']));
    } else {
      found.push(...lines('added', [now[j++] ?? '']));
    }
  }
  return [...found, ...lines('removed', old.slice(i)), ...lines('added', now.slice(j))];
}

/** Return the length of the longest common part of `old` from i on and `now` from j on, for every i and j. */
function commonLengths(old: string[], now: string[]): Uint32Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    const row = table[i] ?? new Uint32Array();
    for (let j = now.length - 1; j >= 0; j--) {
      row[j] = old[i] === now[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1));
    }
  }
  return table;
}

function at(table: Uint32Array[], i: number, j: number): number {
  return table[i]?.[j] ?? 0;
}

function common(old: string[], now: string[]): number {
  const most = Math.min(old.length, now.length);
  let count = 0;
  while (count < most && old[count] === now[count]) {
    count += 1;
  }
  return count;
}

function lines(kind: IDiffLine['kind'], texts: string[]): IDiffLine[] {
  return texts.map(text => ({ kind, text }));
}
