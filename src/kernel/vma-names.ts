// SPDX-License-Identifier: Apache-2.0
import { readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import { Files } from './files.js';
import type { Host } from './host.js';
import type { Mm } from './mm.js';
import { mmAreaFields } from './structs.js';
import type { Vma } from './vma.js';

/** Names of a process's mappings, as /proc/PID/maps has them (fs/proc/task_mmu.c), without ` (deleted)`. */
export class VmaNames {
  readonly #files: Files;
  readonly #host: Host;
  readonly #mm: Pick<Mm, 'address'>;
  /** By address of struct file. */
  readonly #paths = new Map<bigint, string>();
  #areas: readonly (readonly [string, bigint, bigint])[] | null = null;

  constructor(host: Host, mm: Pick<Mm, 'address'>) {
    this.#files = new Files(host);
    this.#host = host;
    this.#mm = mm;
  }

  /** The path of the file; else `[heap]`, `[stack]`, `[vdso]`, or null. Throws `DumpError` if it can't be read. */
  nameOf({ file, start, end }: Vma): string | null {
    if (file !== 0n) return this.#pathOf(file);
    this.#areas ??= this.#readAreas();
    return this.#areas.find(([, first, last]) => start <= last && end > first)?.[0] ?? null;
  }

  #pathOf(file: bigint): string {
    const known = this.#paths.get(file);
    if (known !== undefined) return known;
    const path = this.#files.shownPath(file, this.#files.pathOf(file));
    this.#paths.set(file, path);
    return path;
  }

  #readAreas(): readonly (readonly [string, bigint, bigint])[] {
    const { memory, types } = this.#host;
    const { mm: at } = resolve(types, { mm: mmAreaFields });
    const bytes = readOf(memory, this.#mm.address, at.bytes, 'mm_struct');
    const [brkStart, brk, stack] = [at.brkStart, at.brk, at.stack].map(({ offset }) => bytes.u64(offset)) as [
      bigint,
      bigint,
      bigint,
    ];
    const vdso = at.vdso === null ? 0n : bytes.u64(at.vdso.offset);
    return [
      ...(brk > brkStart ? [['[heap]', brkStart, brk - 1n] as const] : []),
      ['[stack]', stack, stack],
      ...(vdso === 0n ? [] : [['[vdso]', vdso, vdso] as const]),
    ];
  }
}
