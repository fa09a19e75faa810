// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scratch {
  readonly folder: string;
  /** Writes a file into the folder and returns its path. Without a name, each file is a new one. */
  readonly file: (bytes: string | Uint8Array, name?: string) => string;
}

/** A folder for the files of a test, inside the temporary folder that scripts/jest/run.mjs removes. */
export function scratch(name: string): Scratch {
  const folder = mkdtempSync(join(tmpdir(), `kvm-vtop-${name}-`));
  let count = 0;
  return {
    folder,
    file: (bytes, own = `file${count++}`) => {
      const path = join(folder, own);
      writeFileSync(path, bytes);
      return path;
    },
  };
}
