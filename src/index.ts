// SPDX-License-Identifier: Apache-2.0
// The library: everything that the package exports.

export type { SlotRow } from './commands/slots.js';
export type { VcpuRow } from './commands/vcpus.js';
export type { VmRow } from './commands/vms.js';
export type { Advice, Argument, Remedy } from './core/advice.js';
export { DumpError, type DumpErrorCode, type Place, UsageError } from './core/errors.js';
export { type Log, silentLog } from './core/log.js';
export { REASONS, type Reason, STATES, type State } from './core/outcome.js';
export type { BesideOptions } from './debuginfo/beside-options.js';
export type { InputFormat } from './dump/open.js';
export type { VendorModule, VmType } from './kvm/about.js';
export type { VmHolder } from './kvm/all-vms.js';
export { BACKINGS, type Backing } from './kvm/backing.js';
export type { Creator } from './kvm/creator.js';
export type { SpaceSize } from './kvm/sizes.js';
export type {
  DescriptorTable,
  GeneralName,
  NumberName,
  RegisterName,
  RegisterSource,
  RegisterSources,
  Registers,
  Segment,
  SegmentName,
  TableName,
} from './kvm/vcpus/registers.js';
export type { MpState, VcpuMode } from './kvm/vcpus/state.js';
export type {
  Answer,
  AnswerSlot,
  Mapped,
  Unmapped,
  WalkStep,
} from './library/answer.js';
export type { ProcessChoice, VmChoice, WhichSlots, WhichVms } from './library/choice.js';
export { Dump, type Kernel } from './library/dump.js';
export { Image } from './library/image.js';
export { openDump, openImage } from './library/open.js';
export type { Addresses, OwnedPage, OwnerState, ProcessOwner, VmOwner } from './library/owner.js';
export type { HostPage } from './library/page.js';
export { type Gap, type MissingBytes, Physical, type PhysicalRange, type PresentBytes } from './library/physical.js';
export { type CommandRows, Rows } from './library/rows.js';
export { type GuestGap, type GuestRange, type GuestRun, Space } from './library/space.js';
export { Translator } from './library/translator.js';
export { Vm } from './library/vm.js';
export type { DumpOptions, FileOptions, ImageOptions } from './open.js';
export type { TypesFrom } from './opening/outside.js';
export type { PageMapping } from './pages/facts.js';
export { MAPPING_KINDS, type MappingKind, PAGE_KINDS, type PageKind } from './pages/kinds.js';
export type { ContentsSource } from './spaces/contents.js';
export type { SwapPlace } from './spaces/space.js';
