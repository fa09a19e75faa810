// SPDX-License-Identifier: Apache-2.0
// Parses command lines into requests, with a commander parser that is built from the commands.
import { Argument, Option, Command as Parser } from 'commander';
import type { Command, Request } from '../commands/command.js';
import { mainCommand } from '../commands/on-demand.js';
import type { OptionSpec } from '../commands/options.js';
import { UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { opens, optionsOf } from './groups.js';
import { afterHelp, usageWords } from './help.js';
import { kebab } from './names.js';
import { checkMeant, formOf, optionAfter, optionBefore, refusalOf } from './refusals.js';
import { standardOutput } from './streams.js';

/** A request, the names of the options that were given, and words after the last one that its command takes. */
interface Taken {
  readonly request: Request;
  readonly given: readonly string[];
  readonly unexpected: readonly string[];
}
type Take = (taken: Taken) => unknown;

/**
 * Parses a command line, without the name of the program. Throws `UsageError`; and a `CommanderError` with exit code 0 after
 * help or the version has been printed.
 */
export function readCommandLine(words: readonly string[], commands: readonly Command[], version: string): Request {
  const takes = commands.find(({ name }) => name === words[0])?.takesCommand === true;
  const [own = [], ...others] = takes ? parts(words) : [words];
  const inner = others.map((part) => readFollowing(part, commands, version));
  return { ...read(own, commands, version).request, inner };
}

/** Parses a command that follows `--`. Throws `UsageError`, also for options that would have no effect there. */
export function readFollowing(words: readonly string[], commands: readonly Command[], version: string): Request {
  const { request, given } = read(words, commands, version);
  const lost = given.find(opens);
  if (lost !== undefined) throw new UsageError(optionAfter(formOf(lost, request.command), request.command.name));
  return request;
}

function read(words: readonly string[], commands: readonly Command[], version: string): Taken {
  const [taken] = parsed(words, commands, version);
  if (taken === undefined) throw new Error('no action was taken');
  const { request, unexpected } = taken;
  checkMeant(request, unexpected, words[0], commands);
  return taken;
}

function parsed(words: readonly string[], commands: readonly Command[], version: string): Taken[] {
  const made: Taken[] = [];
  // Help lists all commands. Without it, one that is not named plays no part, and its parser need not be built.
  const needed = words.some(mayAskForHelp) ? commands : commands.filter(({ name }) => words.includes(name));
  try {
    parserOf(needed, version, (taken) => made.push(taken)).parse(words, { from: 'user' });
  } catch (error) {
    throw refusalOf(error, words, commands);
  }
  return made;
}

/** Whether a word is --help or -h, perhaps with other short options. */
const mayAskForHelp = (word: string): boolean => word === '--help' || /^-[^-]*h/.test(word);
/** Whether a word is --version or -V, perhaps with other short options. */
const mayAskForVersion = (word: string): boolean => word === '--version' || /^-[^-]*V/.test(word);

/**
 * Whether a command line can be parsed with the main command alone, if it is a valid one of that. Help lists all commands. The version
 * is printed even if the rest of the line is wrong, unless it follows the name of another command.
 */
export const mayBeMain = (words: readonly string[]): boolean =>
  words[0]?.startsWith('-') === true &&
  !words.some(mayAskForHelp) &&
  (words.length === 1 || !words.some(mayAskForVersion));

/** Whether a command line is likely to analyse dumps in processes of its own: it is one of scan, without a queue. */
export const mayScan = (words: readonly string[]): boolean =>
  words[0] === 'scan' &&
  !words.some((word) => mayAskForHelp(word) || mayAskForVersion(word) || word.startsWith('--queue'));

/** Splits words at each `--`. */
function parts(words: readonly string[]): string[][] {
  const all: string[][] = [[]];
  for (const word of words)
    if (word === '--') all.push([]);
    else all.at(-1)?.push(word);
  return all;
}

/** Builds the parser of the command line. It passes the request to `take`. */
export function parserOf(commands: readonly Command[], version: string, take: Take): Parser {
  const root = describe(new Parser('kvm-vtop'), mainCommand)
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: () => undefined, writeOut: (text) => standardOutput().write(text) })
    .helpCommand(false)
    .action((...given: unknown[]) => {
      take(requestOf(root, mainCommand, given));
    });
  for (const command of commands) add(root, command, take);
  return root;
}

function add(root: Parser, command: Command, take: Take): void {
  const parser = describe(root.command(command.name), command).summary(command.summary).usage(usageWords(command));
  parser.action((...given: unknown[]) => {
    refuseBefore(root, command.name);
    take(requestOf(parser, command, given));
  });
}

/** Adds the description, options and arguments of a command to its parser. */
function describe(parser: Parser, command: Command): Parser {
  parser
    .description(command.description)
    .addHelpText('after', () => afterHelp(command))
    .allowExcessArguments(true);
  for (const [name, spec] of Object.entries(optionsOf(command))) parser.addOption(optionOf(name, spec));
  const { args } = command;
  if (args === null) return parser;
  const isRequired = args.number === 'one';
  const word = `${args.name}${args.number === 'one' || args.number === 'optional' ? '' : '...'}`;
  const argument = new Argument(isRequired ? `<${word}>` : `[${word}]`, args.summary);
  if (args.choices !== undefined)
    argument.choices(args.choices).argParser((text) => {
      if (args.parse(text) === null) throw new UsageError(args.invalid(printable(text)));
      return text;
    });
  return parser.addArgument(argument);
}

function optionOf(name: string, spec: OptionSpec<unknown>): Option {
  const value = spec.value === undefined ? '' : ` <${spec.value}${spec.many === true ? '...' : ''}>`;
  const short = spec.short === undefined ? null : `-${spec.short}`;
  const long = `--${kebab(name)}`;
  const option = new Option(`${short === null ? '' : `${short}, `}${long}${value}`, spec.summary);
  // To commander, --no-x means that x is false.
  option.negate = false;
  if (spec.excludes !== undefined) option.conflicts([...spec.excludes]);
  if (spec.repeats === true) return option.argParser(gather);
  if (spec.value === undefined || spec.many === true) return option;
  if (spec.choices !== undefined) option.choices(spec.choices);
  option.argParser(once(short ?? long, (text) => checkedValue(spec, short ?? long, text)));
  return spec.default === null ? option : option.default(spec.default);
}

const gather = (word: string, before: readonly string[] = []): string[] => [...before, word];

/** Reads the value of an option that can be given only once. */
function once<T>(option: string, read: (text: string) => T): (text: string) => T {
  let isGiven = false;
  return (text) => {
    if (isGiven) throw new UsageError(`${option} is given twice`);
    isGiven = true;
    return read(text);
  };
}

/** The value that a text stands for. Throws `UsageError` if it is not valid. */
function checkedValue({ choices, parse }: OptionSpec<unknown>, option: string, text: string): unknown {
  if (choices?.includes(text) === false)
    throw new UsageError(
      `${option} '${printable(text)}' is not valid: it must be ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`,
    );
  try {
    return parse === undefined ? text : parse(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${option} '${printable(text)}' is not valid: ${error.message}`);
  }
}

/** `given`: the parameters that commander passes to an action: the arguments, the options, the parser. */
function requestOf(parser: Parser, command: Command, given: readonly unknown[]): Taken {
  const options = parser.opts();
  const specs = Object.entries(optionsOf(command));
  const values = Object.fromEntries(specs.map(([name, spec]) => [name, options[name] ?? spec.default]));
  const words = given.slice(0, -2).flatMap((word) => (word === undefined ? [] : (word as string | string[])));
  const { args } = command;
  const more = args?.option === undefined ? [] : ((options[args.option.name] ?? []) as string[]);
  const request = { command, values, words: [...more, ...words], inner: [] };
  const typed = specs.map(([name]) => name).filter((name) => parser.getOptionValueSource(name) === 'cli');
  return { request, given: typed, unexpected: parser.args.slice(words.length) };
}

/** Refuses options before the name of a command: they would be options of the main command, and be ignored. */
function refuseBefore(root: Parser, word: string): void {
  const given = root.options.find((option) => root.getOptionValueSource(option.attributeName()) === 'cli');
  if (given !== undefined) throw new UsageError(optionBefore(given.short ?? given.long ?? '', word));
}
