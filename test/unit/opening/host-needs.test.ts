// SPDX-License-Identifier: Apache-2.0
// A host is opened for stated needs: processes and their memory do not need KVM.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { vpnOf } from '../../../src/core/address.js';
import { DumpError, UsageError } from '../../../src/core/errors.js';
import { silentLog } from '../../../src/core/log.js';
import type { Host } from '../../../src/kernel/host.js';
import { readMm } from '../../../src/kernel/mm.js';
import { HOST_NEEDS } from '../../../src/kernel/needs.js';
import { Tasks } from '../../../src/kernel/tasks.js';
import { Kvm } from '../../../src/kvm/kvm.js';
import { KVM_NEEDS } from '../../../src/kvm/needs.js';
import { type OpenOptions, openDump } from '../../../src/open.js';
import { openHost } from '../../../src/opening/open-host.js';
import { PageWalker, Walk } from '../../../src/paging/walker.js';
import { SyntheticHost } from '../../build/host.js';
import { SMALL_KERNEL } from '../../build/small-kernel.js';
import { sources, textsOf } from '../../build/source.js';
import { FIXTURES, ROOT } from '../../run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-needs-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const DUMP = join(FIXTURES, 'debian-6.1', 'vmcore.kdump');

interface Profile {
  kvmBuildId: string | null;
  structs: Record<string, unknown>;
}

let made = 0;

/** The profile of the fixture's kernel, with changes. */
function profile(change: (profile: Profile) => void): string {
  const changed = JSON.parse(readFileSync(join(ROOT, 'src', 'layouts', '6.1.0-50-amd64.json'), 'utf8')) as Profile;
  change(changed);
  const path = join(folder, `${made++}.json`);
  writeFileSync(path, JSON.stringify(changed));
  return path;
}

/** The profile of a kernel without KVM. */
const WITHOUT_KVM = profile(({ structs }) => {
  for (const name of Object.keys(structs)) if (name.startsWith('kvm')) structs[name] = null;
});

async function opened<T>(layout: string, options: Pick<OpenOptions, 'needs'>, work: (host: Host) => T): Promise<T> {
  const { host, close } = await openDump(DUMP, { beside: { typesFrom: 'layout', layout }, ...options });
  try {
    return work(host);
  } finally {
    close();
  }
}

/** The physical address of a process's address, hexadecimal; null if nothing is mapped. */
function translate(host: Host, pid: number, hva: bigint): string | null {
  const task = new Tasks(host).byPid(pid);
  const walker = new PageWalker(host.frames, host.memory.form);
  const mapped = walker.walk(readMm(host, task?.mm ?? 0n).root, vpnOf(hva)) === Walk.Mapped;
  return mapped ? `0x${(BigInt(walker.frame) * 4096n + (hva & 0xfffn)).toString(16)}` : null;
}

interface Facts {
  readonly questions: readonly {
    readonly process: string;
    readonly cases: readonly { readonly hva: string | null; readonly hpa: string | null; readonly state: string }[];
  }[];
}

describe('a kernel without types of KVM', () => {
  test("opens for its processes; their pages are where the kernel's pagemap reported them", async () => {
    const { questions } = JSON.parse(readFileSync(join(FIXTURES, 'debian-6.1', 'facts.json'), 'utf8')) as Facts;
    const cases = questions
      .filter(({ process }) => process === '136')
      .flatMap((question) => question.cases.filter(({ state }) => state === 'mapped'));
    const found = await opened(WITHOUT_KVM, { needs: 'host' }, (host) =>
      cases.map(({ hva }) => translate(host, 136, BigInt(hva ?? 0))),
    );
    expect(found).toEqual(cases.map(({ hpa }) => hpa));
    expect(cases.length).toBeGreaterThan(5);
  });

  test('does not open for VMs', async () => {
    await expect(opened(WITHOUT_KVM, {}, () => null)).rejects.toMatchObject({
      code: 'no-types',
      message: expect.stringMatching(/^kernel 6\.1\.0-50-amd64: no types of KVM/),
      remedies: ['layout'],
    });
  });

  test('a profile with the module of another build is accepted for processes, but not for VMs', async () => {
    const other = profile((changed) => {
      changed.kvmBuildId = 'ab'.repeat(20);
    });
    expect(await opened(other, { needs: 'host' }, (host) => new Tasks(host).byPid(136)?.comm)).toMatch(/^qemu/);
    await expect(opened(other, {}, () => null)).rejects.toMatchObject({ code: 'other-build' });
  });
});

describe('a host on which KVM is not loaded', () => {
  const made = (types: string) => {
    const host = new SyntheticHost({ kvm: 'absent', btfTypes: types });
    const { address } = host.mm();
    host.task(42, 'bash', address, host.files({}));
    const image = host.image();
    return { address, open: (needs: typeof HOST_NEEDS) => openHost(image, image, silentLog, needs) };
  };

  test('processes and their memory are read', () => {
    const { address, open } = made(SMALL_KERNEL);
    const host = open(HOST_NEEDS);
    const task = new Tasks(host).byPid(42);
    expect(task).toMatchObject({ comm: 'bash', mm: address });
    expect(readMm(host, task?.mm ?? 0n)).toMatchObject({ address });
    expect(() => open(KVM_NEEDS)).toThrow(/^kernel 9\.9\.9-synthetic: no types of KVM/);
  });

  test('VMs are not available from a host that was opened for other needs', () => {
    expect(() => new Kvm(made(SMALL_KERNEL).open(HOST_NEEDS))).toThrow(UsageError);
    const { open } = made(new SyntheticHost().typesText());
    const loading = () => new Kvm(open(KVM_NEEDS));
    expect(loading).toThrow(DumpError);
    expect(loading).toThrow(expect.objectContaining({ code: 'no-kvm' }));
  });

  test('without any types, the remedies do not include the module', () => {
    const host = new SyntheticHost({ kvm: 'absent', noBtf: true });
    const image = host.image();
    expect(() => openHost(image, image, silentLog, HOST_NEEDS)).toThrow(
      expect.objectContaining({ code: 'no-types', remedies: ['vmlinux', 'layout'] }),
    );
  });
});

test('the rooms that open and view a host do not name KVM', () => {
  const rooms = [...sources((name) => /^(kernel|opening)\//.test(name))];
  const found = rooms.flatMap((source) =>
    textsOf(source)
      .filter((text) => /kvm/i.test(text))
      .map((text) => `${source.fileName}: ${text}`),
  );
  expect(found).toEqual([]);
  expect(rooms.length).toBeGreaterThan(25);
});
