// SPDX-License-Identifier: Apache-2.0
import type { Command } from '../commands/command.js';
import { type RecordKind, schemaName } from '../report/records.js';
import type { Schema } from '../report/types.js';
import { optionsOf } from './groups.js';
import { meaningOf, usageOf } from './help.js';
import { kebab } from './names.js';

const NOTE = '<!-- Generated from src/commands by npm run generate: change it there. -->\n';

const RULES =
  '[output.md](../output.md) has the rules for all records, also in CSV, and the meanings of states and reasons.';

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
    ...notes.map(linked),
    '## Options',
    optionTable(command),
    ...(examples.length === 0 ? [] : ['## Examples', fence(examples.map(example))]),
    ...(records.length === 0
      ? []
      : ['## Records of `--json`', RULES, ...records.map((kind) => recordPart(kind, schemaPath))]),
    '## Exit status',
    table(['status', 'meaning'], Object.entries(exit)),
  ];
  return `${NOTE}\n${parts.map((part) => part.trimEnd()).join('\n\n')}\n`;
}

/** A note, with links to the other pages of docs/ that it names. */
const linked = (note: string): string => note.replace(/\bdocs\/([\w-]+\.md)/g, '[$1](../$1)');

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

function recordPart(kind: RecordKind<never>, schemaPath: (schema: string) => string): string {
  const { title, columns } = kind;
  const rows = columns.flatMap(({ name: member, doc, type }) => memberRows(member, doc, type.schema));
  const link = `([schema](../${schemaPath(schemaName(kind))}))`;
  return `${title.replace(/\.$/, '')} ${link}.\n\n${table(['member', 'type', 'value'], rows)}`;
}

/**
 * A row for a member, and rows for the members of a nested record: `swap.type`, or `holders[].pid` in a list. Of records of
 * several kinds, those of each kind follow each other.
 */
function memberRows(name: string, doc: string, schema: Schema): (readonly string[])[] {
  return [[`\`${name}\``, typeText(schema), doc], ...valuesOf(schema).flatMap((each) => partRows(name, each))];
}

function partRows(name: string, { items, properties }: Schema): (readonly string[])[] {
  if (items !== undefined) return memberRows(`${name}[]`, '', items as Schema).slice(1);
  const nested = Object.entries((properties ?? {}) as Readonly<Record<string, Schema & { description: string }>>);
  return nested.flatMap(([key, part]) => memberRows(`${name}.${key}`, part.description, part));
}

/** The schemas of the values other than null. */
function valuesOf(schema: Schema): readonly Schema[] {
  const { oneOf } = schema;
  return Array.isArray(oneOf) ? (oneOf as Schema[]).filter(({ type }) => type !== 'null') : [schema];
}

/** The type that a schema describes, in a few words; for an enumeration its values. */
function typeText(schema: Schema): string {
  const { type, enum: values, oneOf } = schema;
  if (Array.isArray(oneOf)) {
    const types = [...new Set(valuesOf(schema).map(typeText))];
    return [...types, ...((oneOf as Schema[]).some((each) => each.type === 'null') ? ['null'] : [])].join(' or ');
  }
  if (Array.isArray(values)) {
    const given = values.filter((value) => value !== null).map((value) => `\`${String(value)}\``);
    return `${given.join(', ')}${values.includes(null) ? ' or null' : ''}`;
  }
  const types = Array.isArray(type) ? (type as readonly string[]).filter((each) => each !== 'null') : [String(type)];
  return `${plainType(types.join(' or '), schema)}${Array.isArray(type) && type.includes('null') ? ' or null' : ''}`;
}

function plainType(type: string, { pattern, items, additionalProperties }: Schema): string {
  if (pattern !== undefined) return 'address';
  if (items !== undefined) return `array of ${typeText(items as Schema)}`;
  if (typeof additionalProperties === 'object') return `object of ${typeText(additionalProperties as Schema)}`;
  return type;
}

/** A table in Markdown. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return `${[line(headings), `|${headings.map(() => ' --- |').join('')}`, ...rows.map(line)].join('\n')}\n`;
}
