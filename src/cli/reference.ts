// SPDX-License-Identifier: Apache-2.0
// Documentation generated from the commands: the man page, a page in docs/ for each command, the schemas of its records.
import { commands } from '../commands/index.js';
import { schemaName, schemaOf } from '../report/records.js';
import { commandPage, indexPage } from './page.js';

export { manPage } from './man.js';

/** Path of a record's schema below docs/. The schema of version 1 keeps its original path. */
const schemaPath = (name: string): string =>
  name === 'output' ? `${name}.schema.json` : `schemas/${name}.schema.json`;

/** The texts of the generated files by their paths below docs/. */
export function generatedDocs(): ReadonlyMap<string, string> {
  const files = new Map<string, string>([['commands/README.md', indexPage(commands)]]);
  for (const command of commands) {
    files.set(`commands/${command.name}.md`, commandPage(command, schemaPath));
    for (const kind of command.records)
      files.set(schemaPath(schemaName(kind)), `${JSON.stringify(schemaOf(kind), null, 2)}\n`);
  }
  return files;
}
