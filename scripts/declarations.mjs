// SPDX-License-Identifier: Apache-2.0
// The library's declarations, rolled up into one file by API Extractor: of src/index.ts, without what is marked
// @internal. They fail where an exported name or one of its members has no doc comment, and where one shows a type that
// is not exported.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import ts from 'typescript';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * Writes the declarations of what `entry` exports, as the compiler makes them: one file per module.
 *
 * @param {string} entry
 * @param {string} folder
 */
function emit(entry, folder) {
  const read = ts.readConfigFile(at('tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, at('.'));
  const program = ts.createProgram([entry], { ...options, outDir: folder, stripInternal: true });
  const { diagnostics } = program.emit();
  const problems = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (problems.length === 0) return;
  throw new Error(
    ts.formatDiagnostics(problems, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => at('.'),
      getNewLine: () => '\n',
    }),
  );
}

/** The settings of API Extractor. @type {(folder: string, output: string) => ExtractorConfig} */
const settings = (folder, output) =>
  ExtractorConfig.prepare({
    configObject: {
      mainEntryPointFilePath: join(folder, 'index.d.ts'),
      projectFolder: folder,
      compiler: {
        overrideTsconfig: {
          include: ['index.d.ts'],
          compilerOptions: {
            target: 'ES2022',
            lib: ['ES2023'],
            module: 'NodeNext',
            strict: true,
            types: [],
            skipLibCheck: true,
          },
        },
      },
      // It finds what has no doc comment. Nobody reads the report itself.
      apiReport: {
        enabled: true,
        reportFolder: folder,
        reportTempFolder: join(folder, 'report'),
        reportFileName: 'kvm-vtop.api.md',
      },
      docModel: { enabled: false },
      tsdocMetadata: { enabled: false },
      dtsRollup: { enabled: true, untrimmedFilePath: output },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Error },
          // Everything that is exported is public.
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: at('package.json'),
  });

/**
 * Writes the declarations to `output`.
 *
 * @param {string} output
 */
export function writeDeclarations(output) {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-declarations-'));
  try {
    emit(at('src/index.ts'), folder);
    /** @type {string[]} */
    const problems = [];
    const { errorCount } = Extractor.invoke(settings(folder, output), {
      localBuild: true,
      messageCallback(message) {
        if (message.logLevel === ExtractorLogLevel.Error) problems.push(message.formatMessageWithLocation(folder));
        message.handled = true;
      },
    });
    if (errorCount > 0 || problems.length > 0) throw new Error(`the library's declarations:\n${problems.join('\n')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
