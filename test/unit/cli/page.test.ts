// SPDX-License-Identifier: Apache-2.0
// docs/commands/ compared with the schemas of the records: every member, nested ones too, and every value of an enumeration.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../../run.js';

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly (string | number | null)[];
}

interface Member {
  readonly name: string;
  readonly doc: string;
  readonly values: readonly (string | number | null)[];
}

/** All members below a schema. */
function* membersOf(prefix: string, { properties = {}, items, oneOf = [] }: Schema): Generator<Member> {
  for (const part of oneOf) yield* membersOf(prefix, part);
  if (items !== undefined) yield* membersOf(`${prefix.slice(0, -1)}[].`, items);
  for (const [key, part] of Object.entries(properties)) {
    yield { name: `${prefix}${key}`, doc: part.description ?? '', values: part.enum ?? [] };
    yield* membersOf(`${prefix}${key}.`, part);
  }
}

const folder = join(ROOT, 'docs', 'commands');
const records = readdirSync(folder)
  .map((name) => join(folder, name))
  .flatMap((path) =>
    readFileSync(path, 'utf8')
      .split(/(?=^.* \(\[schema\]\()/m)
      .slice(1)
      .map((text) => ({
        text,
        schema: relative(ROOT, join(dirname(path), /\(\[schema\]\((.*?)\)\)/.exec(text)?.[1] ?? '')),
      })),
  );

test.each(records)('$schema', ({ text, schema }) => {
  const members = [...membersOf('', JSON.parse(readFileSync(join(ROOT, schema), 'utf8')) as Schema)];
  const rows = [...text.matchAll(/^\| `([\w.[\]]+)` \| (.*?) \| (.*) \|$/gm)];
  expect(rows.map(([, name, , doc]) => [name, doc?.replaceAll('\\|', '|')])).toEqual(
    members.map(({ name, doc }) => [name, doc]),
  );
  for (const [i, { name, values }] of members.entries())
    if (values.length > 0)
      expect([name, rows[i]?.[2]]).toEqual([
        name,
        values
          .filter((value) => value !== null)
          .map((value) => `\`${value}\``)
          .join(', ') + (values.includes(null) ? ' or null' : ''),
      ]);
});

test('no record is left out', () => {
  const schemas = readdirSync(join(ROOT, 'docs', 'schemas')).map((name) => join('docs', 'schemas', name));
  // Two commands have runs and totals.
  expect([...new Set(records.map(({ schema }) => schema))].sort()).toEqual(
    [...schemas, join('docs', 'output.schema.json')].sort(),
  );
});
