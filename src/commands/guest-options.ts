// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { parseAddress } from '../core/text.js';
import { flag, parsed, type Values, valued } from './options.js';

/** The options that choose page tables of the guest. */
export const virtualOptions = {
  gva: flag("the addresses are guest virtual addresses, translated by the guest's own page tables"),
  vcpu: parsed<number | null>(
    'number',
    'with --gva: the page tables of this vCPU, by its index (default: the first)',
    null,
    {
      read: (text) => (/^[0-9]{1,6}$/.test(text) ? Number(text) : null),
      expected: "it must be a vCPU's index; vcpus lists them",
    },
  ),
  cr3: parsed<bigint | null>('address', 'with --gva: the page tables with this value of CR3, hexadecimal', null, {
    read(text) {
      const digits = parseAddress(text)?.digits ?? '';
      return digits === '' || digits.length > 16 ? null : BigInt(`0x${digits}`);
    },
    expected: 'it must be a hexadecimal number',
    excludes: ['vcpu', 'gtask'],
  }),
  gtask: valued('pid|task', 'with --gva: the page tables of this process of the guest, if that runs Linux', {
    excludes: ['vcpu'],
  }),
};

/** Options that say with which page tables. */
const TABLES = ['vcpu', 'cr3', 'gtask'] as const;

/** Throws `UsageError` if options are given that only --gva has a use for. */
export function needGva({ gva, ...given }: Values<typeof virtualOptions>): void {
  const alone = gva ? undefined : TABLES.find((name) => given[name] !== null);
  if (alone !== undefined) throw new UsageError(`--${alone} needs --gva`);
}
