/** How the files may import each other: upwards never, in a circle never, and only the libraries that their folder may know. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

/** The folders from the bottom up, and the libraries that each of them may import. Those in one line know nothing of each other. */
const LAYERS: readonly (readonly [folders: readonly string[], libraries: RegExp])[] = [
  [['protocol'], /^(@lumino\/(signaling|disposable)|@noble\/hashes\/(hmac|sha2))$/],
  [['text'], /^$/],
  [['step'], /^@lumino\//],
  [['lab'], /^@(lumino|jupyterlab|codemirror)\//],
  [['cells', 'panel', 'saved'], /^@(lumino|jupyterlab)\//],
  [['plugins'], /^@(lumino|jupyterlab)\//],
  [[''], /^$/]
];

/** The sources: this file runs from `lib/test/__tests__`. */
const SOURCES = resolve(__dirname, '..', '..', '..', 'src');

/** All import and export declarations and dynamic imports, those of types included. */
const IMPORT = /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;

function files(): string[] {
  const all = readdirSync(SOURCES, { recursive: true }) as string[];
  return all.map(name => name.replaceAll('\\', '/')).filter(name => name.endsWith('.ts') && !name.includes('__tests__'));
}

function imported(file: string): string[] {
  const source = readFileSync(join(SOURCES, file), 'utf8');
  return [...source.matchAll(IMPORT)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
}

/** Return the file that an import names, relative to the sources. */
function target(file: string, name: string): string {
  return `${relative(SOURCES, resolve(SOURCES, dirname(file), name)).replaceAll('\\', '/')}.ts`;
}

function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '';
}

function layerOf(file: string): number {
  return LAYERS.findIndex(([folders]) => folders.includes(folderOf(file)));
}

type Graph = ReadonlyMap<string, readonly string[]>;

/** Return a circle of imports, as the files along it; an empty list if there is none. */
function circle(graph: Graph): string[] {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] => {
    if (path.includes(file)) {
      return [...path.slice(path.indexOf(file)), file];
    }
    if (done.has(file)) {
      return [];
    }
    for (const next of graph.get(file) ?? []) {
      const found = visit(next, [...path, file]);
      if (found.length) {
        return found;
      }
    }
    done.add(file);
    return [];
  };
  for (const file of graph.keys()) {
    const found = visit(file, []);
    if (found.length) {
      return found;
    }
  }
  return [];
}

/** Return the imports that the layers do not allow. */
function forbidden(graph: Graph): string[] {
  const found: string[] = [];
  for (const [file, names] of graph) {
    for (const name of names) {
      const isBeside = layerOf(name) === layerOf(file) && folderOf(name) !== folderOf(file);
      if (layerOf(name) > layerOf(file) || isBeside) {
        found.push(`${file} -> ${name}`);
      }
    }
  }
  return found;
}

const GRAPH: Graph = new Map(
  files().map(file => [file, imported(file).filter(name => name.startsWith('.')).map(name => target(file, name))])
);

test('the imports are all found', () => {
  const all = [...GRAPH.keys()];
  assert.ok(all.length > 30);
  assert.deepEqual(all.filter(file => layerOf(file) === -1), [], 'a folder without a layer');
  assert.deepEqual([...GRAPH.values()].flat().filter(name => !GRAPH.has(name)), []);
  assert.ok(GRAPH.get('step/view.ts')?.includes('protocol/agent.ts'), 'an import of types only');
});

test('no file imports itself, over whichever others, not even for a type', () => {
  assert.deepEqual(circle(GRAPH), []);
});

test('a file imports from its own folder and from those below', () => {
  assert.deepEqual(forbidden(GRAPH), []);
});

test('a folder knows the libraries that it may know', () => {
  const found = files().flatMap(file =>
    imported(file)
      .filter(name => !name.startsWith('.') && !LAYERS[layerOf(file)]?.[1].test(name))
      .map(name => `${file} -> ${name}`)
  );
  assert.deepEqual(found, []);
});

test('a circle and a way up are found', () => {
  assert.deepEqual(circle(new Map([['a.ts', ['b.ts']], ['b.ts', ['c.ts']], ['c.ts', ['b.ts']]])), ['b.ts', 'c.ts', 'b.ts']);
  const wrong = new Map([['protocol/x.ts', ['step/y.ts']], ['panel/x.ts', ['saved/y.ts', 'panel/z.ts', 'lab/z.ts']]]);
  assert.deepEqual(forbidden(wrong), ['protocol/x.ts -> step/y.ts', 'panel/x.ts -> saved/y.ts']);
});
