// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Fields, Wants } from './fields.js';
import { type Member, type TypeSource, unanswered } from './source.js';

export const PROFILE_FORMAT = 'kvm-vtop layout';
export const PROFILE_VERSION = 2;
/** The version that did not record what a kernel lacks: an absent member looks like one that was not asked for. */
const WITHOUT_ABSENCE = 1;

/** The build of a kernel that a profile describes. */
export interface ProfileIdentity {
  readonly release: string;
  /** Version in struct new_utsname, with number and date of the build; null if unknown. */
  readonly version: string | null;
  /** Build-id of vmlinux in hexadecimal; null if unknown. */
  readonly buildId: string | null;
  /** Build-id of module kvm in hexadecimal; null if unknown. */
  readonly kvmBuildId: string | null;
  /** Build-id of module kvm_amd in hexadecimal; null or absent if the profile does not describe the module, or if unknown. */
  readonly kvmAmdBuildId?: string | null;
  /** For display: where the layout was taken from. */
  readonly source: string;
}

/** Types of a kernel, and the build that they describe. */
export interface DescribedKernel {
  readonly types: TypeSource;
  readonly identity: ProfileIdentity;
  /** Closes the files that the types are read from. */
  readonly close: () => void;
}

/** A member in a profile. `count` is given for arrays, `element` if it does not follow from size and count. */
interface ProfileMember {
  readonly offset: number;
  readonly size: number;
  readonly kind: Member['kind'];
  readonly count?: number;
  readonly element?: number;
}

/** A structure in a profile. A member that is null does not exist in the kernel; one not listed was not asked for. */
interface ProfileStruct {
  readonly size: number;
  readonly members: Readonly<Record<string, ProfileMember | null>>;
}

/** A layout profile (docs/layout.schema.json). Null stands for a structure or enumeration that the kernel lacks. */
export interface Profile extends ProfileIdentity {
  readonly format: typeof PROFILE_FORMAT;
  readonly formatVersion: number;
  readonly structs: Readonly<Record<string, ProfileStruct | null>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>> | null>>;
}

/** Types from a profile: the members that were asked for when it was written. Others throw errors that are marked `unanswered`. */
export class ProfileTypes implements TypeSource {
  readonly #structs: ReadonlyMap<string, ProfileStruct | null>;
  readonly #enums: ReadonlyMap<string, ReadonlyMap<string, number> | null>;

  constructor(
    readonly source: string,
    readonly profile: Profile,
  ) {
    this.#structs = new Map(Object.entries(profile.structs));
    this.#enums = new Map(
      Object.entries(profile.enums).map(([name, values]) => [
        name,
        values === null ? null : new Map(Object.entries(values)),
      ]),
    );
  }

  sizeOf(name: string): number | null {
    return this.#struct(name)?.size ?? null;
  }

  member(name: string, path: string): Member | null {
    const struct = this.#struct(name);
    if (struct === null) return null;
    const found = Object.hasOwn(struct.members, path) ? struct.members[path] : undefined;
    if (found === undefined) throw this.#unanswered(`${name}.${path}`);
    if (found === null) return null;
    const { offset, size, kind, count = 1, element = count > 0 ? size / count : 0 } = found;
    return { offset, size, kind, count, element };
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    const values = this.#enums.get(name);
    if (values === undefined) throw this.#unanswered(`enum ${name}`);
    return values;
  }

  #struct(name: string): ProfileStruct | null {
    const struct = this.#structs.get(name);
    if (struct === undefined) throw this.#unanswered(`struct ${name}`);
    return struct;
  }

  #unanswered(what: string): DumpError {
    const error = new DumpError(
      `${this.source} does not record whether the kernel has ${what}: the version that wrote it did not ask for that`,
      { code: 'no-types', remedies: ['rewrite-layout', 'kernel-types'] },
    );
    return unanswered.put(error, true);
  }
}

/**
 * A profile of the members that `views` name and the enumerations `enums`, as described by `types`, with what the
 * kernel lacks. `isWhole`: `types` describes the whole kernel. If false, what `types` lacks may exist in the kernel,
 * and such structures and enumerations are left out of the profile. So are the structures `ofModules`, which only the types
 * of a module describe.
 */
export function profileOf(
  types: TypeSource,
  identity: ProfileIdentity,
  {
    views,
    enums,
    isWhole,
    ofModules,
  }: {
    views: readonly Fields<Wants>[];
    enums: readonly string[];
    isWhole: boolean;
    ofModules: readonly string[];
  },
): Profile {
  const structs: Record<string, ProfileStruct | null> = {};
  const [described, lacking] = partition(views, ({ struct }) => types.sizeOf(struct) !== null);
  if (isWhole) for (const { struct } of lacking) if (!ofModules.includes(struct)) structs[struct] = null;
  for (const { struct, wants } of described) {
    const size = types.sizeOf(struct) ?? 0;
    const paths = Object.values(wants).flatMap(({ names }) => names.flatMap(withParents));
    const members = paths.map((path) => [path, memberOf(types, struct, path)] as const);
    structs[struct] = { size, members: { ...structs[struct]?.members, ...Object.fromEntries(members) } };
  }
  const values: Record<string, Readonly<Record<string, number>> | null> = {};
  for (const name of enums) {
    const found = types.enumerators(name);
    if (found !== null || isWhole) values[name] = found === null ? null : Object.fromEntries(found);
  }
  return {
    format: PROFILE_FORMAT,
    formatVersion: PROFILE_VERSION,
    ...identity,
    structs,
    enums: values,
  };
}

function partition<T>(list: readonly T[], holds: (each: T) => boolean): [T[], T[]] {
  return [list.filter(holds), list.filter((each) => !holds(each))];
}

/** Of `a.b.c`: a, a.b and a.b.c, because whether a structure has `a` distinguishes kernel versions. */
const withParents = (path: string): string[] => {
  const steps = path.split('.');
  return steps.map((_, i) => steps.slice(0, i + 1).join('.'));
};

function memberOf(types: TypeSource, struct: string, path: string): ProfileMember | null {
  const found = types.member(struct, path);
  if (found === null) return null;
  const { offset, size, kind, count, element } = found;
  return {
    offset,
    size,
    kind,
    ...(count === 1 ? {} : { count }),
    ...(count > 0 && element === size / count ? {} : { element }),
  };
}

/** Parses the text of a profile; `name` names the file in errors. Throws `DumpError` if it is not valid. */
export function parseProfile(text: string, name: string): Profile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DumpError(`${name}: invalid layout profile: ${(cause as Error).message}`, { code: 'wrong-file', cause });
  }
  const problem = problemOf(value);
  if (problem !== null)
    throw new DumpError(`${name}: invalid layout profile: ${problem}`, {
      code: 'wrong-file',
      remedies: problem === EARLIER ? ['rewrite-layout'] : [],
    });
  return value as Profile;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSize = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string';

const EARLIER = 'it was written by an earlier kvm-vtop, which did not record what the kernel lacks';

function problemOf(value: unknown): string | null {
  if (!isRecord(value) || value.format !== PROFILE_FORMAT) return `"format" is not "${PROFILE_FORMAT}"`;
  if (value.formatVersion === WITHOUT_ABSENCE) return EARLIER;
  if (value.formatVersion !== PROFILE_VERSION) return `"formatVersion" is not ${PROFILE_VERSION}`;
  if (typeof value.release !== 'string' || value.release === '') return '"release" is missing';
  if (![value.version, value.buildId, value.kvmBuildId, value.kvmAmdBuildId ?? null].every(isTextOrNull))
    return '"version", "buildId", "kvmBuildId" or "kvmAmdBuildId" is not a string';
  if (!isRecord(value.structs) || !isRecord(value.enums)) return '"structs" or "enums" is missing';
  for (const [struct, record] of Object.entries(value.structs)) {
    if (record === null) continue;
    if (!isRecord(record) || !isSize(record.size) || !isRecord(record.members))
      return `struct ${struct} has no size or members`;
    for (const [path, member] of Object.entries(record.members))
      if (member !== null && !isMember(member, record.size as number))
        return `member ${struct}.${path} is not valid, or is outside its structure`;
  }
  for (const [name, values] of Object.entries(value.enums))
    if (values !== null && (!isRecord(values) || !Object.values(values).every(Number.isSafeInteger)))
      return `enum ${name} has values that are not integers`;
  return null;
}

const KINDS: readonly unknown[] = ['number', 'pointer', 'struct', 'other'] satisfies Member['kind'][];

function isMember(value: unknown, size: number): boolean {
  if (!isRecord(value) || !KINDS.includes(value.kind) || !isSize(value.offset) || !isSize(value.size)) return false;
  if (value.count !== undefined && !isSize(value.count)) return false;
  if (value.element !== undefined && !isSize(value.element)) return false;
  const elements = (value.count ?? 1) as number;
  // Without a size of its own, each element has an equal share.
  const element = (value.element ?? (elements > 0 ? (value.size as number) / elements : 0)) as number;
  if (!Number.isInteger(element)) return false;
  const bytes = Math.max(value.size as number, elements * element);
  return (value.offset as number) + bytes <= size;
}
