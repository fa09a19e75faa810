// SPDX-License-Identifier: Apache-2.0
// The man page, in mdoc(7).

import type { Args, Command } from '../commands/command.js';
import { commands } from '../commands/index.js';
import { mainCommand } from '../commands/on-demand.js';
import type { OptionSpec, Options } from '../commands/options.js';
import { STATES } from '../core/outcome.js';
import { commonGroups, optionsOf, ownOptions } from './groups.js';
import { hasOptions, meaningOf, wrapped } from './help.js';
import { ENVIRONMENT, OUTPUT, STATE_MEANINGS } from './man-sections.js';
import { kebab } from './names.js';

/** The man page of the program. `date` is the date of the build. */
export function manPage(date: Date): string {
  const month = date.toLocaleString('en', { month: 'long', timeZone: 'UTC' });
  const lines = [
    '.\\" Generated from the commands of the program.',
    `.Dd ${month} ${date.getUTCDate()}, ${date.getUTCFullYear()}`,
    '.Dt KVM-VTOP 1',
    '.Os',
    '.Sh NAME',
    '.Nm kvm-vtop',
    ".Nd translate a KVM guest's physical addresses from the host's crash dump",
    '.Sh SYNOPSIS',
    ...synopsis(mainCommand, []),
    ...commands.flatMap((command) => synopsis(command, [`.Cm ${command.name}`])),
    '.Nm',
    '.Fl V',
    '.Sh DESCRIPTION',
    ...text(mainCommand.description),
    ...text('The first word is the name of a command; without one it is vtop.'),
    ...commands.flatMap(section),
    '.Sh COMMON OPTIONS',
    ...text('The section of each command says which of these groups it takes.'),
    ...commonGroups.flatMap(({ title, options }) => [`.Ss ${title}`, ...optionList(options)]),
    '.Ss Help',
    ...list({
      'Fl h , Fl Fl help': 'describe a command and its options',
      'Fl V , Fl Fl version': 'print the version; without a command',
    }),
    '.Sh OUTPUT',
    ...paragraphs(OUTPUT),
    '.Sh STATES',
    ...text(
      'The state of an address or of a run of pages, in --json and --csv, and in the text where there is no HPA:',
    ),
    ...list(Object.fromEntries(STATES.map((state) => [`Li ${escaped(state)}`, STATE_MEANINGS[state]]))),
    '.Sh ENVIRONMENT',
    ...list(Object.fromEntries(Object.entries(ENVIRONMENT).map(([name, meaning]) => [`Ev ${name}`, meaning]))),
    '.Sh EXAMPLES',
    // No .Pp directly after a heading.
    ...commands.flatMap(({ examples }) => examples.flatMap(example)).slice(1),
    '.Sh SEE ALSO',
    '.Xr crash 8 ,',
    '.Xr makedumpfile 8',
  ];
  return `${lines.join('\n')}\n`;
}

/** The words of `usageWords` in mdoc. */
function synopsis(command: Command, name: readonly string[]): string[] {
  const { args, takesCommand } = command;
  const options = hasOptions(command) ? ['.Op Ar options'] : [];
  const others = takesCommand === true ? ['.Oo Li \\-\\- Ar command ... Oc Ns ...'] : [];
  return ['.Nm', ...name, ...options, ...(args === null ? [] : [argument(args)]), ...others];
}

const argument = ({ name, number }: Args<unknown>): string =>
  number === 'one' ? `.Ar ${name}` : number === 'optional' ? `.Op Ar ${name}` : `.Op Ar ${name} ...`;

function section(command: Command): string[] {
  const options = ownOptions(command);
  const { args } = command;
  return [
    `.Sh ${command.name.toUpperCase()}`,
    ...paragraphs([...(command === mainCommand ? [] : [command.description]), ...command.notes]),
    ...(args === null ? [] : ['.Bl -tag -width Ds', `.It Ar ${args.name}`, ...text(args.summary), '.El']),
    ...optionList(options),
    ...common(command),
    '.Pp',
    'Exit status:',
    '.Bl -tag -width Ds -compact',
    ...Object.entries(command.exit).flatMap(([code, meaning]) => [`.It ${code}`, ...text(meaning)]),
    '.El',
  ];
}

/** Which common options a command takes: whole groups by their titles, parts of groups by the names of the options. */
function common(command: Command): string[] {
  const own = ownOptions(command);
  const taken = Object.keys(optionsOf(command)).filter((key) => !(key in own));
  const parts = commonGroups.flatMap(({ title, options }) => {
    const some = Object.keys(options).filter((key) => taken.includes(key));
    if (some.length < Object.keys(options).length) return some.map((key) => `.Fl Fl ${escaped(kebab(key))}`);
    return [`.Sx ${title}`];
  });
  const lines = parts.map((part, i) => `${part} ${i === parts.length - 1 ? '.' : ','}`);
  return parts.length === 0 ? [] : ['.Pp', 'Common options:', ...lines];
}

const optionList = (options: Options): string[] =>
  list(Object.fromEntries(Object.entries(options).map(([key, spec]) => [nameOf(key, spec), meaningOf(spec)])));

/** A list of terms, in mdoc, and their meanings. */
function list(items: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(items);
  if (entries.length === 0) return [];
  return ['.Bl -tag -width Ds', ...entries.flatMap(([term, meaning]) => [`.It ${term}`, ...text(meaning)]), '.El'];
}

/** No .Pp directly after a heading. */
const paragraphs = (texts: readonly string[]): string[] =>
  texts.flatMap((each, i) => [...(i === 0 ? [] : ['.Pp']), ...text(each)]);

function nameOf(key: string, { short, value }: OptionSpec<unknown>): string {
  const long = `Fl Fl ${escaped(kebab(key))}`;
  const names = short === undefined ? long : `Fl ${short} , ${long}`;
  return `${names}${value === undefined ? '' : ` Ar ${escaped(value)}`}`;
}

const example = ({ line, note }: Command['examples'][number]): string[] => [
  '.Pp',
  ...(note === undefined ? [] : text(`${note}:`)),
  `.Dl $ kvm-vtop ${escaped(line)}`,
];

/** Width of the source of the page, in columns. */
const WIDTH = 80;

/** Starts a new line for each sentence, and escapes what roff would read as a request or an escape. */
const text = (paragraph: string): string[] =>
  paragraph
    .split(/(?<=[.]) (?=[A-Z])/)
    .flatMap((sentence) => wrapped(escaped(sentence), WIDTH - 2))
    .map((line) => line.replace(/^([.'])/, '\\&$1'));

const escaped = (line: string): string => line.replaceAll('\\', '\\e').replaceAll('-', '\\-');
