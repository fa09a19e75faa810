// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ROOT } from '../run.js';

/** Our own lines have no member that the schema does not list: it allows others, for later releases. */
const strict = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'required' in value
    ? { ...value, additionalProperties: false }
    : value;

const schema = JSON.parse(readFileSync(join(ROOT, 'docs', 'output.schema.json'), 'utf8'), strict) as object;
const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(schema);

/** What docs/output.schema.json finds wrong with a line of --json; null for nothing. */
export const lineProblems = (line: unknown): unknown => (validate(line) ? null : validate.errors);
