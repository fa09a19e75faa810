// SPDX-License-Identifier: Apache-2.0
// The types of module kvm_amd from a file that gcc wrote, for a host whose modules have no BTF: named, found, refused.
import { copyFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { Beside } from '../../src/debuginfo/beside.js';
import type { BesideOptions } from '../../src/debuginfo/beside-options.js';
import { KVM_NEEDS, VCPU_NEEDS } from '../../src/kvm/needs.js';
import { openHostWith } from '../../src/opening/open-host.js';
import { compile, toC } from '../build/compiled.js';
import { Layouts } from '../build/layout.js';
import { RELEASE } from '../build/options.js';
import { scratch } from '../build/scratch.js';
import { amdTypes, VcpuHost } from '../build/vcpus.js';
import { gcc, needing } from '../needs.js';

const { test } = needing(gcc);
const { folder } = scratch('kvm-amd');

const kvmAmd = (release = RELEASE, dwarf: 2 | 3 | 4 | 5 = 5): string =>
  compile(
    `__attribute__((section(".modinfo"))) const char m[] = "license=GPL\\0vermagic=${release} SMP mod_unload";\n${toC(new Layouts(amdTypes('xarray')))}`,
    { dwarf },
  );

/** The row of a vCPU whose VMCB has RFLAGS 0x246, and the warnings. */
async function ask(options: Partial<BesideOptions>, { vendor = 'kvm_amd', needs = VCPU_NEEDS } = {}) {
  const host = new VcpuHost('xarray', { vendor: { name: vendor } });
  host.vcpu(0, { svm: { vmcb: host.vmcb({ 368: 0x246n }) } });
  const { rows, warnings } = await host.ask((image, log) =>
    openHostWith(image, image, { log, needs, outside: new Beside(options, log) }),
  );
  return { rflags: rows[0]?.registers.rflags, source: rows[0]?.sources.rflags, warnings };
}

const UNKNOWN = { rflags: null, source: null };

test.each([2, 3, 4, 5] as const)('a file that the user named, DWARF %i', async (dwarf) => {
  expect(await ask({ kvmAmdModule: kvmAmd(RELEASE, dwarf) })).toMatchObject({ rflags: '0x246', source: 'vmcb' });
});

test('a file in a folder that the user named; it is not searched for unless vCPUs are needed', async () => {
  copyFileSync(kvmAmd(), join(folder, 'kvm-amd.ko'));
  const options = { debugDirs: [folder] };
  expect(await ask(options)).toMatchObject({ rflags: '0x246', source: 'vmcb' });
  expect(await ask(options, { needs: KVM_NEEDS })).toMatchObject(UNKNOWN);
  expect(await ask({ ...options, typesFrom: 'btf' })).toMatchObject(UNKNOWN);
  const empty = mkdtempSync(join(folder, 'empty-'));
  expect(await ask({ debugDirs: [empty] })).toMatchObject(UNKNOWN);
});

test('a file of another release is refused', async () => {
  await expect(ask({ kvmAmdModule: kvmAmd('1.2.3-other') })).rejects.toThrow(/built for kernel 1\.2\.3-other/);
});

test('it is not read on a host that has not loaded the module', async () => {
  const { warnings, ...row } = await ask({ kvmAmdModule: '/nowhere/kvm-amd.ko' }, { vendor: 'kvm_intel' });
  expect([row, warnings]).toEqual([UNKNOWN, []]);
});
