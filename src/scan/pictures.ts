// SPDX-License-Identifier: Apache-2.0
// Pictures of VMs beside a report: a file for each, in a folder that gets its name when all are there.
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DumpError, UsageError } from '../core/errors.js';
import { isOfSystem, reasonOf } from '../io/system-error.js';

/** The name of the picture of a VM. `id`: that of the dump's analysis; `kvm`: the address of struct kvm, with 0x. */
export const pictureName = (id: string, kvm: string): string => `${id}-${kvm.replace(/^0x/, '')}.html`;

const NAME = /^[0-9a-f]{40}-[0-9a-f]+\.html$/;

/** The folder for the pictures of a report. */
export class PictureFolder {
  readonly #path: string;
  readonly #replaces: boolean;
  /** Where the pictures are until all are there. */
  readonly drafts: string;

  /**
   * `report`: the path of the page. An existing folder is only replaced with `force`, and if it has nothing but pictures. Throws
   * `UsageError`, and `DumpError` if the system refuses.
   */
  constructor(report: string, force: boolean) {
    this.#path = `${report.replace(/\.html?$/, '')}.files`;
    this.drafts = `${this.#path}.parts`;
    this.#replaces = this.#named(() => lstatSync(this.#path, { throwIfNoEntry: false })) !== undefined;
    if (!this.#replaces) return;
    const others = this.#named(() => readdirSync(this.#path)).filter((name) => !NAME.test(name));
    if (others.length > 0)
      throw new UsageError(`${this.#path} is a directory with other files, such as ${others[0]}, and is not replaced`);
    if (!force) throw new UsageError(`${this.#path} already exists`, { remedies: ['force'] });
  }

  /** Makes the folder. Returns whether it was there, with what an earlier attempt has drawn. */
  open(): boolean {
    return this.#named(() => mkdirSync(this.drafts, { recursive: true, mode: 0o700 })) === undefined;
  }

  /** Where the page finds the picture of a VM, as a relative URL; null if it was not drawn. */
  urlOf(id: string, kvm: string): string | null {
    const name = pictureName(id, kvm);
    const found = lstatSync(join(this.drafts, name), { throwIfNoEntry: false });
    return found?.isFile() === true ? `./${encodeURIComponent(basename(this.#path))}/${name}` : null;
  }

  /** Gives the folder its name, with the pictures that a page refers to; no folder if there are none. */
  finish(isUsed: (name: string) => boolean): void {
    this.#named(() => {
      const names = readdirSync(this.drafts);
      const left = names.filter((name) => !isUsed(name));
      for (const name of left) rmSync(join(this.drafts, name), { recursive: true, force: true });
      const replaced = `${this.#path}.replaced-${process.pid}`;
      if (this.#replaces) renameSync(this.#path, replaced);
      if (names.length > left.length) renameSync(this.drafts, this.#path);
      else rmSync(this.drafts, { recursive: true });
      rmSync(replaced, { recursive: true, force: true });
    });
  }

  #named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isOfSystem(error)) throw error;
      throw new DumpError(`${this.#path}: ${reasonOf(error)}`, { code: 'system', cause: error });
    }
  }
}
