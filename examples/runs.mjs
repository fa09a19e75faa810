// SPDX-License-Identifier: Apache-2.0
// node runs.mjs DUMP PROCESS: the memory of a guest as runs of pages with the same answer. Addresses are hexadecimal.
import { openDump } from 'kvm-vtop';

/** @type {(address: bigint) => string} */
const hex = (address) => address.toString(16);

const [path = '', name = ''] = process.argv.slice(2);
const dump = await openDump(path);
for (const { gpa, size, state, hva, hpa, message } of dump.vm(name).space().runs()) {
  const range = `${hex(gpa)}-${hex(gpa + BigInt(size) - 1n)}`;
  if (state === 'mapped') console.log(`${range}  HVA ${hex(hva)}  HPA ${hex(hpa)}`);
  else console.log(`${range}  ${state}: ${message}`);
}
dump.close();
