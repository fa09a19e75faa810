// SPDX-License-Identifier: Apache-2.0
// Turns the remedies of core/advice.ts into advice that names options of the command line.
import type { Argument, Remedy } from '../core/advice.js';
import { argumentName } from '../core/advice.js';
import { DumpError, type UsageError, usageText } from '../core/errors.js';

const ALONE: Readonly<Record<Remedy, string>> = {
  vmlinux: 'use --vmlinux for a file with its debug information',
  'kvm-module': 'use --kvm-module for a file with its debug information',
  'kvm-amd-module': 'use --kvm-amd-module for a file with its debug information',
  'system-map': 'use --system-map for the file',
  layout: 'use --layout for a layout profile',
  'layout-alone': 'use a correct layout profile alone (--layout FILE --types layout)',
  'rewrite-layout': "write it again with 'kvm-vtop layout'",
  'kernel-types': "use the kernel's BTF or DWARF",
  vmcoreinfo: 'use --vmcoreinfo for a file with the text of VMCOREINFO',
  'input-format': 'if it is an image of raw memory, use --input-format raw',
  'all-parts': 'give every part with -c',
  vm: 'choose one with --vm',
  'list-vms': "'kvm-vtop vms' lists the VMs",
  force: 'use --force to overwrite it',
};

/** Phrases for sets of remedies that all apply; larger sets first. */
const TOGETHER: readonly (readonly [readonly Remedy[], string])[] = [
  [
    ['vmlinux', 'kvm-module', 'layout', 'system-map'],
    'use --vmlinux and --kvm-module for files with debug information, --layout for a layout profile, or --system-map for symbols',
  ],
  [
    ['vmlinux', 'kvm-module', 'layout'],
    'use --vmlinux and --kvm-module for files with debug information, or --layout for a layout profile',
  ],
  [['vmlinux', 'kvm-module'], 'use --vmlinux and --kvm-module for files with debug information'],
  [
    ['vmlinux', 'layout', 'system-map'],
    'use --vmlinux for a file with debug information, --layout for a layout profile, or --system-map for symbols',
  ],
  [['system-map', 'vmlinux'], 'use --system-map or --vmlinux to supply it'],
  [['rewrite-layout', 'kernel-types'], `${ALONE['rewrite-layout']}, or ${ALONE['kernel-types']}`],
];

/** The options that set arguments. An argument without an entry keeps the library's name. */
const OPTIONS: Partial<Record<Argument, string>> = {
  process: '-g',
  guest: '--guest',
  'guest-process': '--gtask',
};

/** The phrases for some remedies. */
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

/** A message with the advice appended. */
export const advised = (text: string, remedies: readonly Remedy[]): string => [text, ...adviceOf(remedies)].join('; ');

/** The message of an expected error, with advice; it can have several lines. */
export const errorText = (error: DumpError | UsageError): string =>
  error instanceof DumpError
    ? advised(error.message, error.remedies)
    : usageText(error, (argument) => OPTIONS[argument] ?? argumentName(argument), adviceOf(error.remedies));
