// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { StderrLog } from './cli-log.js';
import type { Streams } from './commands/command.js';

/** The streams of this process. */
export function streams(log: StderrLog): Streams {
  const { stdin, stdout } = process;
  return {
    log,
    async write(piece) {
      log.clear();
      if (!stdout.write(piece)) await once(stdout, 'drain');
    },
    async *input() {
      stdin.setEncoding('latin1');
      for await (const piece of stdin) yield piece as string;
    },
  };
}
