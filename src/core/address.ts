// SPDX-License-Identifier: Apache-2.0

declare const unit: unique symbol;
type Branded<Name extends string> = number & { readonly [unit]: Name };

/** Physical frame number of the machine: host physical address / 4096, below 2^40. */
export type Pfn = Branded<'Pfn'>;
/** Guest frame number: guest physical address / 4096. */
export type Gfn = Branded<'Gfn'>;
/** Virtual page number: virtual address (as an unsigned 64-bit number) / 4096, below 2^52. */
export type Vpn = Branded<'Vpn'>;

/** Page size in bytes. The base page of x86-64 is always 4 KiB. */
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12n;
/** First address above the physical address space of x86-64, which has 52 bits at most. */
export const PHYSICAL_LIMIT = 2 ** 52;

export const pfn = (frame: number): Pfn => frame as Pfn;
export const gfn = (frame: number): Gfn => frame as Gfn;

/** Page number of an unsigned 64-bit virtual address; exact, because it is below 2^52. */
export const vpnOf = (address: bigint): Vpn => Number(BigInt.asUintN(64, address) >> PAGE_SHIFT) as Vpn;
/** Frame number of a physical address in bytes (below 2^53). */
export const pfnOf = (address: number): Pfn => Math.floor(address / PAGE_SIZE) as Pfn;
