import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folderOf, homeOf, quoted, relativePath, stemOf, within } from '../paths';

test('the folder that the code ran in is found from the file', () => {
  assert.equal(homeOf('codeact-sessions/a.ipynb', '..'), '');
  assert.equal(homeOf('work/codeact-sessions/a.ipynb', '..'), 'work');
  assert.equal(homeOf('saved/a.ipynb', '../work/x'), 'work/x');
  assert.equal(homeOf('work/a.ipynb', '.'), 'work');
});

test('a folder outside of the server’s root is not taken', () => {
  for (const home of ['../..', '../../etc', '/etc', 'C:/x', 'c:\\x', '..\\..\\x', '', '../x\ny', '../a\u202eb', '../../codeact-sessions/..']) {
    assert.equal(homeOf('codeact-sessions/a.ipynb', home), null, JSON.stringify(home));
  }
});

test('a file is found from the folder, and the folder from the file', () => {
  assert.equal(relativePath('', 'codeact-sessions/a.ipynb'), 'codeact-sessions/a.ipynb');
  assert.equal(relativePath('work', 'work/codeact-sessions/a.ipynb'), 'codeact-sessions/a.ipynb');
  assert.equal(relativePath('work/x', 'saved/a.ipynb'), '../../saved/a.ipynb');
  assert.equal(relativePath('a.ipynb', 'a.ipynb'), '../a.ipynb');
  assert.deepEqual([folderOf('a/b/c.ipynb'), folderOf('c.ipynb'), stemOf('a/b.c.ipynb'), within('', 'x'), within('a', 'x')], ['a/b', '', 'b.c', 'x', 'a/x']);
});

/** Read a line as `%codeact` does: shlex in its POSIX mode, without escapes and comments. */
function words(line: string): string[] {
  const found: string[] = [];
  for (const match of line.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    found.push(match[0].replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? ''));
  }
  return found;
}

test('whatever a path contains, it is one word', () => {
  for (const path of ['a.ipynb', 'a b.ipynb', "it's.ipynb", 'say "hi".ipynb', `both ' and ".ipynb`, '"', '""', 'a\\', '{1+1}$x;!ls #.ipynb', 'é 中.ipynb']) {
    assert.deepEqual(words(`load ${quoted(path) ?? ''}`), ['load', path]);
  }
});

test('a path is never an option, and never a home folder', () => {
  assert.deepEqual([quoted('--approve.ipynb'), quoted('~root.ipynb')], ['"./--approve.ipynb"', '"./~root.ipynb"']);
});

test('a path that could end its line is refused', () => {
  for (const character of '\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\0\x1b\u202e\u200b') {
    assert.equal(quoted(`a${character}b`), null);
  }
});
