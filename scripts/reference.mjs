// SPDX-License-Identifier: Apache-2.0
// What is generated from the commands, as src/cli/reference.ts makes it: bundled for this moment, so that no build is needed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** The module src/cli/reference.ts. */
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
      external: ['iconv-lite'],
      logLevel: 'warning',
    });
    return (await import(pathToFileURL(outfile).href)).default;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
