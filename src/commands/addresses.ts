// SPDX-License-Identifier: Apache-2.0
import { type AskedAddress, parseAddress } from '../core/text.js';
import type { Args } from './command.js';

/** Guest physical addresses, given with -p or as words. */
export const addresses: Args<AskedAddress> = {
  name: 'address',
  summary: 'a guest physical address, as with -p',
  number: 'some',
  option: {
    name: 'physical',
    short: 'p',
    summary: 'guest physical addresses, hexadecimal; - reads them from standard input, one per line',
  },
  missing: 'the guest physical addresses',
  stdin: true,
  parse: parseAddress,
  invalid: (word) => `'${word}' is not a hexadecimal address`,
};
