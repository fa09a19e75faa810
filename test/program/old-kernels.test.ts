// SPDX-License-Identifier: Apache-2.0
// Kernels since 2.6.32 that no recorded host runs: synthetic dumps, with types from a compiler's DWARF.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { compile, toC } from '../build/compiled.js';
import { SyntheticHost } from '../build/host.js';
import { PAGE, protNone, swapEntry } from '../build/memory.js';
import { ERAS, type Era } from '../build/old-kernels.js';
import { RELEASE, VERSION } from '../build/options.js';
import { dumpOf as bytesOf } from '../build/written.js';
import { gcc, needing } from '../needs.js';
import { kvmVtop } from '../run.js';

const withGcc = needing(gcc);
const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-old-'));
const HVA = 0x7f0000000000n;

/** A complete ELF dump of a host. */
function dumpOf(host: SyntheticHost, name: string): string {
  const path = join(folder, `${name}.elf`);
  writeFileSync(path, bytesOf(host));
  return path;
}

const banner = (release: string) =>
  `const char linux_banner[] = "Linux version ${release} (us@here) (gcc) ${VERSION}\\n";\n`;
const typesOf = (host: SyntheticHost, dwarf: 2 | 3 | 4 | 5, release = RELEASE) =>
  compile(banner(release) + toC(host.layouts), { linked: true, dwarf });

const rawSwap = (era: Era['swap'], type: number, offset: bigint): bigint =>
  era === 'inverted'
    ? swapEntry(type, offset)
    : era !== 'bits 9 to 13'
      ? (BigInt(type) << 1n) | (offset << 9n)
      : (BigInt(type) << 9n) | (offset << 14n);
/** A PROT_NONE entry before the L1TF fix: the frame is not inverted. */
const plainProtNone = (frame: number): bigint => (BigInt(frame) << 12n) | 0x166n;

interface Line {
  readonly gpa: string;
  readonly hpa: string | null;
  readonly state: string;
  readonly protNone: boolean;
  readonly frame: string | null;
  readonly swap: { type: number; offset: number } | null;
  readonly slot: { id: number; internal: boolean } | null;
}

describe.each(Object.entries(ERAS))('%s', (name, { options, spaces, swap }) => {
  const make = () => {
    const host = new SyntheticHost(options);
    for (let type = 0; type < (options.swapFiles ?? 24); type++) host.swapArea(type);
    const internal =
      name === '2.6.32' || name === 'RHEL 6' ? 33 : name.startsWith('3.') ? 126 : name === '5.14' ? 32765 : 510;
    const { task, tables, vm } = host.vmm(
      191579,
      [
        { id: 0, gpa: 0n, pages: 0xa0n, hva: HVA },
        { id: 3, gpa: 0x100000n, pages: 0x10000n, hva: HVA + 0x100000n },
        { id: 1, gpa: 0x100000000n, pages: 2n, hva: HVA + 0x80000000n },
        { id: internal, gpa: 0xfee00000n, pages: 1n, hva: HVA + 0x90000000n },
      ],
      'qemu-kvm',
      spaces === 2 ? [{ id: 5, gpa: 0x30000n, pages: 1n, hva: HVA + 0xa0000000n }] : [],
    );
    tables.map(HVA, 0x111);
    tables.map(HVA + 0x100000n, 0x222);
    tables.map(HVA + 0x80001000n, 0x333);
    tables.map(HVA + 0x90000000n, 0x444);
    tables.map(HVA + 0xa0000000n, 0x555);
    tables.set(HVA + 0x1000n, 0, swap === 'inverted' ? protNone(0x666) : plainProtNone(0x666));
    tables.set(HVA + 0x2000n, 0, rawSwap(swap, 2, 0x777n));
    const types = options.swapFiles ?? 24;
    tables.set(HVA + 0x3000n, 0, rawSwap(swap, types, 0x888n));
    host.thread(
      191580,
      task,
      'CPU 0/KVM',
      host.pointer(task + host.offset('task_struct', 'mm')),
      host.pointer(task + host.offset('task_struct', 'files')),
    );
    host.task(1, 'init', 0n, host.files({}));
    return { host, vm };
  };

  withGcc.test.each([2, 4, 5] as const)('answers of every kind, types from DWARF %i', (dwarf) => {
    const { host } = make();
    const dump = dumpOf(host, `${name}-${dwarf}`);
    const beside = ['-c', dump, '--vmlinux', typesOf(host, dwarf), '--json'];
    const ask = (process: string, ...gpas: string[]) => {
      const { stdout, stderr } = kvmVtop([...beside, '-g', process, '-p', ...gpas]);
      return {
        stderr,
        lines: stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Line),
      };
    };
    const { lines, stderr } = ask(
      '191579',
      '5',
      '1000',
      '2000',
      '3000',
      '100abc',
      '100001fff',
      '100002000',
      'fee00000',
      'a0000',
    );
    expect(stderr.replace(/^kvm-vtop: swap area 2: .*\n/m, '')).toBe('');
    expect(lines.map(({ state, hpa, protNone: none, frame }) => [state, hpa, none, frame])).toEqual([
      ['mapped', '0x111005', false, null],
      ['mapped', '0x666000', true, null],
      [swap === 'not known' ? 'damaged' : 'swapped', null, false, null],
      swap === 'not known' ? ['damaged', null, false, null] : ['poisoned', null, false, '0x888'],
      ['mapped', '0x222abc', false, null],
      ['mapped', '0x333fff', false, null],
      ['no-memslot', null, false, null],
      ['mapped', '0x444000', false, null],
      ['no-memslot', null, false, null],
    ]);
    if (swap === 'not known') expect(lines[2]?.swap).toBeNull();
    else expect(lines[2]?.swap).toMatchObject({ type: 2, offset: 0x777 });
    expect(lines.map(({ slot }) => slot?.id)).toEqual([0, 0, 0, 0, 3, 1, undefined, expect.any(Number), undefined]);
    expect(lines.map(({ slot }) => slot?.internal ?? false)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
    expect(ask('191580', '5').lines[0]).toMatchObject({ hpa: '0x111005' });
    const { stderr: none } = kvmVtop([...beside, '-g', '1', '-p', '0']);
    expect(none).toMatch(/pid 1 \(init\) does not hold a VM; VMs: 191579 \(qemu-kvm, fd 9\)/);
  });

  const smm = () => {
    withGcc.test('the address space of SMM is answered', () => {
      const { host } = make();
      const run = kvmVtop([
        '-c',
        dumpOf(host, `${name}-smm`),
        '--vmlinux',
        typesOf(host, 4),
        '-g',
        '191579',
        '--address-space',
        '1',
        '-p',
        '30000',
        '100000',
        '--json',
      ]);
      expect(
        run.stdout
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as Line).hpa),
      ).toEqual(['0x555000', null]);
    });
  };
  // The other kernels have one address space.
  if (spaces === 2) smm();

  const displaced = () => {
    const { host, vm } = make();
    const set = host.pointer(vm + host.offset('kvm', 'memslots'));
    const [first, second] = [0, 1].map((i) => set + host.offset('kvm_memslots', `memslots[${i}]`));
    host.set('kvm_memory_slot', second as bigint, {
      id: host.byte((first as bigint) + host.offset('kvm_memory_slot', 'id')),
    });
    const files = ['-c', dumpOf(host, `${name}-ids`), '--vmlinux', typesOf(host, 4)];
    const { stdout, stderr } = kvmVtop([...files, '-g', '191579', '-p', '0']);
    expect([stdout, stderr]).toEqual(['', expect.stringMatching(/memslot \d+ is at index 1, but id_to_index has 0: /)]);
  };
  // Older kernels do not have id_to_index.
  if (options.types?.includes('id_to_index') === true)
    withGcc.test('a slot that is not at the index of its id is damage', displaced);

  withGcc.test('memslots on a page of zeros: no address is reported as having no slot', () => {
    const { host, vm } = make();
    const isInline = host.has('kvm', 'nmemslots');
    if (isInline) host.set('kvm', vm, { nmemslots: 0 });
    else {
      const set = host.pointer(vm + host.offset('kvm', 'memslots'));
      host.write(set, new Uint8Array(host.layouts.size('kvm_memslots')));
    }
    const files = ['-c', dumpOf(host, `${name}-erased`), '--vmlinux', typesOf(host, 4)];
    const { stdout, stderr } = kvmVtop([...files, '-g', '191579', '-p', '0']);
    if (host.has('kvm_memslots', 'id_to_index')) {
      expect(stdout).toBe('');
      expect(stderr).toMatch(/memslots of the VM at 0x[0-9a-f]+: kvm_memslots.id_to_index .*only zeros/);
    } else expect(stdout).toMatch(/\n0 +- +\(slots-missing\)/);
  });
});

withGcc.describe('the example of 2012', () => {
  const MAIL = `GUEST PHYSICAL    HOST VIRTUAL      HOST PHYSICAL
34de5840          7f060cbe5840      611de5840

   PML: 72dbb67f0 => 875afa067
   PUD: 875afa0c0 => 736871067
   PMD: 736871328 => 8000000611c000e7
  PAGE: 611c00000  (2MB)

      PTE         PHYSICAL   FLAGS
8000000611c000e7  611c00000  (PRESENT|RW|USER|ACCESSED|DIRTY|PSE|NX)

      VMA           START       END     FLAGS FILE
ffff8806edca49e0 7f05d7e00000 7f0697e00000 80120073

      PAGE        PHYSICAL      MAPPING       INDEX CNT FLAGS
ffffea00153e8a18 611de5000                0 7f9e743e5  0 c0000000008000
`;
  const RELEASE_THEN = '2.6.32-220.el6.x86_64';

  /** A host with the tables, mapping and struct page of the example at their addresses. */
  function host(users = 5): SyntheticHost {
    const made = new SyntheticHost({ ...(ERAS['RHEL 6'] as Era).options, release: RELEASE_THEN });
    const start = 0x7f05d7e00000n;
    const slots = [
      { id: 0, gpa: 0n, pages: 0xa0n, hva: start },
      { id: 1, gpa: 0x100000n, pages: 0xbff00n, hva: start + 0x100000n },
    ];
    const at = (address: bigint, values: Parameters<SyntheticHost['set']>[2], struct: string) => {
      made.kernel.map(address & ~0xfffn, made.memory.allocate());
      made.set(struct, address, values);
    };
    const vma = 0xffff8806edca49e0n;
    at(vma, { vm_start: start, vm_end: 0x7f0697e00000n, vm_flags: 0x80120073n }, 'vm_area_struct');
    at(0xffffea00153e8a18n, { flags: 0xc0000000008000n, index: 0x7f9e743e5n }, 'page');
    const pgd = made.allocate(4096, PAGE);
    made.remap(pgd, 0x72dbb6);
    made.memory.writeU64(0x72dbb67f0n, 0x875afa067n);
    made.memory.writeU64(0x875afa0c0n, 0x736871067n);
    made.memory.writeU64(0x736871328n, 0x8000000611c000e7n);
    const mm = made.make('mm_struct', {
      pgd,
      mm_users: users,
      'mm_rb.rb_node': vma + made.offset('vm_area_struct', 'vm_rb'),
    });
    const vm = made.vm(mm, slots);
    made.task(191579, 'qemu-kvm', mm, made.files({ 15: made.file(made.vmFops, vm, 'kvm-vm') }));
    made.symbol(
      'Dnode_data',
      made.make('list_head', { next: made.make('pglist_data', { node_present_pages: 0x900000n }) }),
    );
    return made;
  }

  test.each([2, 3, 4, 5] as const)('is reproduced exactly, types from DWARF %i', (dwarf) => {
    const made = host();
    const vmlinux = typesOf(made, dwarf, RELEASE_THEN);
    const args = ['-c', dumpOf(made, `mail-${dwarf}`), '--vmlinux', vmlinux, '-g', '191579', '-p', '34de5840'];
    expect(kvmVtop([...args, '--style', '2012'])).toEqual({ status: 0, stdout: MAIL, stderr: '' });
    const json = JSON.parse(kvmVtop([...args, '--json']).stdout) as Line;
    expect(json).toMatchObject({ state: 'mapped', hpa: '0x611de5840', pageSize: 2 ** 21 });
  });

  test('the mapping of a process that has exited is not shown, although its tree still has one', () => {
    const made = host(0);
    const vmlinux = typesOf(made, 4, RELEASE_THEN);
    const args = ['-c', dumpOf(made, 'mail-gone'), '--vmlinux', vmlinux, '-g', '191579', '-p', '34de5840'];
    const { stdout, stderr } = kvmVtop(args);
    expect(stdout).toContain('611c00000');
    expect({ stderr, mapping: /VMA/.test(stdout) }).toEqual({ stderr: '', mapping: false });
  });

  test('without types: the error says what is missing, and what would help', () => {
    const run = kvmVtop(['-c', dumpOf(host(), 'mail-bare'), '-g', '191579', '-p', '34de5840']);
    expect(run).toMatchObject({ status: 2, stdout: '' });
    expect(run.stderr).toMatch(
      /^kvm-vtop: kernel 2\.6\.32-220\.el6\.x86_64 has no BTF .*; tried without success: a shipped profile of 2\.6\.32-220\.el6\.x86_64 .*, kvm\.ko, vmlinux; use --vmlinux and --kvm-module for .*\n$/,
    );
  });

  test('is answered with a layout profile written from its debug information', () => {
    const made = host();
    const profile = join(folder, 'profile.json');
    const vmlinux = typesOf(made, 2, RELEASE_THEN);
    expect(kvmVtop(['layout', '--vmlinux', vmlinux, '-o', profile])).toMatchObject({ status: 0, stderr: '' });
    const dump = dumpOf(made, 'mail-profile');
    const run = kvmVtop(['-c', dump, '--layout', profile, '-g', '191579', '-p', '34de5840', '--style', '2012']);
    const stderr = expect.stringMatching(/^kvm-vtop: layout profile .* has no build-id of module kvm: .*\n$/);
    expect(run).toEqual({ status: 0, stdout: MAIL, stderr });
  });
});
