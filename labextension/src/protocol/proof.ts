/** The proof that a request comes from this page: a signature with a key that only the page and the kernel know. */
import { hmac } from '@noble/hashes/hmac';
import { sha256 } from '@noble/hashes/sha2';
import { hex, random, unique } from './random';
import type { Plain, Request } from './requests';

// Taken when the extension is loaded: no output has run yet that could put something else in their place.
const { stringify } = JSON;
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);

export class Proof {
  /** The id of this page in one kernel. */
  readonly page = unique();
  // Kept where no script finds it: it is no property, and leaves the page only in `hello`.
  readonly #key = random(32);

  /** Return what the page says first. A `quiet` one does not make the kernel wait for the page. */
  hello(id?: string): Request {
    const of = id === undefined ? { quiet: true as const } : { id };
    return { op: 'hello', page: this.page, key: hex(this.#key), ...of };
  }

  /** Return the request as the kernel takes it from this page only. */
  sign(request: Plain): Request {
    const text = stringify(request);
    return { op: 'signed', page: this.page, text, proof: hex(hmac(sha256, this.#key, encode(text))) };
  }
}
