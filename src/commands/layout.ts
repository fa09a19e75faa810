// SPDX-License-Identifier: Apache-2.0
import { DumpError, UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import { printable } from '../core/text.js';
import { KVM_NEEDS } from '../kvm/needs.js';
import { OF_MODULES } from '../kvm/vcpus/structs.js';
import { type DescribedKernel, type Profile, profileOf } from '../types/profile.js';
import { describes } from '../types/source.js';
import { checkTarget, writeText } from '../write/target.js';
import { command } from './command.js';
import { output } from './options.js';
import { enums, views } from './views.js';

/** Writes a layout profile: the offsets and sizes that this program needs, of one build of a kernel. */
export const layout = command({
  name: 'layout',
  summary: 'write a layout profile of a kernel, for machines without its debug information',
  description:
    'Writes a layout profile: the offsets and sizes of one build of a kernel that kvm-vtop needs. They are taken from the debug information of the kernel, or from a dump that contains its types (BTF).',
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
  exit: {
    0: 'the profile is complete',
    1: 'the profile was written, but lacks the structures named in a warning',
    2: 'nothing was written',
  },

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
    throw new DumpError(`${types.source} does not describe struct kvm, without which a profile is useless`, {
      code: 'no-types',
      remedies: ['kvm-module'],
    });
  if (missing.length > 0)
    log.warn(`the profile lacks struct ${missing.join(', ')}, which ${types.source} does not describe`);
  return {
    profile: profileOf(types, identity, {
      views: views(),
      enums: enums(),
      isWhole: missing.length === 0,
      ofModules: OF_MODULES,
    }),
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
