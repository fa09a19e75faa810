// SPDX-License-Identifier: Apache-2.0
import { type AskedAddress, parseAddress } from '../core/text.js';
import type { Args } from './command.js';

/** Guest physical addresses, by -p or as words. */
export const addresses: Args<AskedAddress> = {
  name: 'address',
  summary: 'more addresses',
  number: 'some',
  option: {
    name: 'physical',
    short: 'p',
    summary: 'guest physical addresses, hexadecimal; - reads one a line from standard input',
  },
  missing: 'the guest physical addresses',
  stdin: true,
  parse: parseAddress,
  invalid: (word) => `'${word}' is not a hexadecimal address`,
};
