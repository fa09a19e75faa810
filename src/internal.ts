// SPDX-License-Identifier: Apache-2.0
// What scripts/, fuzz/ and crash-ext/ use in addition to the library, imported as `#internal`. It is built beside the library
// and is not part of the package.

export { startInflate } from './codecs/inflate.js';
export { decodeDeflate, decodeZlib } from './codecs/zlib.js';
export type { Command, Request, Streams } from './commands/command.js';
export { excerptFor as excerpt } from './commands/excerpt.js';
export { commands } from './commands/index.js';
export { perform } from './commands/perform.js';
export { gfn, pfn } from './core/address.js';
export { DumpError, UsageError } from './core/errors.js';
export { silentLog } from './core/log.js';
export { BuildHints } from './debuginfo/build-hints.js';
export { DumpRecord } from './debuginfo/dump-record.js';
export { assetsOf } from './html/assets.js';
export type { PictureRun } from './html/classes.js';
export { htmlPage } from './html/page.js';
export type { ReportDump } from './html/report-format.js';
export { reportPage } from './html/report-page.js';
export { KVM_NEEDS } from './kvm/needs.js';
export { selectVm } from './kvm/select.js';
export { loadKernelCodecs, type OpenDump, type OpenOptions, openDump, openImage } from './open.js';
export { openHostWith } from './opening/open-host.js';
export { nothingBeside } from './opening/outside.js';
export { GuestTranslator } from './translate/translator.js';
export { type KdumpContents, writeKdump } from './write/kdump-writer.js';
export { writePieces } from './write/pieces.js';
