// SPDX-License-Identifier: Apache-2.0
// The library. Everything else in dist/ is private.

export type { ExitCode, Streams } from './commands/command.js';
export { excerptFor as excerpt } from './commands/excerpt.js';
export type { Question } from './commands/vtop.js';
export { type Gfn, gfn, type Pfn } from './core/address.js';
export type { Advice, Argument, Remedy } from './core/advice.js';
export { DumpError, type DumpErrorCode, UsageError } from './core/errors.js';
export type { Log } from './core/log.js';
export { silentLog } from './core/log.js';
export type { Reason, State } from './core/outcome.js';
export type { BesideOptions } from './debuginfo/beside.js';
export type { PhysicalMemory, Stretch } from './dump/physical.js';
export type { Host } from './kernel/host.js';
export type { Memslot } from './kvm/memslots/slot.js';
export { type Selected, selectVm } from './kvm/select.js';
export { type FileOptions, type OpenDump, type OpenImage, type OpenOptions, openDump, openImage } from './open.js';
export type { GuestRun } from './spaces/guest-run.js';
export { GuestSpace } from './spaces/guest-space.js';
export type { MmRun } from './spaces/mm-run.js';
export { MmSpace } from './spaces/mm-space.js';
export type { PhysicalRun } from './spaces/physical-space.js';
export { PhysicalSpace } from './spaces/physical-space.js';
export {
  type AddressSpace,
  type Gap,
  isGap,
  kept,
  type Run,
  type RunCursor,
  type SpaceReason,
  type SpaceState,
  type SwapPlace,
} from './spaces/space.js';
export type { Answer, WalkStep } from './translate/answer.js';
export { GuestTranslator } from './translate/translator.js';
