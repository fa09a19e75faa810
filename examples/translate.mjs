// SPDX-License-Identifier: Apache-2.0
// node translate.mjs DUMP PROCESS ADDRESS: where a guest physical address, in hexadecimal, was in the host.
import { openDump } from 'kvm-vtop';

const [path = '', name = '', address = ''] = process.argv.slice(2);
const dump = await openDump(path);
const gpa = BigInt(`0x${address.replace(/^0x/i, '')}`);
const { state, hva, hpa, message } = dump.vm(name).translate(gpa);
if (state === 'mapped') console.log(`HVA 0x${hva.toString(16)}, HPA 0x${hpa.toString(16)}`);
else console.log(`${state}: ${message}`);
dump.close();
