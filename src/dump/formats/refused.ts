// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';

/** A format that is recognised but not supported: what it is, and what to do, if anything. */
export interface Refused {
  readonly what: string;
  readonly hint?: string;
}

const AS_DUMP = "take one with 'virsh dump --memory-only' or QEMU's dump-guest-memory";
const unpack = (program: string): string => `unpack it first: ${program}`;

/** First bytes of each. Sources: crash (lkcd_dump_v5.h, qemu-load.c, vmware_vmss.h), makedumpfile (sadump_mod.h). */
const SIGNATURES: readonly (readonly [string, Refused])[] = [
  ['DISKDUMP', { what: 'an old diskdump file', hint: 'crash reads it' }],
  ['\xed\x23\x8f\x61\x73\x01\x19\xa8', { what: 'an LKCD dump', hint: 'crash reads it' }],
  ['\xcd\x23\x8f\x61\x73\x01\x19\xa8', { what: 'an LKCD dump of a running system', hint: 'crash reads it' }],
  ['\xa8\x19\x01\x73\x61\x8f\x23\xfd', { what: 'a dump of an s390 machine; only x86-64 dumps are read' }],
  [
    'EMiL\x02\0\0\0',
    {
      what: 'a compressed memory image of AVML (LiME, header version 2)',
      hint: unpack('avml-convert FILE vmcore.lime'),
    },
  ],
  ['LibvirtQemudSave', { what: 'a libvirt save file', hint: `it holds a migration stream; ${AS_DUMP}` }],
  ['LibvirtQemudPart', { what: 'an unfinished libvirt save file', hint: AS_DUMP }],
  ['QEVM', { what: 'a QEMU migration or savevm stream', hint: AS_DUMP }],
  ['sadump\0\0', { what: 'a sadump file', hint: 'makedumpfile converts it to a kdump-compressed file' }],
  ['\xd2\xbe\xd2\xbe', { what: 'a VMware snapshot', hint: 'vmss2core -M converts it to an ELF core' }],
  ['\xd0\xbe\xd0\xbe', { what: 'a VMware snapshot', hint: 'vmss2core -M converts it to an ELF core' }],
  ['\xd3\xbe\xd3\xbe', { what: 'a VMware snapshot', hint: 'vmss2core -M converts it to an ELF core' }],
  ['PAGEDU64', { what: 'a Windows dump; only Linux hosts are read' }],
  ['PAGEDUMP', { what: 'a Windows dump of a 32-bit machine; only Linux hosts are read' }],
  ['QFI\xfb', { what: 'a QEMU disk image (qcow2)', hint: 'a dump of memory is needed' }],
  [
    '\x1f\x8b',
    { what: 'the whole file is compressed with gzip', hint: unpack('gzip -dk FILE, or zcat FILE > vmcore') },
  ],
  ['\x28\xb5\x2f\xfd', { what: 'the whole file is compressed with zstd', hint: unpack('zstd -d FILE -o vmcore') }],
  ['\xfd7zXZ\0', { what: 'the whole file is compressed with xz', hint: unpack('xz -dk FILE, or xzcat FILE > vmcore') }],
  ['BZh', { what: 'the whole file is compressed with bzip2', hint: unpack('bzip2 -dk FILE') }],
  ['\x04\x22\x4d\x18', { what: 'the whole file is compressed with lz4', hint: unpack('lz4 -d FILE vmcore') }],
];

/** The unsupported format of a file that begins with these bytes; null if none is recognised. */
export function refusedForm(start: Bytes): Refused | null {
  const text = Buffer.from(start.array()).toString('latin1');
  return SIGNATURES.find(([signature]) => text.startsWith(signature))?.[1] ?? null;
}
