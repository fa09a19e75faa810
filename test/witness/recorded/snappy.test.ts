// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { kdump } from '../../build/files.js';
import { contentsOf, wishOf } from '../../build/recoded.js';
import { check, dumpFolder } from '../../build/recorded.js';
import { codecLibraries, needing, recordedHosts } from '../../needs.js';

needing(recordedHosts, codecLibraries).test(
  'a host with pages compressed by the real snappy, which Debian’s makedumpfile does not support',
  async () => {
    const host = dumpFolder('debian-6.1-zlib');
    const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-snappy-'));
    for (const name of readdirSync(host)) if (name !== 'vmcore') symlinkSync(join(host, name), join(folder, name));
    writeFileSync(join(folder, 'vmcore'), kdump(wishOf(await contentsOf(join(host, 'vmcore')), 'snappy')));
    expect(check('truth', [folder]).last).toBe('79174 of 79174 right');
  },
);
