// SPDX-License-Identifier: Apache-2.0
import { type AskedAddress, parseAddress } from '../core/text.js';
import type { Args } from './command.js';

/** Digits of a frame number below 2^40: physical addresses have 52 bits. */
const FRAME_DIGITS = 10;

/** The address of the frame whose number was given as an address: `1a2b` is 0x1a2b000. */
export function addressOfFrame({ digits }: AskedAddress): AskedAddress {
  const frame = digits.length > FRAME_DIGITS ? null : Number.parseInt(digits, 16);
  return { digits: digits === '0' ? digits : `${digits}000`, frame, offset: 0 };
}

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
