// SPDX-License-Identifier: Apache-2.0
// CommonJS mode: ".js" is removed from relative imports, and the two packages that exist as ES modules only are
// transformed.
/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transformIgnorePatterns: ['/node_modules/(?!(hysnappy|zstddec)/)'],
  transform: {
    '^.+\\.m?[tj]s$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  testTimeout: 120000,
  maxWorkers: '100%',
  testSequencer: '<rootDir>/scripts/jest/sequencer.cjs',
  reporters: ['default', '<rootDir>/scripts/jest/reporter.cjs'],
};
