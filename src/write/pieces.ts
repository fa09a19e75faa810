// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync, readSync, unlinkSync, writeFileSync } from 'node:fs';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { createBeside } from './draft.js';
import { PRIVATE, type Target, writeTo } from './target.js';

/** A part of a text file. */
export interface Piece {
  readonly text: string;
  /** It comes after all pieces that do not have this. */
  readonly isLate?: boolean;
}

const COPIED = 2 ** 20;

/**
 * Writes pieces of text as a file while they are made, as `writeTo` does. Late pieces wait in a second file, which has no
 * name. The file is on disk before it has its name. A new file is readable by its owner alone. Returns the size in bytes.
 */
export const writePieces = (target: Target, pieces: Iterable<Piece>): Promise<number> =>
  writeTo(target, PRIVATE, async (draft) => {
    const late = nameless(`${draft}.late`);
    const main = openSync(draft, 'w');
    try {
      for (const { text, isLate = false } of pieces) {
        writeFileSync(isLate ? late : main, text);
        // Signals are handled between turns.
        await eventLoopTurn();
      }
      await append(main, late);
      fsyncSync(main);
    } finally {
      closeSync(main);
      closeSync(late);
    }
  });

/** A file that ends to exist when it is closed, or when the process ends. */
function nameless(wanted: string): number {
  const { path, descriptor } = createBeside(wanted, PRIVATE);
  unlinkSync(path);
  return descriptor;
}

async function append(to: number, from: number): Promise<void> {
  const bytes = Buffer.alloc(COPIED);
  for (let at = 0; ; ) {
    const length = readSync(from, bytes, 0, COPIED, at);
    if (length === 0) return;
    writeFileSync(to, bytes.subarray(0, length));
    at += length;
    await eventLoopTurn();
  }
}
