// SPDX-License-Identifier: Apache-2.0
// Synthetic kernel memory that contains only containers: trees, arrays and chains.

import type { Bytes } from '../../src/core/bytes.js';
import type { Memory, Unreadable } from '../../src/core/memory.js';
import { KernelMemory } from '../../src/kernel/memory.js';
import { x86Form } from '../../src/paging/form.js';
import type { Member, TypeSource } from '../../src/types/source.js';
import { SyntheticKernel } from './kernel.js';
import { Layouts, type Type } from './layout.js';

/** A source of types that is described by a text of structures (layout.ts). */
export class LayoutTypes implements TypeSource {
  readonly source = 'built';
  readonly #layouts: Layouts;

  constructor(text: string) {
    this.#layouts = new Layouts(text);
  }

  sizeOf(name: string): number | null {
    return this.#layouts.structs.has(name) ? this.#layouts.size(name) : null;
  }

  member(name: string, path: string): Member | null {
    if (!this.#layouts.structs.has(name)) return null;
    let found: { offset: number; type: Type };
    try {
      found = this.#layouts.at(name, path);
    } catch {
      return null;
    }
    const { offset, type } = found;
    const inner = type.kind === 'array' ? type.of : type;
    const kind = inner.kind === 'int' ? 'number' : inner.kind === 'pointer' ? 'pointer' : 'struct';
    const count = type.kind === 'array' ? type.count : 1;
    return { offset, size: this.#layouts.size(type), count, element: this.#layouts.size(inner), kind };
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    const values = this.#layouts.enums.get(name);
    return values === undefined ? null : new Map(values);
  }
}

/** An address at which nothing is mapped. */
export const NOWHERE = 0xffff888ffff00000n;

/** Memory that records each read. */
export class Counted implements Memory {
  /** Address and length of each read. */
  readonly reads: (readonly [bigint, number])[] = [];

  constructor(readonly memory: Memory) {}

  read(address: bigint, length: number): Bytes | Unreadable {
    this.reads.push([address, length]);
    return this.memory.read(address, length);
  }
}

/** Kernel memory that contains only what the test writes; a text describes its structures. */
export class ContainerMemory extends SyntheticKernel {
  readonly view: KernelMemory;
  readonly types: LayoutTypes;

  constructor(types: string) {
    super({ types: `${types}\n${NAMED}` });
    this.types = new LayoutTypes(types);
    this.view = new KernelMemory(this.memory, x86Form(4), this.kernel.root);
  }
}

/** Structures of the symbols that every synthetic kernel has. */
const NAMED = `
signal_struct {
  u32 count
}
task_struct {
  pad 16
  struct list_head tasks
}
list_head {
  ptr next
  ptr prev
}
pid_namespace {
  u32 kref
}
uts_namespace {
  char sysname[65]
  char release[65]
  char version[65]
}
`;
