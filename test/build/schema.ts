// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ROOT } from '../run.js';

/** The schema, without the members that it allows for later releases: the output must not have others yet. */
const strict = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'required' in value && 'type' in value
    ? { ...value, additionalProperties: false }
    : value;

type Validate = ReturnType<Ajv2020['compile']>;

function validatorOf(path: string): Validate {
  const schema = JSON.parse(readFileSync(join(ROOT, 'docs', path), 'utf8'), strict) as object;
  return new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(schema);
}

const problemsOf = (validate: Validate, line: unknown): unknown => (validate(line) ? null : validate.errors);

const version1 = validatorOf('output.schema.json');

/** The errors that docs/output.schema.json reports for a line of --json; null if it is valid. */
export const lineProblems = (line: unknown): unknown => problemsOf(version1, line);

const validators = new Map<string, Validate>();

/** The errors that the schema of a record, or another one, reports; null if it is valid. */
export function recordProblems(line: { readonly record: string }, schema = line.record): unknown {
  const known = validators.get(schema) ?? validatorOf(`schemas/${schema}.schema.json`);
  validators.set(schema, known);
  return problemsOf(known, line);
}
