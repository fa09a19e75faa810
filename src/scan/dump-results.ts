// SPDX-License-Identifier: Apache-2.0
// Results of dumps, one dump after the other.
import { linesOf, piecesOfFile } from './lines.js';

/** The results of a dump. */
export interface DumpResults {
  /** What identifies its analysis; null if that is not known. */
  readonly id: string | null;
  /** The line with its record. */
  readonly record: string;
  /** The records of the commands, as lines. They must be read before the results of the next dump. */
  readonly lines: Iterable<string>;
}

const isDump = (line: string): boolean => line.startsWith('{"record":"dump",');

/** The results in a file of JSON lines that begins with the record of a dump. `recordOf`: the record in a line. */
export function* resultsIn(path: string, recordOf = (line: string): string => line): Generator<DumpResults> {
  const all = linesOf(piecesOfFile(path));
  const next = (): string | null => {
    const step = all.next();
    return step.done === true ? null : recordOf(step.value);
  };
  try {
    let line = next();
    while (line !== null) {
      const record = line;
      const own = (function* (): Generator<string> {
        for (line = next(); line !== null && !isDump(line); line = next()) yield line;
      })();
      yield { id: null, record, lines: own };
      // What the reader has left.
      while (own.next().done !== true);
    }
  } finally {
    all.return(undefined);
  }
}
