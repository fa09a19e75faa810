// SPDX-License-Identifier: Apache-2.0
// Runs the libraries that makedumpfile and crash use, from Debian, in a separate process.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../run.js';

export type ReferenceCodec = 'lzo' | 'snappy' | 'zstd';

const program = join(mkdtempSync(join(tmpdir(), 'kvm-vtop-reference-')), 'codecs');
const source = join(ROOT, 'test', 'build', 'codecs.c');
const libraries = ['-llzo2', '-lsnappy', '-lzstd'];
let built: boolean | undefined;
export const hasReference = (): boolean =>
  (built ??= spawnSync('gcc', ['-O2', '-o', program, source, ...libraries]).status === 0);

/** Milliseconds. If a process takes longer, a page makes a decoder loop. */
export const LIMIT = 60_000;

/** Each piece compressed, or decompressed to a page; empty if that fails. */
export function reference(mode: 'pack' | 'unpack', codec: ReferenceCodec, pieces: readonly Uint8Array[]): Buffer[] {
  const input = Buffer.concat(pieces.flatMap((piece) => [lengthOf(piece), piece]));
  const run = spawnSync(program, [mode, codec], { input, maxBuffer: 2 ** 30, timeout: LIMIT });
  if (run.status !== 0) throw new Error(`codecs ${mode} ${codec}: ${run.signal ?? run.status}`);
  return piecesOf(run.stdout);
}

function lengthOf(piece: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(piece.length);
  return length;
}

/** Parses pieces as both programs write them: a length and that many bytes. */
export function piecesOf(output: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < output.length; ) {
    const length = output.readUInt32LE(at);
    pieces.push(output.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return pieces;
}
