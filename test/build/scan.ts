// SPDX-License-Identifier: Apache-2.0
// Scans for tests.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXTURES, kvmVtop, type Run } from '../run.js';
import { scratch } from './scratch.js';

/** The dumps that are scanned. */
export const VMS = ['debian-5.10-vms', 'debian-6.12-intel-vms', 'debian-7.2-vms'].map((name) =>
  join(FIXTURES, name, 'vmcore.kdump'),
);
export const [OLD = '', INTEL = '', NEW = ''] = VMS;

export type Line = Readonly<Record<string, unknown>> & { readonly record: string };

export const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

export const dumpsIn = (lines: readonly Line[]): Line[] => lines.filter(({ record }) => record === 'dump');

export const scan = (...words: readonly string[]): Run => kvmVtop(['scan', ...words]);

/** A folder for the files of a test. */
export interface ScanFolder {
  readonly folder: string;
  readonly inFolder: (name: string) => string;
  /** A copy of a file in the folder. */
  readonly copy: (from: string, name: string) => string;
}

export function scanFolder(): ScanFolder {
  const { folder } = scratch('scan');
  const inFolder = (name: string): string => join(folder, name);
  return {
    folder,
    inFolder,
    copy: (from, name) => {
      copyFileSync(from, inFolder(name));
      return inFolder(name);
    },
  };
}
