// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { columns, record } from '../../../src/report/columns.js';
import { csv, jsonLines, recordKind, schemaOf } from '../../../src/report/records.js';
import { table } from '../../../src/report/table.js';
import { cached, count, flag, hex, list, nullable, oneOf, text, word } from '../../../src/report/types.js';

interface Row {
  readonly at: number | bigint;
  readonly size: number;
  readonly name: string | null;
  readonly kind: 'a' | 'b';
  readonly on: boolean;
  readonly swap: { readonly type: number; readonly device: string | null } | null;
  readonly parts: readonly { readonly id: number; readonly name: string | null }[];
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

const kind = recordKind<Row>(
  'thing',
  'A thing.',
  columns<Row>({
    at: [hex, 'Where.'],
    size: [count(), 'Bytes.'],
    name: [nullable(text), 'Its name.'],
    kind: [oneOf('a', 'b'), 'Which.'],
    on: [flag, 'Whether.'],
    swap: [
      nullable(record(columns<NonNullable<Row['swap']>>({ type: [count(), ''], device: [nullable(text), ''] }))),
      'Where in swap.',
    ],
    parts: [list(record(columns<Row['parts'][number]>({ id: [count(), ''], name: [nullable(text), ''] }))), 'Parts.'],
    words: [list(cached(text)), 'Words.'],
    flags: [list(word), 'Flags.'],
  }),
);

const rows: fc.Arbitrary<Row> = fc.record({
  at: fc.oneof(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  size: fc.nat(),
  name: fc.option(fc.string({ unit: 'binary' }), { nil: null }),
  kind: fc.constantFrom('a' as const, 'b' as const),
  on: fc.boolean(),
  swap: fc.option(fc.record({ type: fc.nat(), device: fc.option(fc.string(), { nil: null }) }), { nil: null }),
  parts: fc.array(fc.record({ id: fc.nat(), name: fc.option(fc.string({ unit: 'binary' }), { nil: null }) })),
  words: fc.array(fc.string({ unit: 'binary' })),
  flags: fc.array(fc.constantFrom('READONLY', 'INVALID', '0x100')),
});

describe('JSON lines', () => {
  const write = (row: Row) => jsonLines([kind]).row(row) as string;
  const hexOf = (_key: string, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value);

  test('equal JSON.stringify of the row, with the record first', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const expected = { record: 'thing', ...row, at: `0x${row.at.toString(16)}` };
        expect(JSON.parse(write(row))).toEqual(JSON.parse(JSON.stringify(expected, hexOf)));
        expect(Object.keys(JSON.parse(write(row)) as object)).toEqual(Object.keys(expected));
      }),
    );
  });

  test('have no control characters', () => {
    fc.assert(
      fc.property(rows, (row) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are searched for
        expect(write(row).trimEnd()).not.toMatch(/[\x00-\x1f\x7f-\x9f]/);
      }),
    );
  });

  test.each(['\x7f', '\x9b', '\u200b', '\u200f', '\u2028', '\u202e', '\u2066', '\ufeff'])(
    'have %j only in escaped form',
    (letter) => {
      const [row] = fc.sample(rows, 1) as [Row];
      const line = write({ ...row, name: `a${letter}b`, words: [letter] });
      expect(line).not.toContain(letter);
      expect(JSON.parse(line)).toMatchObject({ name: `a${letter}b`, words: [letter] });
    },
  );

  test('are valid against the schema, which allows members that later releases add', () => {
    const validate = new Ajv2020({ allowUnionTypes: true }).compile(schemaOf(kind));
    fc.assert(fc.property(rows, (row) => validate(JSON.parse(write(row)))));
    const [row] = fc.sample(rows, 1) as [Row];
    const line = JSON.parse(write(row)) as object;
    expect(validate({ ...line, later: 1 })).toBe(true);
    expect(validate({ ...line, on: 'yes' })).toBe(false);
    expect(validate({ ...line, record: 'other' })).toBe(false);
  });
});

/** Parses fields as in RFC 4180. */
function fieldsOf(line: string): string[] {
  const fields = [...line.matchAll(/(?:"((?:[^"]|"")*)"|([^,"]*))(?:,|$)/g)];
  return fields.slice(0, -1).map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '');
}

/** The text that the escapes of a field stand for. */
const unescaped = (field = ''): string =>
  field.replace(/\\(?:x([0-9a-f]{2})|u\{?([0-9a-f]{4})\}?)/g, (_, byte: string | undefined, unit: string) =>
    String.fromCharCode(Number.parseInt(byte ?? unit, 16)),
  );

describe('CSV', () => {
  const writer = csv(kind);

  test('has nested members in separate columns', () => {
    expect(writer.begin?.()).toBe(
      'record,at,size,name,kind,on,swap.type,swap.device,parts.id,parts.name,words,flags\r\n',
    );
    const row: Row = {
      at: 4096,
      size: 1,
      name: null,
      kind: 'a',
      on: true,
      swap: null,
      parts: [],
      words: [],
      flags: [],
    };
    expect(writer.row(row)).toBe('thing,0x1000,1,,a,true,,,,,,\r\n');
    const parts = [
      { id: 1, name: 'a b' },
      { id: 2, name: null },
    ];
    const full = { ...row, swap: { type: 3, device: '/dev/x' }, parts, words: ['c d', 'e'], flags: ['F', 'G'] };
    expect(writer.row(full)).toBe('thing,0x1000,1,,a,true,3,/dev/x,1 2,"[""a b"",null]","[""c d"",""e""]",F G\r\n');
  });

  test('preserves every text, with controls as escapes', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const line = (writer.row(row) as string).slice(0, -2);
        expect(line).not.toMatch(/\p{Cc}/u);
        const fields = fieldsOf(`${line},`);
        expect(fields).toHaveLength(12);
        expect(unescaped(fields[3])).toBe(unescaped(row.name ?? ''));
        expect(unescaped(fields[7])).toBe(unescaped(row.swap?.device ?? ''));
        const texts = (field = ''): unknown => (field === '' ? [] : JSON.parse(field));
        expect(texts(fields[9])).toEqual(row.parts.map(({ name }) => name));
        expect(texts(fields[10])).toEqual(row.words);
        expect(fields[11]?.split(' ')).toEqual(row.flags.length === 0 ? [''] : row.flags);
      }),
    );
  });
});

test('a table has columns of minimal width, right-aligned numbers, no trailing blanks', () => {
  const writer = table<readonly [string, number]>([
    { heading: 'NAME', text: ([name]) => name },
    { heading: 'SIZE', align: 'right', text: ([, size]) => `${size}` },
    { heading: 'X', text: () => '' },
  ]);
  const made = [writer.row(['alpha', 1]), writer.row(['b', 12345]), writer.end?.()].join('');
  expect(made).toBe('NAME    SIZE  X\nalpha      1\nb      12345\n');
  expect(table([{ heading: 'NAME', text: () => '' }]).end?.()).toBe('');
});
