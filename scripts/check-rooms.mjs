// SPDX-License-Identifier: Apache-2.0
// Runs dependency-cruiser over src. Fails on a broken rule, and also when almost no modules were seen: with a compiler
// that it does not know, dependency-cruiser cruises nothing and reports no violation.
import { cruise } from 'dependency-cruiser';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import config from '../.dependency-cruiser.mjs';

const FEWEST = 40;

const { output } = await cruise(
  ['src'],
  { ruleSet: config, validate: true, ...config.options },
  {},
  { tsConfig: extractTsConfig('tsconfig.json') },
);
if (typeof output === 'string') throw new Error(`dependency-cruiser returned text instead of an object: ${output}`);
const { violations, totalCruised, totalDependenciesCruised } = output.summary;
for (const { rule, from, to } of violations) console.error(`${rule.name}: ${from} -> ${to}`);
console.log(`${totalCruised} modules, ${totalDependenciesCruised} dependencies, ${violations.length} broken rules`);
if (totalCruised < FEWEST || violations.length > 0) process.exitCode = 1;
