// SPDX-License-Identifier: Apache-2.0
import { DumpError, UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import { printable } from '../core/text.js';
import { KVM_NEEDS } from '../kvm/needs.js';
import { enums, views } from '../kvm/views.js';
import { type DescribedKernel, type Profile, profileOf } from '../types/profile.js';
import { describes } from '../types/source.js';
import { checkTarget, writeText } from '../write/target.js';
import { command } from './command.js';
import { output } from './options.js';

/** Writes a layout profile: the offsets and sizes that this program reads, of one build of a kernel. */
export const layout = command({
  name: 'layout',
  summary: 'write down the layout of a kernel, for machines without its debug information',
  description:
    'Writes a layout profile: the offsets and sizes that are read of one build of a kernel, out of its debug information or out of a dump that brings its own.',
  needs: 'files',
  args: null,
  options: output,
  records: [],
  csv: false,
  notes: [],
  examples: [
    { line: 'layout --vmlinux vmlinux --kvm-module kvm.ko.debug -o layout.json' },
    { line: '-c vmcore --layout layout.json -g 191579 -p 34de5840' },
  ],
  exit: { 0: 'the profile is whole', 1: 'it lacks structures that are named', 2: 'nothing was written' },

  async *run({ files, options, log }) {
    if (options.output === null) throw new UsageError('-o is missing: the file to write');
    const target = checkTarget(options.output, options.force, files.inputs);
    const described = await log.stepAsync('types', () => files.describe());
    const { profile, missing } = closing(described, () => profileAndGaps(described, log));
    const size = await writeText(target, `${JSON.stringify(profile, null, 1)}\n`);
    yield [{ path: target.path, size, profile }];
    return missing.length === 0 ? 0 : 1;
  },

  text: () => ({ row: summary }),
});

function summary({ path, size, profile }: { path: string; size: number; profile: Profile }): string {
  const structs = Object.values(profile.structs).filter((struct) => struct !== null);
  const count = structs.reduce((sum, { members }) => sum + Object.values(members).filter(Boolean).length, 0);
  return `${oneLine(path)}: ${structs.length} structures, ${count} members, ${size} bytes, kernel ${printable(profile.release)}\n`;
}

function profileAndGaps({ types, identity }: DescribedKernel, log: Log): { profile: Profile; missing: string[] } {
  const missing = KVM_NEEDS.structs.filter((name) => !describes(types, name));
  if (missing.includes('kvm'))
    throw new DumpError(`${types.source}: no struct kvm; a profile without it helps nobody`, { code: 'no-types' });
  if (missing.length > 0)
    log.warn(`the profile lacks struct ${missing.join(', ')}: ${types.source} does not have them`);
  return {
    profile: profileOf(types, identity, { views: views(), enums: enums(), isWhole: missing.length === 0 }),
    missing,
  };
}

function closing<T>({ close }: DescribedKernel, work: () => T): T {
  try {
    return work();
  } finally {
    close();
  }
}
