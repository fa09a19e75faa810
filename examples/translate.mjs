// SPDX-License-Identifier: Apache-2.0
// node translate.mjs DUMP PROCESS ADDRESS: where a guest physical address was in the host.
import { openDump } from 'kvm-vtop';

const [path = '', name = '', address = ''] = process.argv.slice(2);
const dump = await openDump(path);
const { state, hva, hpa, message } = dump.vm(name).translate(BigInt(address));
if (state === 'mapped') console.log(`HVA 0x${hva.toString(16)}, HPA 0x${hpa.toString(16)}`);
else console.log(`${state}: ${message}`);
dump.close();
