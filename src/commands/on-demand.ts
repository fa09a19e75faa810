// SPDX-License-Identifier: Apache-2.0
// The commands. Only the main command is loaded with the program, because loading the others takes longer than its answer to one address.
import type { Command } from './command.js';
import { vtop } from './vtop.js';

/** The command that runs if the command line does not name one. */
export const mainCommand: Command = vtop;

/** All commands, in the order in which help lists them. */
export async function allCommands(): Promise<readonly Command[]> {
  return (await import('./index.js')).commands;
}
