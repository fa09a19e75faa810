// SPDX-License-Identifier: Apache-2.0
// The man page, in mdoc(7).
import type { Args, Command } from '../commands/command.js';
import { commands, mainCommand } from '../commands/index.js';
import type { OptionSpec, Options } from '../commands/options.js';
import { commonGroups, ownOptions } from './groups.js';
import { wrapped } from './help.js';
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
    ...commands.flatMap(synopsis),
    '.Sh DESCRIPTION',
    ...text(mainCommand.description),
    ...commands.flatMap(section),
    '.Sh COMMON OPTIONS',
    ...commonGroups.flatMap(({ title, options }) => [`.Ss ${title}`, ...optionList(options)]),
    '.Sh EXAMPLES',
    // No .Pp directly after a heading.
    ...commands.flatMap(({ examples }) => examples.flatMap(example)).slice(1),
    '.Sh SEE ALSO',
    '.Xr crash 8 ,',
    '.Xr makedumpfile 8',
  ];
  return `${lines.join('\n')}\n`;
}

function synopsis(command: Command): string[] {
  const word = command === mainCommand ? [] : [`.Cm ${command.name}`];
  const { args, takesCommand } = command;
  const other = takesCommand === true ? ['.Op Li \\-\\- Ar command ...'] : [];
  return ['.Nm', ...word, '.Op Ar options', ...(args === null ? [] : [argument(args)]), ...other];
}

const argument = ({ name, number }: Args<unknown>): string =>
  number === 'one' ? `.Ar ${name}` : number === 'optional' ? `.Op Ar ${name}` : `.Op Ar ${name} ...`;

function section(command: Command): string[] {
  const options = ownOptions(command);
  const { args } = command;
  return [
    `.Sh ${command.name.toUpperCase()}`,
    ...(command === mainCommand ? [] : text(command.description)),
    ...command.notes.flatMap((note, i) => [...(i === 0 && command === mainCommand ? [] : ['.Pp']), ...text(note)]),
    ...(args === null ? [] : ['.Bl -tag -width Ds', `.It Ar ${args.name}`, ...text(args.summary), '.El']),
    ...optionList(options),
    '.Pp',
    'Exit status:',
    '.Bl -tag -width Ds -compact',
    ...Object.entries(command.exit).flatMap(([code, meaning]) => [`.It ${code}`, ...text(meaning)]),
    '.El',
  ];
}

function optionList(options: Options): string[] {
  const entries = Object.entries(options);
  if (entries.length === 0) return [];
  return ['.Bl -tag -width Ds', ...entries.flatMap(([key, spec]) => [item(key, spec), ...text(about(spec))]), '.El'];
}

function item(key: string, { short, value }: OptionSpec<unknown>): string {
  const long = `Fl Fl ${escaped(kebab(key))}`;
  const names = short === undefined ? long : `Fl ${short} , ${long}`;
  return `.It ${names}${value === undefined ? '' : ` Ar ${escaped(value)}`}`;
}

const about = ({ summary, choices }: OptionSpec<unknown>): string =>
  choices === undefined ? summary : `${summary} (${choices.join(', ')})`;

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
