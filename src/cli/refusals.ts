// SPDX-License-Identifier: Apache-2.0
// Command lines that can't be parsed: what is wrong, and what was probably meant.
import { CommanderError } from 'commander';
import type { Command, Request } from '../commands/command.js';
import { mainCommand } from '../commands/on-demand.js';
import { UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { fileExists } from '../io/cache-folder.js';
import { optionsOf } from './groups.js';
import { kebab } from './names.js';
import { similarTo } from './similar.js';

const namesOf = (commands: readonly Command[]): string[] => commands.map(({ name }) => name);

/** The short and the long form of each option of a command. */
const formsOf = (command: Command): (readonly string[])[] =>
  Object.entries(optionsOf(command)).map(([name, { short }]) => [
    ...(short === undefined ? [] : [`-${short}`]),
    `--${kebab(name)}`,
  ]);

const hasOption = (command: Command, option: string): boolean =>
  formsOf(command).some((forms) => forms.includes(option));

/** The `UsageError` for an error of commander about a command line; other errors, and those without a fault, unchanged. */
export function refusalOf(error: unknown, words: readonly string[], commands: readonly Command[]): unknown {
  if (!(error instanceof CommanderError) || error.exitCode === 0) return error;
  const command = commands.find(({ name }) => name === words[0]) ?? mainCommand;
  // Commander puts a suggestion on a second line.
  const text = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const [, flags = ''] = /^(?:unknown )?option '([^']*)'/.exec(text) ?? [];
  const { args } = command;
  switch (error.code) {
    case 'commander.optionMissingArgument':
      return new UsageError(`option '${typedForm(flags, words)}' requires an argument`);
    case 'commander.missingArgument':
      return new UsageError(
        args === null ? text : `${args.name} is missing: ${args.missing}; see kvm-vtop ${command.name} --help`,
      );
    case 'commander.unknownOption':
      return new UsageError(text.includes('(Did you mean') ? text : unknownOption(flags, command, words, commands));
    default:
      return new UsageError(text);
  }
}

/** `flags`: both forms, as in help; returns the one that was typed. */
function typedForm(flags: string, words: readonly string[]): string {
  const forms = flags.split(/[ ,]+/).filter((form) => form.startsWith('-'));
  return forms.find((form) => words.includes(form)) ?? forms[0] ?? flags;
}

function unknownOption(
  option: string,
  command: Command,
  words: readonly string[],
  commands: readonly Command[],
): string {
  const others = commands.filter((each) => hasOption(each, option));
  if (command === mainCommand && hasOption(mainCommand, option)) {
    // The parser of the command that follows refused it.
    const [before = ''] = words;
    const after = words.find((word) => namesOf(commands).includes(word));
    if (after !== undefined) return optionBefore(before, after);
  }
  const later = others.find(({ name }) => words.indexOf(name) > words.indexOf(option));
  if (command === mainCommand && later !== undefined) return optionBefore(option, later.name);
  const of = others.length === 0 ? '' : `; it is an option of ${namesOf(others).join(', ')}`;
  return `unknown option '${printable(option)}'${of}`;
}

/** The message for an option before the name of a command. */
export const optionBefore = (option: string, command: string): string =>
  `${option} is before '${command}'; put options after '${command}'`;

/** The message for an option after `--` that must be before it. */
export const optionAfter = (option: string, command: string): string =>
  `${option} must be given before --, not after '${command}'`;

/** How an option is written: its short form, if it has one. */
export const formOf = (name: string, command: Command): string => {
  const short = optionsOf(command)[name]?.short;
  return short === undefined ? `--${kebab(name)}` : `-${short}`;
};

/**
 * Throws `UsageError` for a word that can't be an argument of the command, if something else was probably meant by it: a
 * command or a dump. `unexpected`: words after the last argument that the command takes. `first`: the first word typed.
 */
export function checkMeant(
  { command, values, words }: Request,
  unexpected: readonly string[],
  first: string | undefined,
  commands: readonly Command[],
): void {
  const { args } = command;
  const isValid = (word: string): boolean => (word === '-' && args?.stdin === true) || args?.parse(word) !== null;
  const [wrong = args === null ? undefined : words.find((word) => !isValid(word))] = unexpected;
  if (wrong === undefined) return;
  const hasDump = Array.isArray(values.core) && values.core.length > 0;
  // The error for a missing -c names the file.
  if (args !== null && !hasDump && fileExists(wrong)) return;
  const problem =
    asCommand(wrong, command, commands) ??
    (command === mainCommand && wrong === first ? asFirst(wrong, commands) : null) ??
    (unexpected.length === 0 ? null : unexpectedWord(wrong, command));
  if (problem !== null) throw new UsageError(problem);
}

/** The message for the name of a command that is not the first word. */
function asCommand(word: string, { takesCommand }: Command, commands: readonly Command[]): string | null {
  if (!namesOf(commands).includes(word)) return null;
  return takesCommand === true
    ? `the command '${word}' must follow --: … -- ${word}`
    : `the command '${word}' must be the first word: kvm-vtop ${word} -c DUMP …; see kvm-vtop ${word} --help`;
}

/** The message for a first word that is not a command, but looks like one. */
function asFirst(word: string, commands: readonly Command[]): string | null {
  if (!/^[a-z][a-z-]*$/.test(word)) return null;
  const names = namesOf(commands);
  const meant = similarTo(word, names);
  const help = 'see kvm-vtop --help';
  return meant === null
    ? `'${printable(word)}' is neither a command (${names.join(', ')}) nor a hexadecimal address; ${help}`
    : `'${printable(word)}' is not a command; did you mean '${meant}'? ${help}`;
}

function unexpectedWord(word: string, { name, args }: Command): string {
  const text = printable(word);
  if (args === null && fileExists(word))
    return `'${text}' is not expected here; -c must be before the name of a dump: -c ${text}`;
  return `'${text}' is not expected: '${name}' takes ${args === null ? 'no words besides its options' : `one ${args.name}`}`;
}

/** The message for a word that should be a command. */
export function notCommand(word: string, commands: readonly Command[]): string {
  const names = namesOf(commands);
  const meant = similarTo(word, names);
  return `'${printable(word)}' is not a command; ${meant === null ? `the commands are ${names.join(', ')}` : `did you mean '${meant}'?`}`;
}
