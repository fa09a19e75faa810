// SPDX-License-Identifier: Apache-2.0
// Dumps of one kernel build teach each other where its types are. Modules are not part of the build.
import { describe, expect, test } from '@jest/globals';
import { gfn } from '../../../src/core/address.js';
import { silentLog } from '../../../src/core/log.js';
import { KVM_NEEDS } from '../../../src/kvm/needs.js';
import { selectVm } from '../../../src/kvm/select.js';
import { Builds } from '../../../src/opening/builds.js';
import { openHostWith } from '../../../src/opening/open-host.js';
import { nothingBeside } from '../../../src/opening/outside.js';
import { GuestTranslator } from '../../../src/translate/translator.js';
import { type HostOptions, SyntheticHost } from '../../build/host.js';

const SLOT = { id: 0, gpa: 0x34de0000n, pages: 16n, hva: 0x7f0000000000n };
const BUILD_ID = '5a'.repeat(20);

/** The frame of a page of a dump, and how many pages of the dump were read to open it. */
async function answer(builds: Builds, dump: string, options: HostOptions): Promise<unknown> {
  const host = new SyntheticHost({ buildId: BUILD_ID, ...options });
  const { tables } = host.vmm(191, [SLOT]);
  tables.map(SLOT.hva + 0x5000n, 0x611de);
  const image = host.image();
  const known = builds.for(dump);
  const opened = await openHostWith(image, image, {
    log: silentLog,
    needs: KVM_NEEDS,
    outside: nothingBeside,
    builds: known,
  });
  const translator = new GuestTranslator(selectVm(opened, '191', null).vm, 0);
  translator.translate(gfn(0x34de5), 0x840);
  return translator.frame;
}

describe('dumps of one kernel build', () => {
  const types = new SyntheticHost().typesText();
  const moved = types.replace('u64 base_gfn', 'pad 24\n  u64 base_gfn');

  test('each has its own answer, from the first to the fourth', async () => {
    const builds = new Builds();
    for (const dump of ['1', '2', '3', '4']) expect(await answer(builds, dump, {})).toBe(0x611de);
  });

  test('with different modules kvm each has that of its own module', async () => {
    const builds = new Builds();
    const core = { splitBtf: true, vmlinuxTypes: types };
    for (const dump of ['1', '2']) expect(await answer(builds, dump, core)).toBe(0x611de);
    for (const dump of ['3', '4']) expect(await answer(builds, dump, { ...core, types: moved })).toBe(0x611de);
  });

  test('a module that has structures of its own, after two that have none', async () => {
    const builds = new Builds();
    const core = { vmlinuxTypes: types, splitBtf: true };
    const none = { ...core, moduleTypes: 'of_the_module {\nu32 first\n}' };
    for (const dump of ['1', '2']) expect(await answer(builds, dump, none)).toBe(0x611de);
    expect(await answer(builds, '3', { ...core, types: moved })).toBe(0x611de);
  });
});
