// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';

/**
 * Starts a decoder written in WebAssembly. Throws `DumpError` if Node.js runs without WebAssembly (--jitless), or if
 * there is no address space for it: V8 reserves 10 GiB around each memory, which a limit (ulimit -v), as batch systems
 * set it, may not allow.
 */
export async function startWasm<T>(codec: string, start: () => T | Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    throw new DumpError(`the ${codec} decoder can't be started: ${(cause as Error).message}`, {
      code: 'system',
      cause,
      hint: 'it is WebAssembly, which needs 12 GiB of address space: raise the limit (ulimit -v unlimited) and run node without --jitless',
    });
  }
}

/** V8's default of the flag wasm-tiering-budget, roughly the bytes of code that a function runs, by the major version of Node.js. */
const BUDGETS: Readonly<Record<string, number>> = { 20: 1_800_000, 22: 13_000_000, 24: 13_000_000 };
/** An answer to one address does not get there. In longer work, each function does once it has run enough. */
const LATE = 2_000_000_000;

/** Sets that flag; null if it must not be changed. */
let setBudget: ((budget: number) => void) | null = null;

/**
 * From now on, V8 optimizes functions of large decoders only after they have run for some time. For a program, which ends when the
 * compiler's threads do: one address is answered sooner. `set` changes V8's flag, for a moment, which a library must not do.
 */
export function optimizeLate(set: (budget: number) => void): void {
  setBudget = set;
}

/** Loads a large decoder. */
export async function loadLarge<T>(load: () => Promise<T>): Promise<T> {
  const usual = usualBudget();
  if (setBudget === null || usual === undefined) return await load();
  setBudget(LATE);
  try {
    return await load();
  } finally {
    setBudget(usual);
  }
}

/** The default, to which the flag is set again; undefined if it is not known, or if the user has chosen another value. */
function usualBudget(): number | undefined {
  const [major = ''] = process.versions.node.split('.');
  return process.execArgv.some((word) => word.includes('tiering')) ? undefined : BUDGETS[major];
}
