// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ROOT } from '../run.js';

/** The schema, without the members that it allows for later releases: the output must not have others yet. */
const strict = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'required' in value
    ? { ...value, additionalProperties: false }
    : value;

const schema = JSON.parse(readFileSync(join(ROOT, 'docs', 'output.schema.json'), 'utf8'), strict) as object;
const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(schema);

/** The errors that docs/output.schema.json reports for a line of --json; null if it is valid. */
export const lineProblems = (line: unknown): unknown => (validate(line) ? null : validate.errors);
