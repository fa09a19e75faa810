// SPDX-License-Identifier: Apache-2.0
// What a shell must know of a command.
import type { Command } from '../../commands/command.js';
import { mainCommand } from '../../commands/index.js';
import { optionsOf } from '../groups.js';
import { kebab } from '../names.js';

/** An option as it is typed. */
export interface TypedOption {
  readonly long: string;
  /** With its hyphen; null where there is none. */
  readonly short: string | null;
  readonly summary: string;
  readonly takesValue: boolean;
  readonly repeats: boolean;
  /** What its value is completed to. */
  readonly values: readonly string[] | 'file' | 'folder' | null;
  /** What its value is called. */
  readonly value: string;
}

export interface TypedCommand {
  /** Empty for the command that is meant where no command is named. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly TypedOption[];
  /** Words that its argument can be; empty where it can be anything. */
  readonly words: readonly string[];
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
  };
}

/** The command without a name, then all others. */
export const typedCommands = (commands: readonly Command[]): readonly TypedCommand[] => [
  typed(mainCommand, '', commands),
  ...commands.map((command) => typed(command, command.name, commands)),
];

/** Every way to write an option. */
export const spellings = ({ long, short }: TypedOption): string[] => (short === null ? [long] : [short, long]);
