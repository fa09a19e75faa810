// SPDX-License-Identifier: Apache-2.0
// The files of the program, loaded with the code that V8 has compiled of them in earlier runs.
import { join } from 'node:path';
import { ownFolder } from '../io/own-files.js';
import { CodeCache, type Require } from './code-cache.js';

/** A file that was loaded. */
interface Loaded {
  readonly code: CodeCache;
  readonly module: { exports: unknown };
}

/** The place of the digest of all files. */
const ALL = '';

export class Compiled {
  readonly #loaded = new Map<string, Loaded>();

  private constructor(
    readonly kept: string,
    readonly folder: string,
    readonly digests: Readonly<Record<string, string>>,
    readonly others: Require,
  ) {}

  /**
   * `folder`: that of the program. `digests`: those of its files, by their paths in it, which must be ASCII, and of all, by an empty path.
   * `others`: loads what else a file requires. Null if nothing can be kept.
   */
  static of(folder: string, digests: Readonly<Record<string, string>>, others: Require): Compiled | null {
    const kept = ownFolder('code');
    return kept === null ? null : new Compiled(kept, folder, digests, others);
  }

  /** What a file of the program exports. It is run when it is first asked for. */
  load(path: string): unknown {
    const known = this.#loaded.get(path);
    if (known !== undefined) return known.module.exports;
    const file = join(this.folder, path);
    const code = CodeCache.of(this.kept, file, this.digests[path] ?? '');
    const module = { exports: {} };
    this.#loaded.set(path, { code, module });
    try {
      code.run(module, this.#requireOf(path), file);
    } catch (error) {
      this.#loaded.delete(path);
      throw error;
    }
    return module.exports;
  }

  /** What tells this build of the program from others. */
  get build(): string {
    return this.digests[ALL] ?? '';
  }

  /** Words for --verbose, one for each file that was loaded. */
  get texts(): readonly string[] {
    return [...this.#loaded.values()].map(({ code }) => code.text);
  }

  /** Keeps what was compiled, with the functions that have run, for later runs. V8 must have the flags that it was started with. */
  save(): void {
    for (const { code } of this.#loaded.values()) code.save();
  }

  /** What a file requires: files of the program are loaded here, so that each is loaded once. */
  #requireOf(path: string): Require {
    return (specifier) => {
      if (!specifier.startsWith('.')) return this.others(specifier);
      const own = join(path, '..', specifier);
      return own in this.digests ? this.load(own) : this.others(`./${own}`);
    };
  }
}
