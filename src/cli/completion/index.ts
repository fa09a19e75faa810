// SPDX-License-Identifier: Apache-2.0
import type { Command, Shell } from '../../commands/command.js';
import { bash } from './bash.js';
import { fish } from './fish.js';
import { type TypedCommand, typedCommands } from './words.js';
import { zsh } from './zsh.js';

const SCRIPTS: Readonly<Record<Shell, (commands: readonly TypedCommand[]) => string>> = { bash, fish, zsh };

/** The completion script of the program for a shell. */
export const completionScript = (shell: Shell, commands: readonly Command[]): string =>
  SCRIPTS[shell](typedCommands(commands));
