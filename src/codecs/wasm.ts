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
