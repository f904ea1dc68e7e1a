/** Paths on the server, with `/`, and how to quote them for a magic. */

/** Return the folder that `home` leads to from the notebook `path`; null if it is outside the server's root. */
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

/** Return the name of a notebook without its extension. */
export function stemOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.ipynb$/, '');
}

/** Return a path in a folder. */
export function within(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}

/** Return the relative path from a folder to `path`; both are relative to the server's root. */
export function relativePath(folder: string, path: string): string {
  const from = folder.split('/').filter(Boolean);
  const to = path.split('/').filter(Boolean);
  let same = 0;
  while (same < from.length && same < to.length - 1 && from[same] === to[same]) {
    same += 1;
  }
  return [...from.slice(same).map(() => '..'), ...to.slice(same)].join('/');
}

/** Characters that could end a line or hide in it. Every line end of Python and IPython is among them. */
const UNFIT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Return a path as one argument of `%codeact`, whatever it contains; null if it cannot be written on one line. */
export function quoted(path: string): string | null {
  if (UNFIT.test(path)) {
    return null;
  }
  // There is no escaping and no expansion: only quotes matter, and a path that looks like an option or a home folder.
  const plain = /^[-~]/.test(path) ? `./${path}` : path;
  const parts = plain.split('"').map(part => `"${part}"`);
  return parts.join(`'"'`);
}
