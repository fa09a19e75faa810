// SPDX-License-Identifier: Apache-2.0
// Addresses and lengths as a program gives them.
import { UsageError } from '../core/errors.js';

/** Bytes of a page. */
export const PAGE = 4096;

/** An address in bytes. Throws `UsageError` for a number that is negative, has a fraction or is not exact. */
export function addressOf(address: bigint | number, what: string): bigint {
  if (typeof address === 'number' ? !Number.isSafeInteger(address) || address < 0 : address < 0n)
    throw new UsageError(`${address} is not a ${what}: a bigint or an exact number from 0 on`);
  return BigInt(address);
}

/** The address of a byte of a page. */
export const byteOf = (page: number, offset: number): bigint => BigInt(page) * BigInt(PAGE) + BigInt(offset);

/** The page that holds an address, and the byte of it. */
export const pageOf = (address: bigint): { page: bigint; offset: number } => ({
  page: address / BigInt(PAGE),
  offset: Number(address % BigInt(PAGE)),
});
