// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ROOT } from '../../run.js';

const SHIPPED = join(ROOT, 'src', 'layouts');
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
const shipped = readdirSync(SHIPPED).filter((name) => name.endsWith('.json'));

test.each(shipped)('%s fits the schema', (name) => {
  const validate = new Ajv2020().compile(read(join(ROOT, 'docs', 'layout.schema.json')));
  expect(validate(read(join(SHIPPED, name)))).toBe(true);
  expect(`${String(read(join(SHIPPED, name)).release)}.json`).toBe(name);
});
