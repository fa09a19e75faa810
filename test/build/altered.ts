// SPDX-License-Identifier: Apache-2.0
import type { Streams } from '../../src/commands/command.js';
import { silentLog } from '../../src/core/log.js';
import type { FrameSource } from '../../src/core/memory.js';

/** Physical memory in which every occurrence of certain bytes is replaced by others of the same length. */
export function altered(memory: FrameSource, changes: readonly (readonly [string, string])[]): FrameSource {
  const known = new Map<number, DataView>();
  return {
    why: (frame) => memory.why(frame),
    frame(frame) {
      const page = memory.frame(frame);
      if (page === null) return null;
      const copy = Buffer.from(new Uint8Array(page.buffer, page.byteOffset, page.byteLength));
      for (const [from, to] of changes)
        for (let at = copy.indexOf(from, 0, 'latin1'); at >= 0; at = copy.indexOf(from, at + 1, 'latin1'))
          copy.write(to, at, 'latin1');
      const view = known.get(frame) ?? new DataView(copy.buffer, copy.byteOffset, copy.length);
      known.set(frame, view);
      return view;
    },
  };
}

/** Streams that collect what is written; reading standard input is an error. */
export function kept(): Streams & { readonly out: string[]; readonly warnings: string[] } {
  const out: string[] = [];
  const warnings: string[] = [];
  return {
    out,
    warnings,
    log: { ...silentLog, warn: (text) => warnings.push(text) },
    write: (text) => {
      out.push(typeof text === 'string' ? text : Buffer.from(text).toString());
      return Promise.resolve();
    },
    input: () => {
      throw new Error('standard input was read');
    },
  };
}
