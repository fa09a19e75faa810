// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ByteSource } from '../core/memory.js';
import type { ElfObject } from '../elf/sections.js';
import { fileExists } from '../io/cache-folder.js';
import type { KernelIdentity } from '../kernel/host.js';
import type { TypeSource } from '../types/source.js';
import { checkVmlinux } from './checks.js';
import { type DwarfFile, openDwarf, openObject } from './dwarf-file.js';
import { fileName, placesOf, type Wanted } from './places.js';
import type { WantedObject } from './wanted-object.js';

/** Opens files beside a dump, searches their places, and closes them. */
export class Lookup {
  /** What was looked for in vain. */
  readonly looked: string[] = [];
  readonly #folders: readonly string[];
  readonly #log: Log;
  readonly #objects: ElfObject[] = [];
  readonly #dwarf: DwarfFile[] = [];

  /** `folders`: those to look in before the places of distributions. */
  constructor(folders: readonly string[], log: Log) {
    this.#folders = folders;
    this.#log = log;
  }

  /** An ELF file, unpacked if need be; or one that is at hand already. */
  async object(from: string | ByteSource, wanted: WantedObject = 'vmlinux'): Promise<ElfObject> {
    const object = await openObject(from, wanted);
    this.#objects.push(object);
    return object;
  }

  /** A vmlinux; throws `DumpError` unless it is this kernel's. */
  async vmlinux(from: string | ByteSource, kernel: KernelIdentity): Promise<ElfObject> {
    const object = await this.object(from);
    checkVmlinux(object, kernel);
    return object;
  }

  /**
   * The DWARF in a file, which must describe the structure `first` or know that it does not: a damaged file shows here.
   * `likely`: ends of the names of source files whose units tend to have what is wanted.
   */
  async types(object: ElfObject, first: string, likely: readonly string[]): Promise<TypeSource> {
    const file = await openDwarf(object, likely, (path) => this.object(path));
    file.types.sizeOf(first);
    this.#dwarf.push(file);
    return file.types;
  }

  /** The first file in its places that serves; those that do not are told with --verbose. */
  async search<T>(wanted: Wanted, kernel: KernelIdentity, open: (path: string) => Promise<T>): Promise<T | null> {
    const buildId = wanted === 'vmlinux' ? kernel.buildId : null;
    for (const path of placesOf(wanted, kernel.release, buildId, this.#folders)) {
      if (!fileExists(path)) continue;
      try {
        return await open(path);
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
        this.#log.found(`${fileName(wanted)}: ${error.message}`);
      }
    }
    this.looked.push(fileName(wanted));
    return null;
  }

  /** Keeps what was found in the user's cache folder, and closes the files. */
  close(): void {
    for (const file of this.#dwarf) file.save(this.#log);
    for (const { file } of this.#objects.splice(0)) file.close?.();
  }
}
