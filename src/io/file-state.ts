// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';

/**
 * A text that is different for another file, and for the same one after it has been written to, or replaced. A change of its name or
 * permissions makes it different, too. Throws the system's error.
 */
export function fileState(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** Time in which a file can be written to again without another time of modification, in milliseconds: some file systems have seconds. */
const COARSEST = 2000;

/** Files, and the states in which they were when this was made. */
export class FileStates {
  readonly #paths: readonly string[];
  /** See `fileState`. */
  readonly texts: readonly string[];

  /** Throws the system's error. */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.texts = paths.map(fileState);
  }

  /**
   * Whether another state can be told from this one. What is written to a device does not change its time of modification, nor does what is
   * written to a file twice within moments. False also if one has been removed, or can't be reached.
   */
  get areTelling(): boolean {
    const before = Date.now() - COARSEST;
    return this.#all((path) => {
      const found = statSync(path);
      return found.isFile() && found.mtimeMs < before && found.ctimeMs < before;
    });
  }

  /** Whether they still are in these states. */
  get areSame(): boolean {
    return this.#all((path, i) => fileState(path) === this.texts[i]);
  }

  #all(isSo: (path: string, i: number) => boolean): boolean {
    try {
      return this.#paths.every(isSo);
    } catch {
      return false;
    }
  }
}
