/** What the Python side defines. Written by `python -m tests.protocol`: change it there. */

/** The MIME types of a step, and of an offer of cells for the notebook. */
export const STEP_MIME = 'application/vnd.codeact.step+json';
export const INSERT_MIME = 'application/vnd.codeact.insert+json';
/** The MIME type of a call to the pages of a kernel: who is there? */
export const CALL_MIME = 'application/vnd.codeact.call+json';
/** The type of a message with a request on the control channel. */
export const REQUEST_TYPE = 'codeact_request';
/** The versions of the step record, and of the metadata of a session notebook. */
export const WIRE_VERSION = 1;
export const SESSION_VERSION = 1;

/** How a step stands, what it is of, and how the run of its code ended. */
export const STATUSES = [
  'thinking',
  'pending',
  'running',
  'done',
  'rejected',
  'stopped',
  'skipped',
  'answer'
] as const;
export const OCCASIONS = ['turn', 'replay', 'consent'] as const;
export const ENDED = ['ok', 'error', 'interrupted', 'timed out', 'kernel lost'] as const;
/** What an agent does, and how a turn ended. */
export const ACTIVITIES = ['idle', 'thinking', 'waiting', 'running'] as const;
export const OUTCOMES = ['open', 'answered', 'limit', 'stopped', 'failed'] as const;
/** What a page can decide, and what is recorded of a decision. */
export const DECISIONS = ['approve', 'reject', 'stop'] as const;
export const VERDICTS = ['approve', 'edit', 'reject', 'stop'] as const;
export const VERDICT_WORDS = { approve: 'approved', edit: 'edited', reject: 'rejected', stop: 'stopped' };

/** Characters that are shown as their code: Unicode categories, and ranges of further code points. */
export const HIDDEN_CATEGORIES = ['Cc', 'Cf', 'Co', 'Cs', 'Zl', 'Zp', 'Zs'];
export const HIDDEN_RANGES: readonly (readonly [number, number])[] = [
  [847, 847],
  [4447, 4448],
  [6068, 6069],
  [6155, 6157],
  [6159, 6159],
  [10240, 10240],
  [12644, 12644],
  [65024, 65039],
  [65440, 65440],
  [917760, 917999]
];
/** Letters of other scripts that look like an ASCII letter. */
export const LOOK_ALIKES: Readonly<Record<string, string>> = {
  A: '\u0410\u0391',
  B: '\u0412\u0392',
  C: '\u0421',
  E: '\u0415\u0395',
  G: '\u050c',
  H: '\u041d\u0397',
  I: '\u0406\u0399',
  J: '\u0408',
  K: '\u041a\u039a',
  M: '\u041c\u039c',
  N: '\u039d',
  O: '\u041e\u039f',
  P: '\u0420\u03a1',
  S: '\u0405',
  T: '\u0422\u03a4',
  X: '\u0425\u03a7',
  Y: '\u0423\u04ae\u03a5',
  Z: '\u0396',
  a: '\u0430\u0251',
  c: '\u0441',
  d: '\u0501',
  e: '\u0435',
  g: '\u0261',
  h: '\u04bb\u0570',
  i: '\u0456\u0131',
  j: '\u0458',
  l: '\u04cf',
  n: '\u0578',
  o: '\u043e\u03bf\u0585',
  p: '\u0440',
  q: '\u051b',
  s: '\u0455',
  u: '\u057d',
  w: '\u051d',
  x: '\u0445',
  y: '\u0443'
};
/** So many blanks before code, or blank lines above it, put it out of sight; so many places are reported. */
export const FAR_GAP = 41;
export const FAR_INDENT = 81;
export const MANY_BLANK_LINES = 21;
export const MOST_OUT_OF_SIGHT = 3;
