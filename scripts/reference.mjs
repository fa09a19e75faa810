// SPDX-License-Identifier: Apache-2.0
// Loads src/cli/reference.ts, which generates documentation from the commands. It is bundled on the fly, so no build is
// needed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * @typedef {object} Reference The module src/cli/reference.ts.
 * @property {(date: Date) => string} manPage
 * @property {() => ReadonlyMap<string, string>} generatedDocs
 */

/** @returns {Promise<Reference>} */
export async function reference() {
  const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-reference-'));
  try {
    const outfile = join(folder, 'reference.cjs');
    await build({
      absWorkingDir: fileURLToPath(new URL('../', import.meta.url)),
      entryPoints: ['src/cli/reference.ts'],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['iconv-lite', '@duckdb/node-api', 'bullmq', 'ioredis'],
      logLevel: 'warning',
    });
    /** @type {unknown} */
    const module = await import(pathToFileURL(outfile).href);
    return /** @type {{ default: Reference }} */ (module).default;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
