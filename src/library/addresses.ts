// SPDX-License-Identifier: Apache-2.0
// Numbers as a program gives them. Programs without types can give anything.
import { UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';

/** Bytes of a page. */
export const PAGE = 4096;

/** Whether a value is an exact number that is not negative. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** An address in bytes. Throws `UsageError` for anything but a bigint or an exact number, and for negative ones. */
export function addressOf(address: bigint | number, what: string): bigint {
  const isAddress = typeof address === 'bigint' ? address >= 0n : isCount(address);
  if (!isAddress) throw new UsageError(`${shown(address)} is not a ${what}: a bigint or an exact number from 0 on`);
  return BigInt(address);
}

/** A number of bytes. Throws `UsageError` for anything but an exact number that is not negative. */
export function lengthOf(length: number): number {
  if (!isCount(length)) throw new UsageError(`${shown(length)} is not a length: an exact number of bytes from 0 on`);
  return length;
}

/** A value that is not valid, in an error message. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${printable(value)}'`;
  return value === null || ['number', 'bigint', 'boolean', 'undefined'].includes(typeof value)
    ? String(value)
    : `a value of type ${typeof value}`;
}

/** The address of a byte of a page. */
export const byteOf = (page: number, offset: number): bigint => BigInt(page) * BigInt(PAGE) + BigInt(offset);

/** The page that holds an address, and the byte of it. */
export const pageOf = (address: bigint): { page: bigint; offset: number } => ({
  page: address / BigInt(PAGE),
  offset: Number(address % BigInt(PAGE)),
});
