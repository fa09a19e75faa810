// SPDX-License-Identifier: Apache-2.0
// The creator, the holders and the names of VMs, if processes hold the VMs of others, or can't be read.
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { vms } from '../../../src/commands/vms.js';
import type { VmRow } from '../../../src/index.js';
import { PatchedDump } from '../../build/patched.js';
import { FIXTURES } from '../../run.js';

let patched: PatchedDump;
let whole: readonly VmRow[];
beforeAll(async () => {
  patched = await PatchedDump.open(join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump'));
  whole = [...patched.dump.vms()];
});
afterEach(() => {
  patched.restore();
});

/** The pids of alpha, beta, and the process that holds the VM of a creator that has exited. */
const [ALPHA, BETA, HOLDER] = [147, 153, 181];
/** That creator, a zombie. */
const GONE = { pid: 182, comm: 'orphan-maker', alive: false };

const original = (pid: number): VmRow => whole.find((row) => row.holders.some((holder) => holder.pid === pid)) as VmRow;

/** The rows of these VMs now, and whether all rows are complete. */
function rowsOf(...vms: readonly VmRow[]) {
  const all = patched.dump.vms();
  const found = [...all];
  return { found: vms.map(({ kvm }) => found.find((row) => row.kvm === kvm)), all: found, isWhole: all.isWhole };
}

/** Makes descriptor 0 of a process refer to the file of another one. */
const pass = (pid: number, from: number, fd: number): void => {
  patched.write(patched.descriptor(pid, 0), patched.file(from, fd).address, 8);
};

test('all processes can be read', () => {
  expect([ALPHA, BETA, HOLDER].map((pid) => original(pid).name)).toEqual(['alpha', 'beta', null]);
  expect(original(HOLDER)).toMatchObject({ pid: HOLDER, creator: GONE });
  expect(
    whole.every(({ problems, creator }) => problems.every((text) => text.startsWith('name: ')) && creator !== null),
  ).toBe(true);
});

test('names of processes are decoded if they are UTF-8', () => {
  const rename = (pid: number, name: string, encoding: 'utf8' | 'latin1'): void => {
    const comm = patched.at('task_struct', patched.task(pid).address, 'comm');
    Buffer.from(`${name}\0`, encoding).forEach((byte, i) => {
      patched.write(comm + BigInt(i), byte, 1);
    });
  };
  rename(ALPHA, 'z\xfcrich', 'latin1');
  rename(BETA, '\u6771\u4eac', 'utf8');
  rename(GONE.pid, 'z\xfcrich', 'utf8');
  expect(rowsOf(original(ALPHA), original(BETA), original(HOLDER)).found).toMatchObject([
    { holders: [{ comm: 'z\xfcrich' }], creator: { comm: 'z\xfcrich' } },
    { holders: [{ comm: '\u6771\u4eac' }], creator: { comm: '\u6771\u4eac' } },
    { holders: [{ comm: 'orphan-holder' }], creator: { comm: 'z\xfcrich', alive: false } },
  ]);
});

describe('a VM that several processes hold', () => {
  test("has its creator's pid, name and arguments", () => {
    pass(ALPHA, BETA, 9);
    const { found, isWhole } = rowsOf(original(BETA));
    const holders = [{ pid: ALPHA, comm: 'qemu-system-x86', fd: 0 }, ...original(BETA).holders];
    expect(found).toEqual([{ ...original(BETA), holders }]);
    expect(isWhole).toBe(true);
    expect(patched.dump.vm('beta')).toMatchObject({ pid: BETA, fd: 9 });
  });

  test('has in text the name and the descriptor of the process whose pid is shown', async () => {
    pass(ALPHA, BETA, 9);
    const text = await patched.textOf(vms);
    expect(text).toMatch(/^153 +beta +qemu-system-x86 +9 /m);
    // Whether the guest of a creator that has exited had a name is not known.
    expect(text).toMatch(/^181 +\? +orphan-holder \(created by 182, exited\) +5 .* \?$/m);
    expect(text).toMatch(/^183 +- +protnone +4 .* -$/m);
  });

  test('and whose creator has exited, does not have the name of one of them', () => {
    pass(ALPHA, HOLDER, 5);
    const { found, isWhole } = rowsOf(original(HOLDER));
    expect(found).toMatchObject([{ pid: ALPHA, name: null, uuid: null, creator: GONE }]);
    expect(found[0]?.problems).toEqual([
      'name: pid 182, which created the VM: the process has exited, and its memory is gone',
    ]);
    expect(found[0]?.arguments).toEqual(original(ALPHA).arguments);
    expect(isWhole).toBe(true);
    expect(patched.dump.vm('alpha').kvm).toBe(original(ALPHA).kvm);
  });
});

describe('the creator', () => {
  const pidOf = (row: VmRow): bigint => patched.at('kvm', row.kvm, 'userspace_pid');

  test.each([0, 2 ** 22, 0x7fffffff, ALPHA, 99])(
    'is the holder whose memory is that of the VM, if struct kvm has pid %i',
    (pid) => {
      patched.write(pidOf(original(BETA)), pid, 4);
      expect(rowsOf(original(BETA))).toMatchObject({ found: [original(BETA)], isWhole: true });
    },
  );

  test.each([
    [0, /^creator: .*: userspace_pid is 0$/],
    [2 ** 22, /^creator: .*: userspace_pid is 4194304$/],
    [ALPHA, /^creator: pid 147 is now qemu-system-x86, which does not have the memory of the VM$/],
  ])('is not known if there is no such holder and struct kvm has pid %i', (pid, problem) => {
    patched.write(pidOf(original(HOLDER)), pid, 4);
    const { found, isWhole } = rowsOf(original(HOLDER));
    expect(found).toMatchObject([{ pid: HOLDER, creator: null }]);
    expect(found[0]?.problems).toContainEqual(expect.stringMatching(problem));
    expect(isWhole).toBe(false);
  });

  test('has not exited if its memory is in use', () => {
    const mm = original(HOLDER).mm as bigint;
    patched.write(patched.at('mm_struct', mm, 'mm_users'), 1, 4);
    const { found, isWhole } = rowsOf(original(HOLDER));
    expect(found).toMatchObject([{ creator: null }]);
    expect(found[0]?.problems).toContainEqual(
      'creator: pid 182 is now orphan-maker, which does not have the memory of the VM',
    );
    expect(isWhole).toBe(false);
  });

  test.each([0, 1])('has exited if no task has its pid and its memory has %i users, 0', (users) => {
    // No task has this pid.
    patched.write(pidOf(original(HOLDER)), 99_999, 4);
    patched.write(patched.at('mm_struct', original(HOLDER).mm as bigint, 'mm_users'), users, 4);
    const { found, isWhole } = rowsOf(original(HOLDER));
    expect(found[0]?.creator).toEqual(users === 0 ? { pid: 99_999, comm: null, alive: false } : null);
    expect(found[0]?.problems.includes('creator: pid 99999 does not exist, but its memory does')).toBe(users > 0);
    expect(isWhole).toBe(users === 0);
  });

  test.each([0n, 1n, 0x7f0000000000n])(
    "has no memory that is known if struct kvm has an mm that can't be: %s",
    (mm) => {
      patched.write(patched.at('kvm', original(BETA).kvm, 'mm'), mm, 8);
      const { found, isWhole } = rowsOf(original(BETA));
      expect(found).toMatchObject([{ mm: null, memory: null }]);
      expect(found[0]?.problems).toContainEqual(
        expect.stringMatching(`^struct kvm: .*: mm of a VM can't be 0x${mm.toString(16)}$`),
      );
      expect(isWhole).toBe(false);
    },
  );

  describe.each(['hidden', 'zeros'])('on a page that is missing (%s)', (how) => {
    const lose = (address: bigint): void => {
      if (how === 'hidden') patched.hide(patched.frameOf(address));
      else patched.zero(patched.frameOf(address));
    };

    test('of which the task is lost is not said to have exited', () => {
      const { address } = patched.task(BETA);
      lose(patched.at('task_struct', address, 'pid'));
      const { found, isWhole } = rowsOf(original(BETA));
      expect(found).toMatchObject([{ kvm: original(BETA).kvm, pid: null, creator: null }]);
      expect(isWhole).toBe(false);
      for (const rows of [patched.dump.slots(), patched.dump.vcpus()]) {
        expect([...rows].filter(({ pid }) => pid === null).map(({ kvm }) => kvm)).toContain(original(BETA).kvm);
        expect(rows.isWhole).toBe(false);
        expect(rows.problems).toContainEqual(expect.stringMatching(/^creator: /));
      }
    });

    test('and its VM is lost: the other VMs are listed', () => {
      lose(patched.at('kvm', original(ALPHA).kvm, 'mm'));
      const { found, all, isWhole } = rowsOf(original(ALPHA), original(BETA));
      expect(all).toHaveLength(whole.length);
      expect(found).toMatchObject([{ mm: null, memory: null, name: null }, original(BETA)]);
      expect(found[0]?.problems).toContainEqual(expect.stringMatching(/^struct kvm: /));
      expect(isWhole).toBe(false);
      expect(patched.dump.vm('beta')).toMatchObject({ kvm: original(BETA).kvm });
      const slots = patched.dump.slots();
      expect(new Set([...slots].map(({ kvm }) => kvm)).size).toBe(whole.length - 1);
      expect(slots.isWhole).toBe(false);
    });
  });
});

describe('holders', () => {
  test.each<readonly [string, () => void]>([
    [
      'another f_op',
      () => {
        patched.write(patched.at('file', patched.file(ALPHA, 9).address, 'f_op'), patched.file(ALPHA, 9).op + 8n, 8);
      },
    ],
    [
      'no private_data',
      () => {
        patched.write(patched.at('file', patched.file(ALPHA, 9).address, 'private_data'), 0, 8);
      },
    ],
    [
      'private_data that is not a VM',
      () => {
        patched.write(
          patched.at('file', patched.file(ALPHA, 9).address, 'private_data'),
          patched.task(ALPHA).address,
          8,
        );
      },
    ],
    [
      'a struct file on a page of zeros',
      () => {
        patched.zero(patched.frameOf(patched.file(ALPHA, 9).address));
      },
    ],
    [
      'a struct file on a page that is missing',
      () => {
        patched.hide(patched.frameOf(patched.file(ALPHA, 9).address));
      },
    ],
    [
      'a descriptor table on a page of zeros',
      () => {
        patched.zero(patched.frameOf(patched.descriptor(ALPHA, 9)));
      },
    ],
  ])('%s: the process may hold other VMs', (_name, change) => {
    change();
    const { found, all, isWhole } = rowsOf(original(ALPHA));
    expect(all).toHaveLength(whole.length);
    expect(found).toMatchObject([{ holders: [{ pid: ALPHA, fd: null }], creator: original(ALPHA).creator }]);
    for (const { problems } of all)
      expect(problems).toContainEqual(
        expect.stringMatching(/^holders: pid 147 \(qemu-system-x86\) may hold other VMs: /),
      );
    expect(isWhole).toBe(false);
    const slots = patched.dump.slots({ process: ALPHA });
    expect(new Set([...slots].map(({ kvm }) => kvm))).toEqual(new Set([original(ALPHA).kvm]));
    expect(slots.isWhole).toBe(false);
    expect(slots.problems).toContainEqual(
      expect.stringMatching(/^pid 147 \(qemu-system-x86\) may hold VMs that can't be read: /),
    );
    expect(() => patched.dump.vm(ALPHA)).toThrow(/may hold VMs that can't be read/);
    expect(patched.dump.vm(ALPHA, { vm: original(ALPHA).kvm })).toMatchObject({ pid: ALPHA, fd: null });
  });

  test('a descriptor beside that of the VM leads to memory that is missing: the process may hold other VMs', () => {
    patched.write(patched.descriptor(ALPHA, 0), 0xffff888ffff00000n, 8);
    const { found, isWhole } = rowsOf(original(ALPHA), original(BETA));
    expect(found.map((row) => row?.holders)).toEqual([original(ALPHA).holders, original(BETA).holders]);
    for (const row of found)
      expect(row?.problems).toEqual([
        expect.stringMatching(/^holders: pid 147 \(qemu-system-x86\) may hold other VMs: .*descriptor 0/),
      ]);
    expect(isWhole).toBe(false);
  });

  test('if the list of processes is lost, a VM still has its creator, and the process that was asked for', () => {
    const head = patched.at('task_struct', patched.host.symbols.get('init_task') as bigint, 'tasks');
    patched.hide(patched.frameOf(head));
    const { found, isWhole } = rowsOf(original(ALPHA), original(HOLDER));
    expect(found).toMatchObject([
      { pid: ALPHA, creator: original(ALPHA).creator, holders: [] },
      { pid: null, creator: GONE, holders: [] },
    ]);
    expect(isWhole).toBe(false);
    patched.warnings.length = 0;
    const rows = patched.dump.vms({ process: ALPHA });
    const holders = ['holders: the other processes and VMs of the host could not be read'];
    expect([...rows]).toEqual([{ ...original(ALPHA), problems: holders }]);
    expect(rows.isWhole).toBe(false);
    expect(patched.warnings).toEqual([]);
  });

  test('each warning is logged once', () => {
    patched.hide(patched.frameOf(patched.file(ALPHA, 9).address));
    for (const rows of [patched.dump.vms({ process: ALPHA }), patched.dump.slots({ process: ALPHA })]) {
      patched.warnings.length = 0;
      expect([...rows].length).toBeGreaterThan(0);
      expect(patched.warnings.length).toBeGreaterThan(0);
      expect(patched.warnings).toEqual([...new Set(patched.warnings)]);
    }
  });
});
