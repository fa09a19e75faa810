// SPDX-License-Identifier: Apache-2.0
// Runs dependency-cruiser over src and fails on a broken rule, and when it saw no modules at all: with a compiler that
// it does not know it cruises nothing and calls that clean.
import { cruise } from 'dependency-cruiser';
import config from '../.dependency-cruiser.mjs';

const { output } = await cruise(
  ['src'],
  { ruleSet: config, validate: true, ...config.options },
  {},
  {
    tsConfig: (await import('dependency-cruiser/config-utl/extract-ts-config')).default('tsconfig.json'),
  },
);
const { summary } = output;
for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} -> ${to}`);
console.log(
  `${summary.totalCruised} modules, ${summary.totalDependenciesCruised} dependencies, ${summary.violations.length} broken rules`,
);
if (summary.totalCruised < 40 || summary.violations.length > 0) process.exitCode = 1;
