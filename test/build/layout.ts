// SPDX-License-Identifier: Apache-2.0
// Structures as a C compiler lays them out on x86-64, described in text: members with their types, in order.

export type Type =
  | { readonly kind: 'int'; readonly size: 1 | 2 | 4 | 8; readonly name: string; readonly signed: boolean }
  | { readonly kind: 'pointer' }
  | { readonly kind: 'array'; readonly of: Type; readonly count: number }
  | { readonly kind: 'struct'; readonly name: string }
  | { readonly kind: 'anonymous'; readonly union: boolean; readonly members: Members };

export type Members = readonly (readonly [name: string, type: Type])[];

const int = (size: 1 | 2 | 4 | 8, name: string, signed: boolean): Type => ({ kind: 'int', size, name, signed });
const BASICS: Readonly<Record<string, Type>> = {
  u8: int(1, 'unsigned char', false),
  char: int(1, 'char', true),
  u16: int(2, 'short unsigned int', false),
  short: int(2, 'short int', true),
  u32: int(4, 'unsigned int', false),
  int: int(4, 'int', true),
  u64: int(8, 'long unsigned int', false),
  ptr: { kind: 'pointer' },
};

export interface Placed {
  readonly name: string;
  readonly type: Type;
  readonly offset: number;
}

/**
 * A set of structures. Their text has one line per member: `u32 pid`, `ptr slots[64]`, `struct list_head tasks`, `pad 40`
 * (bytes), `union {` … `}` and `struct {` … `}` for unnamed ones.
 */
export class Layouts {
  readonly structs = new Map<string, Members>();
  readonly enums = new Map<string, readonly (readonly [string, number])[]>();
  readonly #known = new Map<string, { offset: number; type: Type }>();

  /** `text`: `NAME {`, members, `}` for each structure; `enum NAME { A=1, B=2 }` on one line. */
  constructor(text: string) {
    const lines = text
      .split('\n')
      .map((line) => line.replace(/\/\/.*/, '').trim())
      .filter((line) => line !== '');
    while (lines.length > 0) {
      const line = lines.shift() as string;
      const listed = /^enum (\w+) \{(.*)\}$/.exec(line);
      if (listed) this.enums.set(listed[1] as string, enumerators(listed[2] as string));
      else this.structs.set(line.replace(/ \{$/, ''), members(lines));
    }
  }

  size(type: Type | string): number {
    const shape = typeof type === 'string' ? ({ kind: 'struct', name: type } as const) : type;
    if (shape.kind === 'int') return shape.size;
    if (shape.kind === 'pointer') return 8;
    if (shape.kind === 'array') return this.size(shape.of) * shape.count;
    const list = this.members(shape);
    const union = shape.kind === 'anonymous' && shape.union;
    const end = Math.max(
      0,
      ...(union
        ? list.map(([, inner]) => this.size(inner))
        : this.place(list).map(({ offset, type: t }) => offset + this.size(t))),
    );
    return alignUp(end, this.alignment(shape));
  }

  /** Members with their offsets. */
  place(list: Members, union = false): Placed[] {
    let end = 0;
    return list.map(([name, type]) => {
      const offset = union ? 0 : alignUp(end, this.alignment(type));
      end = offset + this.size(type);
      return { name, type, offset };
    });
  }

  /** Offset and type of a path through named members (`f_path.dentry`, `slots[3]`); unnamed members are skipped. */
  at(struct: string, path: string): { offset: number; type: Type } {
    const key = `${struct}.${path}`;
    let found = this.#known.get(key);
    if (found === undefined) {
      found = this.#place(struct, path);
      this.#known.set(key, found);
    }
    return found;
  }

  #place(struct: string, path: string): { offset: number; type: Type } {
    let offset = 0;
    let type: Type = { kind: 'struct', name: struct };
    for (const [, step = '', index] of path.matchAll(/(\w+)(?:\[(\d+)\])?/g)) {
      const found = this.#find(type, step);
      if (found === null) throw new Error(`${struct} has no ${path}`);
      offset += found.offset;
      type = found.type;
      if (index !== undefined && type.kind === 'array') {
        offset += this.size(type.of) * Number(index);
        type = type.of;
      }
    }
    return { offset, type };
  }

  offset(struct: string, path: string): number {
    return this.at(struct, path).offset;
  }

  members(type: Type): Members {
    if (type.kind === 'anonymous') return type.members;
    if (type.kind !== 'struct') throw new Error(`${type.kind} has no members`);
    const found = this.structs.get(type.name);
    if (found === undefined) throw new Error(`no struct ${type.name}`);
    return found;
  }

  alignment(type: Type): number {
    if (type.kind === 'int') return type.size;
    if (type.kind === 'pointer') return 8;
    if (type.kind === 'array') return this.alignment(type.of);
    return Math.max(1, ...this.members(type).map(([, inner]) => this.alignment(inner)));
  }

  #find(type: Type, name: string): { offset: number; type: Type } | null {
    const union = type.kind === 'anonymous' && type.union;
    for (const placed of this.place(this.members(type), union)) {
      if (placed.name === name) return placed;
      const inner = placed.name === '' && placed.type.kind === 'anonymous' ? this.#find(placed.type, name) : null;
      if (inner !== null) return { offset: placed.offset + inner.offset, type: inner.type };
    }
    return null;
  }
}

export const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;

function enumerators(text: string): (readonly [string, number])[] {
  return text.split(',').map((part) => {
    const [name = '', value = ''] = part.split('=');
    return [name.trim(), Number(value)] as const;
  });
}

function members(lines: string[]): Members {
  const list: (readonly [string, Type])[] = [];
  let pads = 0;
  for (;;) {
    const line = lines.shift();
    if (line === undefined || line === '}') return list;
    const unnamed = /^(union|struct) \{$/.exec(line);
    if (unnamed) {
      list.push(['', { kind: 'anonymous', union: unnamed[1] === 'union', members: members(lines) }]);
      continue;
    }
    const pad = /^pad (\d+)$/.exec(line);
    if (pad) {
      list.push([`__pad${pads++}`, { kind: 'array', of: BASICS.u8 as Type, count: Number(pad[1]) }]);
      continue;
    }
    list.push(member(line));
  }
}

function member(line: string): readonly [string, Type] {
  const parts = /^(struct )?(\w+) (\w+)(?:\[(\d*)\])?$/.exec(line);
  if (parts === null) throw new Error(`layout: ${line}`);
  const [, struct, typeName = '', name = '', count] = parts;
  const base: Type | undefined = struct ? { kind: 'struct', name: typeName } : BASICS[typeName];
  if (base === undefined) throw new Error(`layout: no type ${typeName}`);
  return [name, count === undefined ? base : { kind: 'array', of: base, count: Number(count) }];
}
