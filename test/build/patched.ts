// SPDX-License-Identifier: Apache-2.0
// A dump whose memory a test changes after the kernel has been opened: values at kernel addresses, and whole pages that are
// hidden or filled with zeros.
import type { Command } from '../../src/commands/command.js';
import { perform } from '../../src/commands/perform.js';
import { type Pfn, pfn } from '../../src/core/address.js';
import type { FrameSource } from '../../src/core/memory.js';
import type { DumpImage } from '../../src/dump/image.js';
import { Dump, silentLog } from '../../src/index.js';
import { Files, type OpenFile } from '../../src/kernel/files.js';
import { type Task, Tasks } from '../../src/kernel/tasks.js';
import { type OpenDump, openDump as openHost } from '../../src/open.js';
import { kept } from './altered.js';

const PAGE = 4096;

/** Frames of a dump, of which some were changed. */
class Changed implements FrameSource {
  readonly read = new Set<number>();
  readonly hidden = new Set<number>();
  readonly #pages = new Map<number, DataView>();

  constructor(readonly image: DumpImage) {}

  frame(frame: Pfn): DataView | null {
    this.read.add(frame);
    return this.hidden.has(frame) ? null : (this.#pages.get(frame) ?? this.image.frame(frame));
  }

  why(frame: Pfn) {
    if (!this.hidden.has(frame)) return this.image.why(frame);
    return { reason: 'excluded', message: 'hidden', by: 'makedumpfile' } as const;
  }

  get limit(): number | undefined {
    return this.image.limit;
  }

  /** A copy of a page that can be written to. */
  page(frame: number): DataView {
    const found = this.#pages.get(frame);
    if (found !== undefined) return found;
    const original = this.image.frame(pfn(frame));
    if (original === null) throw new Error(`the dump does not have frame 0x${frame.toString(16)}`);
    const copy = new DataView(new Uint8Array(original.buffer, original.byteOffset, PAGE).slice().buffer);
    this.#pages.set(frame, copy);
    return copy;
  }

  restore(): void {
    this.#pages.clear();
    this.hidden.clear();
  }
}

/** A dump that was opened as it is. Its memory can then be changed, and restored. */
export class PatchedDump {
  readonly dump: Dump;
  /** Warnings since they were last cleared. */
  readonly warnings: string[];
  readonly #opened: OpenDump;
  readonly #memory: Changed;

  private constructor(opened: OpenDump, memory: Changed, warnings: string[]) {
    this.#opened = opened;
    this.#memory = memory;
    this.warnings = warnings;
    this.dump = Dump.of(opened);
  }

  static async open(path: string): Promise<PatchedDump> {
    const warnings: string[] = [];
    const made: Changed[] = [];
    const watch = (image: DumpImage): FrameSource => {
      made.push(new Changed(image));
      return made[0] as Changed;
    };
    const opened = await openHost(path, { watch, log: { ...silentLog, warn: (text) => warnings.push(text) } });
    return new this(opened, made[0] as Changed, warnings);
  }

  get host() {
    return this.#opened.host;
  }

  /** The text that a command prints for all VMs. */
  async textOf(command: Command): Promise<string> {
    const streams = kept();
    const request = { command, values: { process: null, vm: null }, words: [], inner: [] };
    await perform(request, this.#opened, 'text', streams);
    return streams.out.join('');
  }

  /** The frames that `work` reads. */
  readBy(work: () => void): readonly number[] {
    this.#memory.read.clear();
    work();
    return [...this.#memory.read];
  }

  hide(frame: number): void {
    this.#memory.hidden.add(frame);
  }

  zero(frame: number): void {
    new Uint8Array(this.#memory.page(frame).buffer).fill(0);
  }

  /** Undoes all changes. */
  restore(): void {
    this.#memory.restore();
    this.warnings.length = 0;
  }

  frameOf(address: bigint): number {
    const frame = this.host.memory.frameOf(address);
    if (typeof frame !== 'number') throw new Error(`0x${address.toString(16)}: ${frame.message}`);
    return frame;
  }

  /** The address of a member of the structure at an address. */
  at(struct: string, address: bigint, member: string): bigint {
    const found = this.host.types.member(struct, member);
    if (found === null) throw new Error(`no ${struct}.${member}`);
    return address + BigInt(found.offset);
  }

  u64(address: bigint): bigint {
    return this.#memory.page(this.frameOf(address)).getBigUint64(Number(address & 0xfffn), true);
  }

  /** Writes a number of `size` bytes at a kernel address. */
  write(address: bigint, value: bigint | number, size: 1 | 2 | 4 | 8): void {
    const page = this.#memory.page(this.frameOf(address));
    for (let i = 0; i < size; i++)
      page.setUint8(Number(address & 0xfffn) + i, Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(8 * i)) & 0xffn));
  }

  /** The task with a pid. */
  task(pid: number): Task {
    const task = new Tasks(this.host).byPid(pid);
    if (task === null) throw new Error(`no pid ${pid}`);
    return task;
  }

  /** An open file of a process. */
  file(pid: number, fd: number): OpenFile {
    for (const file of new Files(this.host).open(this.task(pid).files)) if (file.fd === fd) return file;
    throw new Error(`pid ${pid} does not have descriptor ${fd}`);
  }

  /** The address of a process's pointer to the open file with a descriptor. */
  descriptor(pid: number, fd: number): bigint {
    const table = this.u64(this.at('files_struct', this.task(pid).files, 'fdt'));
    return this.u64(this.at('fdtable', table, 'fd')) + BigInt(8 * fd);
  }
}
