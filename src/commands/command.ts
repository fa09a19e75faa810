// SPDX-License-Identifier: Apache-2.0
import type { Log } from '../core/log.js';

/** What a command has of the outside: the only way to standard input and output. */
export interface Streams {
  /** Text or bytes to standard output. Rejects when that can't be written to. */
  write(piece: string | Uint8Array): Promise<void>;
  /** Standard input in pieces, as they come. */
  input(): AsyncIterable<string>;
  readonly log: Log;
}

/** 0: every address got an HPA; 1: some have none; 2: nothing could be answered. */
export type ExitCode = 0 | 1 | 2;
