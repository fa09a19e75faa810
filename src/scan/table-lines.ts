// SPDX-License-Identifier: Apache-2.0
// Records in tables as JSON lines, for the page of a report.
import { nameOf, textOf } from './duckdb-types.js';
import type { Duck } from './tables.js';

/** For each table of a part, an expression for its rows. */
export type Source = ReadonlyMap<string, string>;

/** The tables of which the page shows rows, besides that of the dumps. Their column kvm is an address. */
const SHOWN = ['vm', 'total'];

/**
 * Writes the records of dumps and VMs, and totals, to a file: after the record of each dump those about it. Needs a table `taken` that says
 * from which part a dump is taken. Returns how many records of each other kind there are.
 */
export async function writeTableLines(
  { connection }: Duck,
  sources: readonly Source[],
  path: string,
): Promise<ReadonlyMap<string, number>> {
  await connection.run('CREATE TEMP TABLE places (dump VARCHAR, part INTEGER, place BIGINT)');
  await connection.run('CREATE TEMP TABLE lines (part INTEGER, place BIGINT, kind INTEGER, row BIGINT, line JSON)');
  const others = new Map<string, number>();
  for (const [i, source] of sources.entries()) {
    const taken = `dump IN (SELECT dump FROM taken WHERE part = ${i})`;
    await connection.run(
      `INSERT INTO places SELECT dump, ${i}, min(place) FROM
        (SELECT dump, row_number() OVER () AS place FROM ${source.get('dump')}) WHERE ${taken} GROUP BY dump`,
    );
    for (const [name, rows] of source)
      if (name === 'dump') await connection.run(linesFrom(rows, i, 0));
      else if (SHOWN.includes(name)) {
        const hex = `(SELECT * REPLACE (format('0x{:x}', kvm) AS kvm) FROM ${rows})`;
        await connection.run(linesFrom(hex, i, 1 + SHOWN.indexOf(name)));
      } else {
        const found = await connection.runAndReadAll(
          `SELECT record, count(*) FROM ${rows} WHERE ${taken} GROUP BY record ORDER BY record`,
        );
        for (const [record, count] of found.getRows())
          others.set(String(record), (others.get(String(record)) ?? 0) + Number(count));
      }
  }
  await connection.run(
    `COPY (SELECT line FROM lines ORDER BY part, place, kind, row) TO ${textOf(path)} (FORMAT json)`,
  );
  for (const table of ['lines', 'places']) await connection.run(`DROP TABLE ${nameOf(table)}`);
  return others;
}

const linesFrom = (rows: string, part: number, kind: number): string =>
  `INSERT INTO lines SELECT part, place, ${kind}, row, line FROM
    (SELECT dump, row_number() OVER () AS row, to_json(each) AS line FROM ${rows} AS each)
    JOIN places USING (dump) WHERE part = ${part}`;

/** A line of such a file as it is in JSON lines. */
export const recordOf = (line: string): string => line.slice('{"line":'.length, -'}'.length);
