// SPDX-License-Identifier: Apache-2.0
// The guest alpha of the 6.1 fixture, and one of its addresses.
import { join } from 'node:path';
import { FIXTURES } from '../run.js';

export const DUMP = join(FIXTURES, 'debian-6.1', 'vmcore.kdump');
export const ALPHA = ['-c', DUMP, '-g', '136'];
/** Arguments after `-c` that ask for the address, and the line that answers them. */
export const ONE = ['-g', '136', '-p', '1001840'];
export const ANSWER = /^1001840 +7f5763e01840 +f601840 *$/m;
