// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Fields, Wants } from './fields.js';
import type { Member, TypeSource } from './source.js';

export const PROFILE_FORMAT = 'kvm-vtop layout';
export const PROFILE_VERSION = 1;

/** Which build of a kernel a profile describes. */
export interface ProfileIdentity {
  readonly release: string;
  /** uts version: number and date of the build; null where it was not known. */
  readonly version: string | null;
  /** Hexadecimal digits of vmlinux's build-id. */
  readonly buildId: string | null;
  /** Of module kvm. */
  readonly kvmBuildId: string | null;
  /** For people: where its layout was taken from. */
  readonly source: string;
}

/** A kernel's types, and which build of it they describe. */
export interface DescribedKernel {
  readonly types: TypeSource;
  readonly identity: ProfileIdentity;
  /** Closes the files that are read. */
  readonly close: () => void;
}

/** A member in a profile; `count` stands for arrays, `element` where it does not follow from size and count. */
interface ProfileMember {
  readonly offset: number;
  readonly size: number;
  readonly kind: Member['kind'];
  readonly count?: number;
  readonly element?: number;
}

interface ProfileStruct {
  readonly size: number;
  readonly members: Readonly<Record<string, ProfileMember>>;
}

/** docs/layout.schema.json */
export interface Profile extends ProfileIdentity {
  readonly format: typeof PROFILE_FORMAT;
  readonly formatVersion: number;
  readonly structs: Readonly<Record<string, ProfileStruct>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** Layouts out of a profile: those of the members that this program reads, and no others. */
export class ProfileTypes implements TypeSource {
  readonly #structs: ReadonlyMap<string, ProfileStruct>;
  readonly #enums: ReadonlyMap<string, ReadonlyMap<string, number>>;

  constructor(
    readonly source: string,
    readonly profile: Profile,
  ) {
    this.#structs = new Map(Object.entries(profile.structs));
    this.#enums = new Map(
      Object.entries(profile.enums).map(([name, values]) => [name, new Map(Object.entries(values))]),
    );
  }

  sizeOf(name: string): number | null {
    return this.#structs.get(name)?.size ?? null;
  }

  member(name: string, path: string): Member | null {
    const members = this.#structs.get(name)?.members ?? {};
    const found = Object.hasOwn(members, path) ? members[path] : undefined;
    if (found === undefined) return null;
    const { offset, size, kind, count = 1, element = count > 0 ? size / count : 0 } = found;
    return { offset, size, kind, count, element };
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    return this.#enums.get(name) ?? null;
  }
}

/** Writes down what a source says about every member that some views name. */
export function profileOf(
  types: TypeSource,
  identity: ProfileIdentity,
  views: readonly Fields<Wants>[],
  enums: readonly string[],
): Profile {
  const structs: Record<string, { size: number; members: Record<string, ProfileMember> }> = {};
  for (const { struct, wants } of views) {
    const size = types.sizeOf(struct);
    if (size === null) continue;
    structs[struct] ??= { size, members: {} };
    const { members } = structs[struct];
    for (const { names } of Object.values(wants))
      for (const path of names.flatMap(withParents)) addMember(members, types, struct, path);
  }
  const values = enums.flatMap((name) => {
    const found = types.enumerators(name);
    return found === null ? [] : [[name, Object.fromEntries(found)] as const];
  });
  return {
    format: PROFILE_FORMAT,
    formatVersion: PROFILE_VERSION,
    ...identity,
    structs,
    enums: Object.fromEntries(values),
  };
}

/** `a.b.c`: a, a.b, a.b.c, because that a structure has `a` at all tells eras apart. */
const withParents = (path: string): string[] => {
  const steps = path.split('.');
  return steps.map((_, i) => steps.slice(0, i + 1).join('.'));
};

function addMember(members: Record<string, ProfileMember>, types: TypeSource, struct: string, path: string): void {
  const found = types.member(struct, path);
  if (found === null || Object.hasOwn(members, path)) return;
  const { offset, size, kind, count, element } = found;
  members[path] = {
    offset,
    size,
    kind,
    ...(count === 1 ? {} : { count }),
    ...(count > 0 && element === size / count ? {} : { element }),
  };
}

/** A profile's text. Throws `DumpError` that says what is wrong with it. */
export function parseProfile(text: string, name: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DumpError(`${name}: no layout profile: ${(cause as Error).message}`, { cause });
  }
  const problem = problemOf(value);
  if (problem !== null) throw new DumpError(`${name}: no layout profile: ${problem}`);
  return value as Profile;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSize = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string';

function problemOf(value: unknown): string | null {
  if (!isRecord(value) || value.format !== PROFILE_FORMAT) return `"format" is not "${PROFILE_FORMAT}"`;
  if (value.formatVersion !== PROFILE_VERSION) return `"formatVersion" is not ${PROFILE_VERSION}`;
  if (typeof value.release !== 'string' || value.release === '') return '"release" is missing';
  if (![value.version, value.buildId, value.kvmBuildId].every(isTextOrNull))
    return '"version", "buildId" or "kvmBuildId" is no text';
  if (!isRecord(value.structs) || !isRecord(value.enums)) return '"structs" or "enums" is missing';
  for (const [struct, record] of Object.entries(value.structs)) {
    if (!isRecord(record) || !isSize(record.size) || !isRecord(record.members))
      return `struct ${struct} has no size or members`;
    for (const [path, member] of Object.entries(record.members))
      if (!isMember(member, record.size as number))
        return `member ${struct}.${path} lies outside of its structure, or is no member`;
  }
  for (const [name, values] of Object.entries(value.enums))
    if (!isRecord(values) || !Object.values(values).every(Number.isSafeInteger)) return `enum ${name} has no numbers`;
  return null;
}

const KINDS: readonly unknown[] = ['number', 'pointer', 'struct', 'other'] satisfies Member['kind'][];

function isMember(value: unknown, size: number): boolean {
  if (!isRecord(value) || !KINDS.includes(value.kind) || !isSize(value.offset) || !isSize(value.size)) return false;
  if (value.count !== undefined && !isSize(value.count)) return false;
  if (value.element !== undefined && !isSize(value.element)) return false;
  const elements = (value.count ?? 1) as number;
  const bytes = Math.max(value.size as number, elements * ((value.element ?? 0) as number));
  return (value.offset as number) + bytes <= size;
}
