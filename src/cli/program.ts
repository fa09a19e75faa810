// SPDX-License-Identifier: Apache-2.0
import type { Command, ProgramGiven } from '../commands/command.js';
import { mainCommand } from '../commands/on-demand.js';
import { UsageError } from '../core/errors.js';
import { completionScript } from './completion/index.js';
import { afterHelp } from './help.js';
import { parserOf } from './parser.js';
import { notCommand } from './refusals.js';

/** Help and completion of the program. */
export const programOf = (commands: readonly Command[], version: string): ProgramGiven['program'] => ({
  help(name) {
    const root = parserOf(commands, version, () => undefined);
    if (name === null) return `${root.helpInformation()}${afterHelp(mainCommand)}\n`;
    const command = commands.find((each) => each.name === name);
    const parser = root.commands.find((each) => each.name() === name);
    if (command === undefined || parser === undefined) throw new UsageError(notCommand(name, commands));
    return `${parser.helpInformation()}${afterHelp(command)}\n`;
  },
  completion: (shell) => completionScript(shell, commands),
});
