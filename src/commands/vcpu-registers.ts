// SPDX-License-Identifier: Apache-2.0
// The columns of a vCPU's registers.
import {
  DEBUG,
  type DescriptorTable,
  NUMBERS,
  REGISTER_SOURCES,
  REGISTERS,
  type RegisterName,
  type RegisterSources,
  type Registers,
  SEGMENTS,
  type Segment,
  TABLES,
} from '../kvm/vcpus/registers.js';
import { columns, columnsFrom, made, record } from '../report/columns.js';
import { hex, nullable, oneOf } from '../report/types.js';

const segment = nullable(
  record(
    columns<Segment>({
      selector: [hex, 'The selector.'],
      base: [hex, 'The base.'],
      limit: [hex, 'The limit in bytes.'],
      attributes: [
        hex,
        'Access rights: type, S, DPL and P in bits 0 to 7, AVL, L, D/B and G in bits 12 to 15; 0x0 if the segment is unusable.',
      ],
    }),
  ),
);

const table = nullable(
  record(columns<DescriptorTable>({ base: [hex, 'The base.'], limit: [hex, 'The limit in bytes.'] })),
);

/** What is to be said of some registers. */
const DOCS: Partial<Record<RegisterName, string>> = {
  cr8: 'CR8: bits 4 to 7 of the task priority of the local APIC.',
  efer: 'The MSR EFER, without the bit that KVM sets for itself.',
};
const docOf = (name: RegisterName): string => DOCS[name] ?? `${name.toUpperCase()}.`;

/** The members of `registers`. */
export const registerColumns = columnsFrom<Registers>(
  Object.fromEntries([
    ...NUMBERS.map((name) => [name, made(nullable(hex), docOf(name), (row: Registers) => row[name])] as const),
    ...SEGMENTS.map((name) => [name, made(segment, docOf(name), (row: Registers) => row[name])] as const),
    ...TABLES.map((name) => [name, made(table, docOf(name), (row: Registers) => row[name])] as const),
    ...DEBUG.map((name) => [name, made(nullable(hex), docOf(name), (row: Registers) => row[name])] as const),
  ]),
);

const source = nullable(oneOf(...REGISTER_SOURCES));

/** The members of `sources`. */
export const sourceColumns = columnsFrom<RegisterSources>(
  Object.fromEntries(
    REGISTERS.map((name) => [
      name,
      made(source, `Where ${name.toUpperCase()} was read.`, (row: RegisterSources) => row[name]),
    ]),
  ),
);
