// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ByteSource } from '../core/memory.js';
import type { ElfObject } from '../elf/sections.js';
import { fileExists } from '../io/cache-folder.js';
import type { KernelIdentity } from '../kernel/host.js';
import type { TypeSource } from '../types/source.js';
import { checkVmlinux } from './checks.js';
import type { DwarfFile } from './dwarf-file.js';
import { fileName, placesOf, type Wanted } from './places.js';
import type { WantedObject } from './wanted-object.js';

/** Finds and opens files with symbols and debug information, and closes them. */
export class Lookup {
  /** What was searched for without success; for messages. */
  readonly looked: string[] = [];
  readonly #folders: readonly string[];
  readonly #log: Log;
  readonly #objects: ElfObject[] = [];
  readonly #dwarf: DwarfFile[] = [];

  /** `folders` are searched before the places where distributions install files. */
  constructor(folders: readonly string[], log: Log) {
    this.#folders = folders;
    this.#log = log;
  }

  /** Opens an ELF file by path, decompressed if necessary, or from a source. Throws `DumpError`. */
  async object(from: string | ByteSource, wanted: WantedObject = 'vmlinux'): Promise<ElfObject> {
    const { openObject } = await import('./dwarf-file.js');
    const object = await openObject(from, wanted);
    this.#objects.push(object);
    return object;
  }

  /** Opens a vmlinux. Throws `DumpError` unless it is from the same build as the kernel. */
  async vmlinux(from: string | ByteSource, kernel: KernelIdentity): Promise<ElfObject> {
    const object = await this.object(from);
    checkVmlinux(object, kernel);
    return object;
  }

  /**
   * Opens the types of a file. Looks up the structure `first`, so that a damaged file is found here. `likely`: endings
   * of the names of source files that are likely to define what is needed. Throws `DumpError`.
   */
  async types(object: ElfObject, first: string, likely: readonly string[]): Promise<TypeSource> {
    const { openDwarf } = await import('./dwarf-file.js');
    const file = await openDwarf(object, likely, (path) => this.object(path));
    file.types.sizeOf(first);
    this.#dwarf.push(file);
    return file.types;
  }

  /** Opens the first usable file in the places for `wanted`; null if there is none. Unusable files are only logged. */
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

  /** Saves indexes of debug information in the user's cache folder, and closes the files. */
  close(): void {
    for (const file of this.#dwarf) file.save(this.#log);
    for (const { file } of this.#objects.splice(0)) file.close?.();
  }
}
