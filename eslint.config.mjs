// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'parsers/generated/', 'wasm/', 'coverage/'] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.test.json', './tsconfig.browser.json', './tsconfig.scripts.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-lines': ['error', { max: 400, skipBlankLines: false, skipComments: false }],
    },
  },
  { files: ['test/**'], rules: { 'max-lines-per-function': 'off' } },
  {
    // In process, from the checkout alone: no program is spawned there, and no tool or recorded host asked for.
    files: ['test/unit/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: ['child_process', 'node:child_process'],
          patterns: [
            {
              group: [
                '**/test/needs.js',
                '**/../needs.js',
                '!**/src/*/needs.js',
                '**/build/{compiled,reference,recoded,recorded}.js',
              ],
            },
            { group: ['**/run.js'], importNames: ['kvmVtop', 'SHARED', 'hasShared', 'HOSTS'] },
          ],
        },
      ],
    },
  },
  {
    // The build copies what a module exports once the module has run (scripts/link.mjs).
    files: ['src/**'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportNamedDeclaration > VariableDeclaration[kind!="const"]',
          message: 'What is exported must not change: export a function that returns it.',
        },
      ],
      'no-class-assign': 'error',
      'no-func-assign': 'error',
    },
  },
  // CommonJS has no other way to import.
  { files: ['**/*.cjs'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
);
