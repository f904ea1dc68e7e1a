/** Where things lie on the server, as paths with `/`, and how a magic is told of them. */

/** Return the folder that a session's code ran in: `home` seen from the notebook `path`; null where that is elsewhere. */
export function homeOf(path: string, home: string): string | null {
  if (home === '' || home.startsWith('/') || /^[a-z]:|\\/i.test(home) || UNFIT.test(home)) {
    return null;
  }
  const parts = folderOf(path).split('/').filter(Boolean);
  for (const part of home.split('/')) {
    if (part === '..' && parts.pop() === undefined) {
      return null;
    } else if (part !== '..' && part !== '.' && part !== '') {
      parts.push(part);
    }
  }
  return parts.join('/');
}

/** Return the folder of a path, empty at the root. */
export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

/** Return the name of a notebook without its ending. */
export function stemOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.ipynb$/, '');
}

/** Return a path in a folder. */
export function within(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}

/** Return the way from a folder to `path`; both are seen from the server's root. */
export function seenFrom(folder: string, path: string): string {
  const from = folder.split('/').filter(Boolean);
  const to = path.split('/').filter(Boolean);
  let same = 0;
  while (same < from.length && same < to.length - 1 && from[same] === to[same]) {
    same += 1;
  }
  return [...from.slice(same).map(() => '..'), ...to.slice(same)].join('/');
}

/** What could end a line, or hide in it: all that Python or IPython take for the end of one is among them. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Return a path as one word of `%codeact`, whatever it contains; null where it cannot stand in a line. */
export function quoted(path: string): string | null {
  if (UNFIT.test(path)) {
    return null;
  }
  // A backslash is a backslash there, and nothing is expanded: only the quotes matter, and what looks like an option.
  const plain = /^[-~]/.test(path) ? `./${path}` : path;
  return plain.includes('"') ? plain.split('"').map(part => `"${part}"`).join(`'"'`) : `"${plain}"`;
}
