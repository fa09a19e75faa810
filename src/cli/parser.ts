// SPDX-License-Identifier: Apache-2.0
// Parses command lines into requests, with a commander parser that is built from the commands.
import { Argument, InvalidArgumentError, Option, Command as Parser } from 'commander';
import type { Command, Request } from '../commands/command.js';
import { mainCommand } from '../commands/index.js';
import type { OptionSpec } from '../commands/options.js';
import { UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { parseAddress, printable } from '../core/text.js';
import { fileExists } from '../io/cache-folder.js';
import { optionsOf } from './groups.js';
import { afterHelp, usageWords } from './help.js';
import { kebab } from './names.js';

type Take = (request: Request) => unknown;

/**
 * Parses a command line, without the name of the program. Throws `UsageError`, and commander's errors, one of which has
 * exit code 0: it is thrown after help or the version has been printed.
 */
export function readCommandLine(words: readonly string[], commands: readonly Command[], version: string): Request {
  const takes = commands.find(({ name }) => name === words[0])?.takesCommand === true;
  const [own = [], ...others] = takes ? parts(words) : [words];
  const inner = others.map((part) => readCommandLine(part, commands, version));
  const made: Request[] = [];
  parserOf(commands, version, (request) => made.push(request)).parse(own, { from: 'user' });
  const [request] = made;
  if (request === undefined) throw new Error('no action was taken');
  return { ...request, inner };
}

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
    .configureOutput({
      outputError: (text, write) => {
        write(errorLine(text));
      },
    })
    .helpCommand(false)
    .action((...given: unknown[]) => {
      const request = requestOf(root, mainCommand, given);
      checkMainWords(request, commands);
      take(request);
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
  parser.description(command.description).addHelpText('after', afterHelp(command));
  for (const [name, spec] of Object.entries(optionsOf(command))) parser.addOption(optionOf(name, spec));
  const { args } = command;
  if (args === null) return parser;
  const isRequired = args.number === 'one';
  const word = `${args.name}${args.number === 'one' || args.number === 'optional' ? '' : '...'}`;
  const argument = new Argument(isRequired ? `<${word}>` : `[${word}]`, args.summary);
  return parser.addArgument(args.choices === undefined ? argument : argument.choices(args.choices));
}

function optionOf(name: string, spec: OptionSpec<unknown>): Option {
  const value = spec.value === undefined ? '' : ` <${spec.value}${spec.many === true ? '...' : ''}>`;
  const option = new Option(
    `${spec.short === undefined ? '' : `-${spec.short}, `}--${kebab(name)}${value}`,
    spec.summary,
  );
  if (spec.repeats === true) return option.argParser(gather);
  if (spec.choices !== undefined) option.choices(spec.choices);
  const { parse } = spec;
  if (parse !== undefined) option.argParser((text) => orInvalid(() => parse(text)));
  const isPlain = spec.value === undefined || spec.default === null || spec.many === true;
  return isPlain ? option : option.default(spec.default);
}

const gather = (word: string, before: readonly string[] = []): string[] => [...before, word];

/** Converts a `UsageError` about the value of an option into the error that commander expects. */
function orInvalid<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error;
  }
}

/** `given`: the parameters that commander passes to an action: the arguments, the options, the parser. */
function requestOf(parser: Parser, command: Command, given: readonly unknown[]): Request {
  const options = parser.opts();
  const specs = Object.entries(optionsOf(command));
  const values = Object.fromEntries(specs.map(([name, spec]) => [name, options[name] ?? spec.default]));
  const words = given.slice(0, -2).flatMap((word) => (word === undefined ? [] : (word as string | string[])));
  const { args } = command;
  const more = args?.option === undefined ? [] : ((options[args.option.name] ?? []) as string[]);
  return { command, values, words: [...more, ...words], inner: [] };
}

/** Throws `UsageError` if a word of the main command is not an address; it is probably meant as a command or a dump. */
function checkMainWords({ values, words }: Request, commands: readonly Command[]): void {
  const core = values.core as readonly string[];
  const names = commands.map(({ name }) => name);
  const wrong = words.find(
    (word) => word !== '-' && parseAddress(word) === null && (core.length > 0 || !fileExists(word)),
  );
  if (wrong === undefined) return;
  if (names.includes(wrong))
    throw new UsageError(
      `the command '${wrong}' must be the first word: kvm-vtop ${wrong} -c DUMP …; see kvm-vtop ${wrong} --help`,
    );
  if (/^[a-z][a-z-]+$/.test(wrong))
    throw new UsageError(
      `'${printable(wrong)}' is neither a command (${names.join(', ')}) nor a hexadecimal address; see kvm-vtop --help`,
    );
}

/** Refuses options before the name of a command: they would be options of the main command, and be ignored. */
function refuseBefore(root: Parser, word: string): void {
  const given = root.options.find((option) => root.getOptionValueSource(option.attributeName()) === 'cli');
  if (given !== undefined)
    throw new UsageError(`${given.short ?? given.long ?? ''} is before '${word}'; put options after '${word}'`);
}

/** An error message of commander as one line. Commander puts a suggestion on a second line. */
const errorLine = (text: string): string =>
  `kvm-vtop: ${oneLine(
    text
      .replace(/^error: /, '')
      .trimEnd()
      .replaceAll('\n', ' '),
  )}\n`;
