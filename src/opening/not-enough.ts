// SPDX-License-Identifier: Apache-2.0
import type { Remedy } from '../core/advice.js';
import { DumpError } from '../core/errors.js';
import type { KernelNeeds } from '../kernel/needs.js';
import type { Outside } from './outside.js';

/** What a kernel lacks that can't be opened. */
export interface Lack {
  readonly needs: KernelNeeds;
  readonly outside: Outside;
  readonly release: string;
  readonly hasSymbols: boolean;
  /** What has no types; null if symbols are missing. */
  readonly undescribed: string | null;
  /** The first reason why the kernel's own symbols or types can't be used. */
  readonly first: DumpError | undefined;
}

/** The error for missing symbols or types: why, what was tried, and which files would help. */
export function notEnough({ needs, outside, release, hasSymbols, undescribed, first }: Lack): DumpError {
  const { looked } = outside;
  const where = looked.length === 0 ? '' : `; tried without success: ${looked.join(', ')}`;
  const missing = `kernel ${release}: ${undescribed === null ? 'no symbols' : `no types of ${undescribed}`}`;
  return new DumpError(`${first?.message ?? missing}${where}`, {
    code: hasSymbols ? 'no-types' : 'no-symbols',
    remedies: [...new Set<Remedy>([...(first?.remedies ?? []), ...filesFor(needs, outside, hasSymbols)])],
    ...(first === undefined ? {} : { origin: first }),
  });
}

/** The files that would help: those with symbols, and those with types, of the sources that are used. */
function filesFor(needs: KernelNeeds, { typesFrom }: Outside, hasSymbols: boolean): Remedy[] {
  const dwarf: Remedy[] = ['vmlinux', ...needs.modules.map(({ remedy }) => remedy)];
  return [
    ...(typesFrom === 'auto' || typesFrom === 'dwarf' || !hasSymbols ? dwarf : []),
    ...(typesFrom === 'auto' || typesFrom === 'layout' ? (['layout'] as const) : []),
    ...(hasSymbols ? [] : (['system-map'] as const)),
  ];
}
