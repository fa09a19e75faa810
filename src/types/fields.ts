// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Member, TypeSource } from './source.js';

/** A request for a member: the first of `names` that exists. `bytes`: width that it, or an element of it, must have. */
export interface Want<Optional extends boolean> {
  readonly names: readonly string[];
  readonly optional: Optional;
  readonly bytes: number | undefined;
}

export type Wants = Readonly<Record<string, Want<boolean>>>;

/** A view: the members of a structure that some code needs. */
export interface Fields<W extends Wants> {
  readonly struct: string;
  readonly wants: W;
}

/** A view resolved for a kernel: the location of each member, and the size of the structure in `bytes`. */
export type Resolved<F> =
  F extends Fields<infer W>
    ? { readonly [K in keyof W]: W[K] extends Want<false> ? Member : Member | null } & { readonly bytes: number }
    : never;

/** All views that the loaded modules have declared, in order. */
const declared: Fields<Wants>[] = [];

/** Declares a view of `struct`. Layout profiles contain the members of all declared views. */
export function fields<W extends Wants>(struct: string, wants: W): Fields<W> {
  const view = { struct, wants };
  declared.push(view);
  return view;
}

/** The views that have been declared so far. */
export const declaredViews = (): readonly Fields<Wants>[] => declared;

/** An enumeration of the kernel whose values are used. */
export interface Enumeration {
  readonly enum: string;
}

const enumerations: Enumeration[] = [];

/** Declares an enumeration. Layout profiles contain the values of all declared enumerations. */
export function enumeration(name: string): Enumeration {
  const declaration = { enum: name };
  enumerations.push(declaration);
  return declaration;
}

/** The names of the enumerations that have been declared so far. */
export const declaredEnums = (): readonly string[] => enumerations.map((each) => each.enum);

/** Names and values of a declared enumeration; null if the kernel does not have it. */
export const valuesOf = (types: TypeSource, { enum: name }: Enumeration): ReadonlyMap<string, number> | null =>
  types.enumerators(name);

/** A member that every kernel has, under one of `names`. `bytes`: width that it must have. */
export const required = (names: string | readonly string[], bytes?: number): Want<false> => ({
  names: typeof names === 'string' ? [names] : names,
  optional: false,
  bytes,
});

/** A member that only some kernels have; null in the resolved view if this kernel does not. */
export const optional = (names: string | readonly string[], bytes?: number): Want<true> => ({
  ...required(names, bytes),
  optional: true,
});

/**
 * Finds all members of several views. Throws a single `DumpError` that lists all members that are missing, or that have
 * another width than the code reads.
 */
export function resolve<V extends Readonly<Record<string, Fields<Wants>>>>(
  types: TypeSource,
  views: V,
): { readonly [K in keyof V]: Resolved<V[K]> } {
  const missing: string[] = [];
  const resolved: Record<string, unknown> = {};
  for (const [name, view] of Object.entries(views)) resolved[name] = resolveView(types, view, missing);
  if (missing.length > 0)
    throw new DumpError(`type information (${types.source}) lacks ${missing.join(', ')}`, {
      code: 'no-types',
      hint: 'this kernel needs another source of types',
    });
  return resolved as { readonly [K in keyof V]: Resolved<V[K]> };
}

/** Like `resolve`, for one view of a structure that only some kernels have; null if this kernel does not. */
export function resolveIfPresent<W extends Wants>(types: TypeSource, view: Fields<W>): Resolved<Fields<W>> | null {
  return types.sizeOf(view.struct) === null ? null : resolve(types, { view }).view;
}

/** Resolved views, by source and view: many places resolve the same view. */
const known = new WeakMap<TypeSource, WeakMap<Fields<Wants>, Record<string, unknown>>>();

function resolveView(types: TypeSource, view: Fields<Wants>, missing: string[]): Record<string, unknown> {
  let views = known.get(types);
  if (views === undefined) {
    views = new WeakMap();
    known.set(types, views);
  }
  const before = views.get(view);
  if (before !== undefined) return before;
  const failures = missing.length;
  const found = findMembers(types, view, missing);
  if (missing.length === failures) views.set(view, found);
  return found;
}

function findMembers(types: TypeSource, { struct, wants }: Fields<Wants>, missing: string[]): Record<string, unknown> {
  const bytes = types.sizeOf(struct);
  if (bytes === null) missing.push(`struct ${struct}`);
  const found: Record<string, unknown> = { bytes };
  for (const [key, want] of Object.entries(wants)) {
    const member = bytes === null ? null : firstMember(types, struct, want.names);
    found[key] = member;
    if (member === null && !want.optional && bytes !== null) missing.push(`${struct}.${want.names.join(' or ')}`);
    if (member !== null && want.bytes !== undefined && member.element !== want.bytes)
      missing.push(`${struct}.${want.names.join(' or ')} of ${want.bytes} bytes (it has ${member.element})`);
  }
  return found;
}

function firstMember(types: TypeSource, struct: string, names: readonly string[]): Member | null {
  for (const name of names) {
    const member = types.member(struct, name);
    if (member !== null) return member;
  }
  return null;
}
