// SPDX-License-Identifier: Apache-2.0
// The files of libkdumpfile's tests: every page is compared with what libkdumpfile reads.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openImage } from '../../src/open.js';
import { type Need, needing } from '../needs.js';
import { SHARED } from '../run.js';

const PEER = join(SHARED, 'peer-dumps', 'libkdumpfile');
interface Answers {
  readonly files: readonly string[];
  readonly pages?: Readonly<Record<string, { readonly sha256?: string; readonly error?: string }>>;
}
const hasPeers = existsSync(PEER);
const peerDumps: Need = { name: `test files of libkdumpfile in ${PEER}`, isThere: () => hasPeers, installable: false };
needing(peerDumps).describe('test files of libkdumpfile', () => {
  const answers = hasPeers
    ? (JSON.parse(readFileSync(join(PEER, 'answers.json'), 'utf8')) as Readonly<Record<string, Answers>>)
    : {};
  /** Files of other machines, of formats that are not supported, and empty ones. */
  const REFUSED = /i386|ppc64|s390x|arm|ia32|aarch64|elf-be|lkcd|sadump|zero-size|diskdump-empty|task_struct/;
  /** In these libkdumpfile reads zeros where there is no segment. */
  const ZEROS = /elf-(fractional|le|overlap|partial|virt-phys-clash)/;

  test.each(hasPeers ? Object.entries(answers) : [['none', { files: [] }] as [string, Answers]])(
    '%s',
    async (name, { files, pages = {} }) => {
      const paths = files.map((each) => join(PEER, each));
      if (REFUSED.test(name)) {
        await expect(openImage(paths)).rejects.toThrow(
          /only x86-64|32-bit|big-endian|LKCD|sadump|the file is empty|sub-header of 0/,
        );
        return;
      }
      const { memory, close } = await openImage(paths);
      for (const [frame, { sha256 }] of Object.entries(pages)) {
        const stretches = [...memory.read(Number(frame) * 4096, 4096)];
        const whole = stretches.length === 1 ? (stretches[0]?.bytes ?? null) : null;
        if (whole !== null) expect(createHash('sha256').update(whole).digest('hex')).toBe(sha256);
        else if (sha256 !== undefined) expect([name, frame]).toEqual([expect.stringMatching(ZEROS), '0']);
      }
      close();
    },
  );
});
