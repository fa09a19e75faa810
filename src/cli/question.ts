// SPDX-License-Identifier: Apache-2.0

import type { Request } from '../commands/command.js';
import { mainCommand } from '../commands/on-demand.js';
import type { OptionSpec } from '../commands/options.js';
import { optionsOf } from './groups.js';
import { kebab } from './names.js';

/** Options of the main command that do not choose the dump, the VM or the address space. */
const OTHERS: ReadonlySet<string> = new Set(['verbose', 'quiet', 'noCache', 'json', 'csv']);

/** The command line of the main command for the dump and the VM of a request, to which an address is added. */
export function questionOf({ values }: Request): string {
  const words = Object.entries(optionsOf(mainCommand)).flatMap(([name, spec]) =>
    OTHERS.has(name) || spec.many === true ? [] : wordsOf(name, spec, values[name]),
  );
  return ['kvm-vtop', ...words, '-p'].map(quoted).join(' ');
}

/** The words of a command line that give an option its value; none if it is the default. */
export function wordsOf(name: string, spec: OptionSpec<unknown>, value: unknown): string[] {
  const option = spec.short === undefined ? `--${kebab(name)}` : `-${spec.short}`;
  if (spec.value === undefined) return value === true ? [option] : [];
  if (Array.isArray(value)) return (value as string[]).flatMap((each) => [option, each]);
  return value == null || value === spec.default ? [] : [option, `${value as string | number}`];
}

/** A word for a POSIX shell. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
