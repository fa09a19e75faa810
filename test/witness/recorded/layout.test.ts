// SPDX-License-Identifier: Apache-2.0
// Profiles written from complete dumps equal the included ones.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { dumpFolder } from '../../build/recorded.js';
import { scratch } from '../../build/scratch.js';
import { needing, recordedHosts } from '../../needs.js';
import { HOSTS, kvmVtop, ROOT } from '../../run.js';

const { folder } = scratch('layout');
const SHIPPED = join(ROOT, 'src', 'layouts');
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

/** What debug information of kvm-amd.ko added to a profile: a kernel without BTF of modules does not have it in its dump. */
const FROM_MODULE = ['vcpu_svm', 'kvm_lapic', 'kvm_x86_ops', 'x86_emulate_ops'];
function withoutModule(profile: Record<string, unknown>): Record<string, unknown> {
  const structs = Object.entries(profile.structs as object).filter(([name]) => !FROM_MODULE.includes(name));
  return { ...profile, kvmAmdBuildId: null, source: 'BTF of vmlinux', structs: Object.fromEntries(structs) };
}

needing(recordedHosts).describe.each(HOSTS)('$fixture', ({ fixture, host }) => {
  test('a profile written from the complete dump equals the included one', () => {
    const output = join(folder, `${fixture}.json`);
    const run = kvmVtop(['layout', '-c', join(dumpFolder(host), 'vmcore'), '--types', 'btf', '-o', output]);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toMatch(/: \d\d structures, \d+ members, \d+ bytes, kernel /);
    const written = read(output);
    const shipped = read(join(SHIPPED, `${String(written.release)}.json`));
    const isFromDwarf = String(shipped.source).includes('DWARF of kvm-amd.ko');
    expect(written).toEqual(isFromDwarf ? withoutModule(shipped) : shipped);
  });
});
