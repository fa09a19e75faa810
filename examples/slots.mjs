// SPDX-License-Identifier: Apache-2.0
// node slots.mjs DUMP: the memslots of every VM of a host, as CSV.
import { openDump } from 'kvm-vtop';

/** A field of CSV (RFC 4180). @type {(value: string | number | bigint | null) => string} */
const field = (value) => {
  const text = typeof value === 'bigint' ? `0x${value.toString(16)}` : String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const [path = ''] = process.argv.slice(2);
const dump = await openDump(path);
console.log('vm,name,addressSpace,gpa,size,hva,backing');
const vms = dump.vms();
for (const { kvm, name } of vms) {
  const slots = dump.slots({ vm: kvm });
  for (const { addressSpace, gpa, size, hva, backing } of slots)
    console.log([kvm, name, addressSpace, gpa, size, hva, backing.kind].map(field).join(','));
  if (slots.isWhole !== true) console.error(`0x${kvm.toString(16)}: not all is known: ${slots.problems.join('; ')}`);
}
if (vms.isWhole !== true) console.error(`there may be other VMs: ${vms.problems.join('; ')}`);
dump.close();
