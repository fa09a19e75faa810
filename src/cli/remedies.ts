// SPDX-License-Identifier: Apache-2.0
// What helps, in words of the command line. The rooms below say it by words of core/advice.ts.
import type { Argument, Remedy } from '../core/advice.js';
import { argumentName } from '../core/advice.js';
import { DumpError, type UsageError, usageText } from '../core/errors.js';

const ALONE: Readonly<Record<Remedy, string>> = {
  vmlinux: '--vmlinux takes the file with debug information',
  'kvm-module': '--kvm-module takes the file with debug information',
  'system-map': '--system-map takes the file',
  layout: '--layout takes a profile',
  'layout-alone': 'a layout profile with the true ones would help (--types layout)',
  'rewrite-layout': "write it again with 'kvm-vtop layout'",
  'kernel-types': "use the kernel's BTF or DWARF",
  vmcoreinfo: '--vmcoreinfo takes its text from a file',
  'input-format': '--input-format raw takes memory as it is',
  'all-parts': 'name all of its parts with -c',
  vm: 'choose with --vm',
  force: '--force overwrites it',
};

/** Remedies that are said in one breath when all of them would help; the larger sets first. */
const TOGETHER: readonly (readonly [readonly Remedy[], string])[] = [
  [
    ['vmlinux', 'kvm-module', 'layout', 'system-map'],
    '--vmlinux and --kvm-module take files with debug information, --layout a profile, --system-map symbols',
  ],
  [
    ['vmlinux', 'layout', 'system-map'],
    '--vmlinux takes a file with debug information, --layout a profile, --system-map symbols',
  ],
  [['system-map', 'vmlinux'], '--system-map or --vmlinux gives it'],
  [['rewrite-layout', 'kernel-types'], `${ALONE['rewrite-layout']}, or ${ALONE['kernel-types']}`],
];

/** Options that set an argument; the others are called as the library calls them. */
const OPTIONS: Partial<Record<Argument, string>> = { process: '-g' };

/** What would help, a phrase each. */
export function adviceOf(remedies: readonly Remedy[]): string[] {
  const rest = new Set(remedies);
  const phrases: string[] = [];
  for (const [words, phrase] of TOGETHER) {
    if (!words.every((word) => rest.has(word))) continue;
    phrases.push(phrase);
    for (const word of words) rest.delete(word);
  }
  return [...phrases, ...[...rest].map((word) => ALONE[word])];
}

/** A text and what would help, as it is shown. */
export const advised = (text: string, remedies: readonly Remedy[]): string => [text, ...adviceOf(remedies)].join('; ');

/** The lines of an expected error as they are shown. */
export const errorText = (error: DumpError | UsageError): string =>
  error instanceof DumpError
    ? advised(error.message, error.remedies)
    : usageText(error, (argument) => OPTIONS[argument] ?? argumentName(argument), adviceOf(error.remedies));
