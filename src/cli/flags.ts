// SPDX-License-Identifier: Apache-2.0
import { cachedDataVersionTag, setFlagsFromString } from 'node:v8';

/** V8's version and flags before the first change; null if none was changed, so that node:v8, which takes a fiftieth of a first run, is not loaded. */
let usual: number | null = null;

/** Changes a flag of V8. */
export function setFlag(flag: string): void {
  usual ??= cachedDataVersionTag();
  setFlagsFromString(flag);
}

/** Whether the flags of V8 are those with which the program was compiled: what was compiled with others, V8 refuses. */
export const flagsAreUsual = (): boolean => usual === null || usual === cachedDataVersionTag();
