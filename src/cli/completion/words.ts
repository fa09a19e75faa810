// SPDX-License-Identifier: Apache-2.0
// The commands and options in the form that the completion scripts need.
import type { Command } from '../../commands/command.js';
import { answersFromDump } from '../../commands/command.js';
import { mainCommand } from '../../commands/on-demand.js';
import { opens, optionsOf } from '../groups.js';
import { kebab } from '../names.js';

/** An option as typed on a command line. */
export interface TypedOption {
  readonly long: string;
  /** With its hyphen; null if the option has no short form. */
  readonly short: string | null;
  readonly summary: string;
  readonly takesValue: boolean;
  readonly repeats: boolean;
  /** What the value is completed to; null if it can't be completed. */
  readonly values: readonly string[] | 'file' | 'folder' | null;
  /** The name of the value in help. */
  readonly value: string;
}

export interface TypedCommand {
  /** Empty for the command that runs if the command line does not name one. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly TypedOption[];
  /** The valid words of its argument; empty if any word is valid. */
  readonly words: readonly string[];
  /** The commands that can follow it after `--`, with the options that they take there; empty if none can. */
  readonly following: readonly TypedCommand[];
}

const HELP: TypedOption = {
  long: '--help',
  short: '-h',
  summary: 'display help for command',
  takesValue: false,
  repeats: false,
  values: null,
  value: '',
};
const VERSION: TypedOption = { ...HELP, long: '--version', short: '-V', summary: 'output the version number' };

function typed(command: Command, name: string, commands: readonly Command[]): TypedCommand {
  const options = Object.entries(optionsOf(command)).map(([key, spec]) => ({
    long: `--${kebab(key)}`,
    short: spec.short === undefined ? null : `-${spec.short}`,
    summary: spec.summary,
    takesValue: spec.value !== undefined,
    repeats: spec.repeats === true || spec.many === true,
    values: spec.choices ?? spec.completes ?? null,
    value: spec.value ?? '',
  }));
  const own = name === '' ? [HELP, VERSION] : [HELP];
  const takesCommand = command.args?.name === 'command';
  return {
    name,
    summary: command.summary,
    options: [...options, ...own],
    words: takesCommand ? commands.map((each) => each.name) : (command.args?.choices ?? []),
    following: command.takesCommand === true ? following(commands) : [],
  };
}

/** The commands that can follow `--`, the main command also without its name. They work on a dump that is already open. */
const following = (commands: readonly Command[]): TypedCommand[] =>
  [{ command: mainCommand, name: '' }, ...commands.map((command) => ({ command, name: command.name }))]
    .filter(({ command }) => answersFromDump(command))
    .map(({ command, name }) => {
      const all = typed(command, name, commands);
      const names = Object.keys(optionsOf(command)).filter((key) => !opens(key));
      return { ...all, options: all.options.filter(({ long }) => names.some((key) => long === `--${kebab(key)}`)) };
    });

/** The main command without its name, followed by all commands. */
export const typedCommands = (commands: readonly Command[]): readonly TypedCommand[] => [
  typed(mainCommand, '', commands),
  ...commands.map((command) => typed(command, command.name, commands)),
];

/** The short and the long form of an option. */
export const spellings = ({ long, short }: TypedOption): string[] => (short === null ? [long] : [short, long]);
