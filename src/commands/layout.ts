// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { printable } from '../core/text.js';
import { KVM_NEEDS } from '../kvm/needs.js';
import { enums, views } from '../kvm/views.js';
import { type DescribedKernel, type Profile, profileOf } from '../types/profile.js';
import { describes } from '../types/source.js';
import { checkTarget, writeText } from '../write/target.js';
import type { ExitCode, Streams } from './command.js';

export interface LayoutOptions {
  readonly output: string;
  readonly force: boolean;
  /** Files that are read: never overwritten. */
  readonly inputs: readonly string[];
}

/** Writes a layout profile: the offsets and sizes that this program reads, of one build of a kernel. */
export async function layout(
  open: () => Promise<DescribedKernel>,
  { output, force, inputs }: LayoutOptions,
  streams: Streams,
): Promise<ExitCode> {
  const target = checkTarget(output, force, inputs);
  const described = await streams.log.stepAsync('types', open);
  const { profile, missing } = closing(described, () => profileAndGaps(described, streams));
  const text = `${JSON.stringify(profile, null, 1)}\n`;
  const size = await writeText(target, text);
  const structs = Object.values(profile.structs).filter((struct) => struct !== null);
  const count = structs.reduce((sum, { members }) => sum + Object.values(members).filter(Boolean).length, 0);
  await streams.write(
    `${oneLine(target.path)}: ${structs.length} structures, ${count} members, ${size} bytes, kernel ${printable(profile.release)}\n`,
  );
  return missing.length === 0 ? 0 : 1;
}

function profileAndGaps(
  { types, identity }: DescribedKernel,
  { log }: Streams,
): { profile: Profile; missing: string[] } {
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
