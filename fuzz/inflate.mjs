// SPDX-License-Identifier: Apache-2.0
// inflate [--streams N] [--seed S]: asks the decoders of wasm/inflate/ and node:zlib to decode N zlib streams and N raw deflate
// streams, most of them damaged, and fails if a verdict or a byte differs (docs/robustness.md, Streams).
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { inflateRawSync, inflateSync } from 'node:zlib';
import { startInflate } from '#internal';
import { Streams } from './deflate-streams.mjs';
import { random } from './random.mjs';

/** @import { Dice } from './random.mjs' */

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
  },
});
const [count, seed] = [Number(values.streams), Number(values.seed)];
const own = startInflate();

/**
 * What node:zlib decodes a stream to, with the options with which pages are read; null if it throws.
 *
 * @type {(inflate: typeof inflateSync, stream: Buffer, size: number) => Buffer | null}
 */
function byNode(inflate, stream, size) {
  try {
    return inflate(stream, { maxOutputLength: size, chunkSize: Math.max(size, 64) });
  } catch {
    return null;
  }
}

/** Adler-32 (RFC 1950), computed in another way. @type {(bytes: Uint8Array) => number} */
function adler32(bytes) {
  let [a, b] = [1, 0];
  for (let at = 0; at < bytes.length; at += 1000) {
    for (const byte of bytes.subarray(at, at + 1000)) {
      a += byte;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

/**
 * A zlib stream around raw deflate. Its checksum is right for what node:zlib decodes, so that more than the checksum is decided; a
 * few headers and checksums are wrong. The check of five bits is right for most of the wrong headers.
 *
 * @type {(dice: Dice, raw: Buffer, bytes: Uint8Array) => Buffer}
 */
function wrap(dice, raw, bytes) {
  const method = dice.below(20) === 0 ? dice.below(256) : 0x78;
  const flags = dice.below(30) === 0 ? dice.below(8) << 5 : dice.pick([0, 0x40, 0x80, 0xc0]);
  const check = dice.below(60) === 0 ? dice.below(32) : (31 - ((method * 256 + flags) % 31)) % 31;
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(adler32(bytes));
  if (dice.below(20) === 0) tail.writeUInt8(dice.below(256), dice.below(4));
  const missing = dice.below(30) === 0 ? dice.below(4) : 4;
  return Buffer.concat([Buffer.of(method, flags | check), raw, tail.subarray(0, missing)]);
}

const tally = { accepted: 0, refused: 0, differ: 0 };

/** @type {(form: 'zlib' | 'deflate', stream: Buffer, size: number, number: number) => void} */
function compare(form, stream, size, number) {
  // node:zlib decodes larger ones in the program too.
  if (Math.max(stream.length, size) > own.most) return;
  const found = byNode(form === 'zlib' ? inflateSync : inflateRawSync, stream, size);
  const expected = found?.length === size ? found : null;
  const actual = own[form](stream, size);
  tally[expected === null ? 'refused' : 'accepted']++;
  if (expected === null ? actual === null : actual !== null && expected.equals(actual)) return;
  tally.differ++;
  const shown = stream.length > 300 ? `${stream.length} bytes` : stream.toString('hex');
  console.error(`stream ${number}, ${form}, for ${size} bytes: ${shown}`);
}

/** What a stream decodes to, and the bytes of it that it uses, if node:zlib accepts it. @type {(raw: Buffer) => { bytes: Buffer, used: number } | null} */
function decoded(raw) {
  try {
    // With `info`, the declarations of node:zlib do not know what is returned.
    const { buffer, engine } = /** @type {{ buffer: Buffer, engine: { bytesWritten: number } }} */ (
      /** @type {unknown} */ (inflateRawSync(raw, { info: true, maxOutputLength: own.most, chunkSize: own.most }))
    );
    return { bytes: buffer, used: engine.bytesWritten };
  } catch {
    return null;
  }
}

const begin = performance.now();
const streams = new Streams();
for (let number = 0; number < count; number++) {
  const dice = random(seed, number);
  const { stream, size } = streams.next(dice);
  const whole = decoded(stream);
  // Damage often changes the size alone.
  const asked = whole !== null && whole.bytes.length > 0 && dice.below(4) !== 0 ? whole.bytes.length : size;
  compare('deflate', stream, asked, number);
  // The checksum follows the last byte that is used; what follows it may be anything.
  const used = whole === null ? stream : stream.subarray(0, whole.used);
  // Until the event loop turns, node:zlib keeps what it needed for each stream.
  if (number % 256 === 0) await turn();
  compare('zlib', wrap(dice, used, whole?.bytes ?? Buffer.of()), asked, number);
}
const seconds = Math.round((performance.now() - begin) / 1000);
const { accepted, refused, differ } = tally;
console.log(
  `${accepted + refused} streams (seed ${seed}): ${accepted} accepted, ${refused} refused, ${differ} differ; ${seconds} s`,
);
if (differ > 0) process.exitCode = 1;
