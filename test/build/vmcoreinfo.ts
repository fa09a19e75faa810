// SPDX-License-Identifier: Apache-2.0
import type { SyntheticKernel } from './kernel.js';
import { RELEASE } from './options.js';

const KALLSYMS = ['num_syms', 'names', 'token_table', 'token_index', 'offsets', 'relative_base', 'addresses'];

/** VMCOREINFO of a synthetic kernel; `data` is an address after its symbol tables. */
export function vmcoreinfoText(kernel: SyntheticKernel, tables: ReadonlyMap<string, bigint>, data: bigint): string {
  const { options, physBase, kaslr } = kernel;
  const symbol = (name: string, address = kernel.at(name)) => `SYMBOL(${name})=${address.toString(16)}`;
  const always = [
    `OSRELEASE=${options.release ?? RELEASE}`,
    'PAGESIZE=4096',
    symbol('init_uts_ns'),
    symbol('swapper_pg_dir'),
    symbol('_stext', kernel.textStart),
    symbol('node_online_map', data),
  ];
  if (options.oldNotes === true) return [...always, symbol('phys_base'), ''].join('\n');
  const kallsyms = (options.silent === true ? [] : KALLSYMS).filter((key) => tables.has(key));
  return [
    ...always,
    `OFFSET(uts_namespace.name)=${kernel.layouts.offset('uts_namespace', 'sysname')}`,
    `NUMBER(phys_base)=${physBase}`,
    `NUMBER(pgtable_l5_enabled)=${options.levels === 5 ? 1 : 0}`,
    `NUMBER(sme_mask)=${options.smeMask ?? 0n}`,
    `KERNELOFFSET=${kaslr.toString(16)}`,
    ...kallsyms.map((key) => symbol(`kallsyms_${key}`, tables.get(key))),
    '',
  ].join('\n');
}
