// SPDX-License-Identifier: Apache-2.0
// Files of the wrong kind: one line says what they are and how to proceed. More cases are in golden/errors.txt.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { DUMP, ONE } from '../build/alpha.js';
import { elfCore, kdump } from '../build/files.js';
import { WISH } from '../build/pages.js';
import { expectRefusal } from '../build/refusal.js';
import { scratch } from '../build/scratch.js';
import { kvmVtop } from '../run.js';

const { file, folder } = scratch('refused');

describe('the message names the kind of file', () => {
  const text = (start: string) => Buffer.from(`${start}${'\0'.repeat(200)}`, 'latin1');
  test.each<readonly [string, Uint8Array, RegExp]>([
    ['gzip', gzipSync(kdump(WISH)), /the whole file is compressed with gzip; unpack it first: gzip -dk FILE/],
    ['zstd', text('\x28\xb5\x2f\xfd'), /with zstd; unpack it first: zstd -d/],
    ['xz', text('\xfd7zXZ\0'), /with xz; unpack it first: xz -dk/],
    ['Windows', text('PAGEDU64'), /a Windows dump/],
    ['LKCD', text('\xed\x23\x8f\x61\x73\x01\x19\xa8'), /an LKCD dump/],
    ['sadump', text('sadump\0\0'), /a sadump file/],
    ['VMware', text('\xd2\xbe\xd2\xbe'), /a VMware snapshot/],
    ['libvirt', text('LibvirtQemudSave'), /a libvirt save file; .*virsh dump --memory-only/],
    ['migration', text('QEVM'), /a QEMU migration or savevm stream/],
    ['qcow2', text('QFI\xfb'), /a QEMU disk image/],
    ['diskdump', text('DISKDUMP'), /an old diskdump file/],
    ['s390', text('\xa8\x19\x01\x73\x61\x8f\x23\xfd'), /a dump of an s390 machine/],
    [
      'Xen',
      elfCore({ segments: [], notes: [{ name: 'Xen', type: 1, desc: Buffer.alloc(8) }] }),
      /a dump of a Xen hypervisor/,
    ],
  ])('%s', (_name, bytes, message) => {
    expectRefusal(kvmVtop(['phys', '-c', file(bytes), '0']), message);
  });

  test('a FIFO is refused without waiting', () => {
    const path = join(folder, 'fifo');
    spawnSync('mkfifo', [path]);
    expectRefusal(kvmVtop(['-c', path, ...ONE]), /fifo: not a regular file; a dump is needed/);
  });

  test('standard input is refused', () => {
    expect(kvmVtop(['phys', '-c', '-', '0']).stderr).toMatch(/standard input can't be used: random access is needed/);
    expect(kvmVtop(['-c', '/dev/stdin', '-p', '0']).stderr).toMatch(
      /standard input can't be used: random access is needed/,
    );
  });
});

describe('--vmlinux and --kvm-module with a file that is neither', () => {
  const boot = Buffer.alloc(4096);
  boot.write('MZ', 0);
  boot.write('HdrS', 0x202);
  test.each<readonly [string, () => string, RegExp]>([
    ['an empty file', () => file('', 'nothing'), /nothing: not an ELF file/],
    ['vmlinuz', () => file(boot, 'vmlinuz'), /vmlinuz: a boot image \(vmlinuz\), not an ELF file; vmlinux with/],
    ['the dump', () => DUMP, /vmcore\.kdump: not an ELF file/],
    ['a program', () => process.execPath, /: a program, not a kernel; vmlinux with debug information is needed/],
  ])('%s', (_name, path, message) => {
    expectRefusal(kvmVtop(['-c', DUMP, ...ONE, '--vmlinux', path()]), message);
    expectRefusal(kvmVtop(['-c', DUMP, ...ONE, '--kvm-module', path()]), /not an ELF|not a kernel module/);
  });
});

describe("Xen's dumps and AVML's images are refused by name", () => {
  /** `xl dump-core`: an ELF core with sections and without program headers. */
  const domain = (): Buffer => {
    const names = Buffer.from('\0.note.Xen\0.shstrtab\0');
    const header = elfCore({ segments: [] }).subarray(0, 64);
    header.writeBigUInt64LE(0n, 32);
    header.writeUInt16LE(0, 56);
    header.writeBigUInt64LE(64n, 40);
    header.writeUInt16LE(64, 58);
    header.writeUInt16LE(3, 60);
    header.writeUInt16LE(2, 62);
    const sections = Buffer.alloc(3 * 64);
    const section = (index: number, name: number, type: number, offset: number, size: number): void => {
      sections.writeUInt32LE(name, index * 64);
      sections.writeUInt32LE(type, index * 64 + 4);
      sections.writeBigUInt64LE(BigInt(offset), index * 64 + 24);
      sections.writeBigUInt64LE(BigInt(size), index * 64 + 32);
    };
    section(1, 1, 7, 64 + 192, 0);
    section(2, 11, 3, 64 + 192, names.length);
    return Buffer.concat([header, sections, names]);
  };
  const hypervisor = (name: string): Buffer =>
    kdump({
      version: 6,
      packing: 'zlib',
      pages: new Map([[0, Buffer.alloc(4096)]]),
      frames: 1,
      notes: [{ name, type: 0x1000001, desc: Buffer.alloc(8) }],
    });
  const avml = Buffer.alloc(64);
  avml.write('EMiL\x02', 0, 'latin1');

  test.each<readonly [string, () => Uint8Array, RegExp]>([
    ["'xl dump-core'", domain, /xen: a dump of a Xen domain .*; only KVM hosts are read; crash reads it/],
    [
      "'makedumpfile -X'",
      () => hypervisor('Xen'),
      /xen: a dump of a Xen hypervisor with its domain 0; .*; crash reads it/,
    ],
    ['the hypervisor text', () => hypervisor('VMCOREINFO_XEN'), /xen: a dump of a Xen hypervisor/],
    ['AVML', () => avml, /xen: a compressed memory image of AVML .*; unpack it first: avml-convert/],
  ])('%s', (_name, bytes, message) => {
    const path = file(bytes(), 'xen');
    const run = kvmVtop(['-c', path, ...ONE]);
    expectRefusal(run, message);
    expect(run.stderr.split(path)).toHaveLength(2);
  });
});

test.each([
  ['map --html', ['map', '--html', ''], 'the path of the file to write is empty'],
  ['excerpt -o', ['excerpt', '-o', '', '-p', '840'], 'the path of the file to write is empty'],
  ['--debug-dir', ['map', '--debug-dir', ''], 'the path of a directory is empty'],
])('an empty path is refused: %s', (_name, words, message) => {
  expectRefusal(kvmVtop([...words, '-c', DUMP, '-g', '136']), new RegExp(`^kvm-vtop: ${message}\n$`));
});
