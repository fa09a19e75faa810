// SPDX-License-Identifier: Apache-2.0
// The pictures of the VMs of a dump, which a process that analyses it draws after its commands.
import { join } from 'node:path';
import type { ExitCode } from '../commands/command.js';
import { DumpError, UsageError } from '../core/errors.js';
import { isOfSystem, reasonOf } from '../io/system-error.js';
import { pictureName } from '../scan/pictures.js';

/** A picture could not be written, for which the dump is not to blame. */
export class UnwritablePicture extends Error {}

/** Draws the VMs of a dump that vms has listed. */
export class Pictures {
  readonly #folder: string;
  readonly #id: string;
  /** Names for messages, by the address of struct kvm. */
  readonly #vms = new Map<string, string>();

  /** `id`: that of the dump's analysis. */
  constructor(folder: string, id: string) {
    this.#folder = folder;
    this.#id = id;
  }

  /** Remembers the VMs in lines of JSON. */
  note(lines: string): void {
    for (const line of lines.split('\n')) {
      if (!line.startsWith('{"record":"vm",')) continue;
      const { kvm, pid, name } = JSON.parse(line) as { kvm: string; pid: number | null; name: string | null };
      this.#vms.set(kvm, name ?? (pid === null ? kvm : `pid ${pid}`));
    }
  }

  /**
   * Draws them. `map`: runs map with some words, and returns its exit status. `problem` is called for each picture that can't be
   * drawn, or is incomplete.
   */
  async draw(map: (words: readonly string[]) => Promise<ExitCode>, problem: (text: string) => void): Promise<void> {
    for (const [kvm, name] of this.#vms) {
      const path = join(this.#folder, pictureName(this.#id, kvm));
      try {
        // A picture that exists was drawn by an attempt that was interrupted.
        const code = await map(['map', '--vm', kvm, '--html', path, '--force']);
        if (code !== 0) problem(`picture of ${name}: it is incomplete, and says what is not known`);
      } catch (error) {
        problem(`picture of ${name}: ${this.#reason(error)}`);
      }
    }
  }

  /** Why a picture could not be drawn. Throws what is not a property of the dump. */
  #reason(error: unknown): string {
    if (!(error instanceof DumpError || error instanceof UsageError)) throw error;
    const { cause } = error;
    // The dump is open; the system refuses to read from it, or else to write the picture.
    if (isOfSystem(cause) && cause.syscall !== 'read')
      throw new UnwritablePicture(`${this.#folder}: ${reasonOf(cause)}`);
    return error.message;
  }
}
