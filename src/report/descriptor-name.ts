// SPDX-License-Identifier: Apache-2.0
// What kind of segment a descriptor describes, in the words of QEMU's monitor.

const BIG = 0x4000;
const LONG = 0x2000;
const CODE_OR_DATA = 0x10;
/** Bits of the type of a code or data segment. */
const TYPE = { accessed: 1, readableOrWritable: 2, conformingOrDown: 4, code: 8 };

/** Types of system descriptors that have a meaning in long mode, and outside it. */
const LONG_SYSTEM: Readonly<Record<number, string>> = {
  0: '<hiword>',
  2: 'LDT',
  9: 'TSS64-avl',
  11: 'TSS64-busy',
  12: 'CallGate64',
  14: 'IntGate64',
  15: 'TrapGate64',
};
const SYSTEM: Readonly<Record<number, string>> = {
  1: 'TSS16-avl',
  2: 'LDT',
  3: 'TSS16-busy',
  4: 'CallGate16',
  5: 'TaskGate',
  6: 'IntGate16',
  7: 'TrapGate16',
  9: 'TSS32-avl',
  11: 'TSS32-busy',
  12: 'CallGate32',
  14: 'IntGate32',
  15: 'TrapGate32',
};

/** The kind of segment with these attributes (bits 8 to 23 of a descriptor's second word). */
export function descriptorName(attributes: number, isLong: boolean): string {
  const type = attributes & 0xf;
  if ((attributes & CODE_OR_DATA) === 0) return (isLong ? LONG_SYSTEM : SYSTEM)[type] ?? 'Reserved';
  const letter = (bit: number, name: string): string => ((type & bit) === 0 ? '-' : name);
  const isCode = (type & TYPE.code) !== 0;
  const isBig = (attributes & BIG) !== 0;
  const data = isBig || isLong ? 'DS  ' : 'DS16';
  const code = (attributes & LONG) !== 0 ? 'CS64' : isBig ? 'CS32' : 'CS16';
  const bits = [
    letter(TYPE.conformingOrDown, isCode ? 'C' : 'E'),
    letter(TYPE.readableOrWritable, isCode ? 'R' : 'W'),
    letter(TYPE.accessed, 'A'),
  ];
  return `${isCode ? code : data} [${bits.join('')}]`;
}
