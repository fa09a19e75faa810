// SPDX-License-Identifier: Apache-2.0
// Where results are written: a file, or a folder with a file for each table.
import { lstatSync, readdirSync, renameSync } from 'node:fs';
import { extname, join } from 'node:path';
import { DumpError, UsageError } from '../core/errors.js';
import { isOfSystem, reasonOf } from '../io/system-error.js';
import { checkTarget, finishAs, type Target } from '../write/target.js';

const FORMATS = ['jsonl', 'csv', 'parquet', 'duckdb'] as const;
export type OutputFormat = (typeof FORMATS)[number];

/** A place for results. `isFolder`: there is a file in it for each table. */
export interface Output extends Target {
  readonly format: OutputFormat;
  readonly isFolder: boolean;
}

/**
 * Checks, as far as possible before the work, that results can be written. An existing file is only replaced with `force`; so is an
 * existing folder, if it has nothing but files of the format. Throws `UsageError`, or `DumpError` if the system refuses.
 */
export function checkOutput(path: string, force: boolean, inputs: readonly string[]): Output {
  const format = FORMATS.find((each) => extname(path) === `.${each}`);
  if (format === undefined)
    throw new UsageError(
      `${path}: the name must end in ${FORMATS.map((each) => `.${each}`)
        .join(', ')
        .replace(/, ([^,]*)$/, ' or $1')}, which is the format`,
    );
  const isFolder = format === 'csv' || format === 'parquet';
  if (!isFolder) return { ...checkTarget(path, force, inputs), format, isFolder };
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { ...checkTarget(path, false, inputs), format, isFolder };
  if (!found.isDirectory()) throw new UsageError(`${path} is not a directory; .${format} is a directory of files`);
  const others = readdirSync(path).filter((name) => extname(name) !== `.${format}`);
  if (others.length > 0)
    throw new UsageError(`${path} is a directory with other files, such as ${others[0]}, and is not replaced`);
  if (!force) throw new UsageError(`${path} already exists`, { remedies: ['force'] });
  return { path, replace: true, format, isFolder };
}

/** Gives complete results their name. `spare`: a folder on the same file system, for what they replace. */
export function finishOutput(made: string, { isFolder, ...target }: Output, spare: string): void {
  if (!isFolder) {
    finishAs(made, target);
    return;
  }
  try {
    if (target.replace) renameSync(target.path, join(spare, 'replaced'));
    renameSync(made, target.path);
  } catch (error) {
    if (!isOfSystem(error)) throw error;
    throw new DumpError(`${target.path}: ${reasonOf(error)}`, { code: 'system', cause: error });
  }
}
