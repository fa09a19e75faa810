// SPDX-License-Identifier: Apache-2.0
import type { Command } from '../commands/command.js';
import type { RecordKind } from '../report/records.js';
import type { Schema } from '../report/types.js';
import { optionsOf } from './groups.js';
import { meaningOf, usageOf } from './help.js';
import { kebab } from './names.js';

const NOTE = '<!-- Generated from src/commands by npm run generate: change it there. -->\n';

/** The page that lists all commands, in Markdown. */
export function indexPage(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => [`[${name}](${name}.md)`, summary]);
  return `${NOTE}\n# Commands\n\n${table(['command', 'purpose'], rows)}`;
}

/** The page of a command, in Markdown. */
export function commandPage(command: Command, schemaPath: (record: string) => string): string {
  const { name, description, notes, examples, exit, records } = command;
  const parts = [
    `# kvm-vtop ${name}`,
    description,
    fence([usageOf(command)]),
    ...notes,
    '## Options',
    optionTable(command),
    ...(examples.length === 0 ? [] : ['## Examples', fence(examples.map(example))]),
    ...(records.length === 0 ? [] : ['## Records of `--json`', ...records.map((kind) => recordPart(kind, schemaPath))]),
    '## Exit status',
    table(['status', 'meaning'], Object.entries(exit)),
  ];
  return `${NOTE}\n${parts.map((part) => part.trimEnd()).join('\n\n')}\n`;
}

const example = ({ line, note }: Command['examples'][number]): string =>
  `${note === undefined ? '' : `# ${note}\n`}kvm-vtop ${line}`;

const fence = (lines: readonly string[]): string => `\`\`\`\n${lines.join('\n')}\n\`\`\``;

function optionTable(command: Command): string {
  const rows = Object.entries(optionsOf(command)).map(([key, spec]) => {
    const { short, value, many } = spec;
    const placeholder = value === undefined ? '' : ` <${value}${many === true ? '...' : ''}>`;
    return [`\`${short === undefined ? '' : `-${short}, `}--${kebab(key)}${placeholder}\``, meaningOf(spec)];
  });
  return table(['option', 'meaning'], [...rows, ['`-h, --help`', 'display help for command']]);
}

function recordPart({ name, title, columns }: RecordKind<never>, schemaPath: (record: string) => string): string {
  const rows = columns.map((column) => [`\`${column.name}\``, typeText(column.type.schema), column.doc]);
  return `${title} ([schema](../${schemaPath(name)})).\n\n${table(['member', 'type', 'value'], rows)}`;
}

/** The type that a schema describes, in a few words. */
function typeText({ type, pattern, enum: values, oneOf, items }: Schema): string {
  if (Array.isArray(oneOf))
    return oneOf
      .map((part) => typeText(part as Schema))
      .reverse()
      .join(' or ');
  if (Array.isArray(values))
    return values.every((value) => value === null || typeof value === 'number') ? 'number' : 'word';
  if (pattern !== undefined) return Array.isArray(type) ? 'address or null' : 'address';
  if (items !== undefined) return `array of ${typeText(items as Schema)}`;
  return Array.isArray(type) ? type.join(' or ') : String(type);
}

/** A table in Markdown. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(headings), `|${headings.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n')}\n`;
}
