// SPDX-License-Identifier: Apache-2.0
// CommonJS mode: ".js" is removed from relative imports, and the two packages that exist as ES modules only are
// transformed.
const base = {
  rootDir: __dirname,
  testEnvironment: 'node',
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transformIgnorePatterns: ['/node_modules/(?!(hysnappy|zstddec)/)'],
  transform: {
    '^.+\\.m?[tj]s$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
};

/**
 * A project for each folder of test/ that holds tests (docs/testing.md).
 * @param {string} name
 */
const project = (name) => ({ ...base, displayName: name, testMatch: [`<rootDir>/test/${name}/**/*.test.ts`] });

module.exports = {
  // Jest reads it here alone, not in a project.
  testTimeout: 120000,
  projects: ['unit', 'program', 'witness'].map(project),
  globalSetup: '<rootDir>/scripts/jest/setup.mjs',
  maxWorkers: '100%',
  testSequencer: '<rootDir>/scripts/jest/sequencer.cjs',
  reporters: ['default', '<rootDir>/scripts/jest/reporter.cjs'],
};
