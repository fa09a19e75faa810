// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { DumpError, UsageError } from '../core/errors.js';
import { lineBatches } from '../core/lines.js';
import { silentLog } from '../core/log.js';
import { printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import type { Recording } from '../dump/recorder.js';
import type { Host } from '../kernel/host.js';
import { KVM_MODULE } from '../kvm/needs.js';
import { moduleBuildId } from '../opening/module-build.js';
import { type ExcerptSource, writeExcerpt } from '../write/excerpt.js';
import type { Target } from '../write/target.js';
import {
  type ExitCode,
  type HostGiven,
  type HostNeeds,
  hostNeedsOf,
  type Opener,
  type Request,
  type Streams,
} from './command.js';
import { perform } from './perform.js';

/** What is known about an excerpt that was written. */
export interface Cut {
  readonly pages: number;
  /** Size of the file in bytes. */
  readonly size: number;
  /** The requests, with standard input spelled out, and the exit status of each. */
  readonly asked: readonly { readonly request: Request; readonly code: ExitCode }[];
  /** 1 if any of them is not 0. */
  readonly code: 0 | 1;
}

/**
 * Writes an excerpt with the pages of a dump that are read to answer some requests. Each request is run in every format
 * of output, on the dump and then on the excerpt. Throws `DumpError` if the outputs differ.
 */
export async function cut(
  open: Opener,
  { core, target }: { readonly core: readonly string[]; readonly target: Target },
  requests: readonly Request[],
  streams: Streams,
): Promise<Cut> {
  const { log } = streams;
  const asked = await spelledOut(requests, streams);
  let recording: Recording | null = null;
  const watch = (image: DumpImage): DumpImage => {
    if (image.live !== undefined)
      throw new UsageError(
        `${image.name} is the memory of a running host: it changes, so that an excerpt would not have what was answered`,
      );
    recording = image.record();
    return image;
  };
  const needs = mostOf(asked.map(hostNeedsOf));
  const opened = await open(core, { log, watch, needs });
  try {
    const answers = await log.stepAsync('answers', () => ask(opened, asked));
    readIdentity(opened.host);
    const { seen: frames, gaps } = recording as unknown as Recording;
    const verify = async (draft: string): Promise<void> => {
      const again = await open([draft], { log: silentLog, needs });
      const { digest } = await ask(again, asked).finally(again.close);
      if (digest !== answers.digest)
        throw new DumpError(`${target.path}: the excerpt gave other answers than the dump, so nothing was written`);
    };
    const size = await log.stepAsync('excerpt', () =>
      writeExcerpt(
        target,
        { ...sourceOf(opened), gaps },
        frames,
        (draft) => log.stepAsync('read again', () => verify(draft)),
        log,
      ),
    );
    const { codes } = answers;
    return {
      pages: frames.length,
      size,
      asked: asked.map((request, i) => ({ request, code: codes[i] ?? 0 })),
      code: codes.some((code) => code !== 0) ? 1 : 0,
    };
  } finally {
    opened.close();
  }
}

/** The needs that include all others. */
const mostOf = (needs: readonly HostNeeds[]): HostNeeds =>
  (['vcpus', 'kvm', 'owners', 'host'] as const).find((most) => needs.includes(most)) ?? 'log';

/** Reads the build-ids, so that the excerpt has them: files of another build must be recognised with it, too. */
function readIdentity({ identity, memory, needs, symbols, types, log }: Host): void {
  const ofModules = [KVM_MODULE, ...needs.sought].map(
    ({ name }) => `module ${name} ${moduleBuildId(memory, symbols.table, types, name) ?? 'unknown'}`,
  );
  log.found(`build-ids: kernel ${identity.buildId ?? 'unknown'}, ${ofModules.join(', ')}`);
}

function sourceOf({ image, host }: HostGiven): Omit<ExcerptSource, 'gaps'> {
  const { reader } = image;
  return {
    uts: host.uts,
    physBase: reader.physBase ?? host.info.number('phys_base') ?? 0n,
    notes: reader.notes.map(({ name, type, desc }) => ({ name, type, desc: desc.array() })),
    vmcoreinfo: reader.vmcoreinfo?.array() ?? null,
    memory: image,
  };
}

const readsInput = ({ command: { args }, words }: Request): boolean => args?.stdin === true && words.includes('-');

/** Replaces `-` by the lines of standard input, which can be read only once. */
async function spelledOut(requests: readonly Request[], streams: Streams): Promise<readonly Request[]> {
  const args = requests.find(readsInput)?.command.args ?? null;
  if (args === null) return requests;
  const lines: string[] = [];
  let number = 0;
  for await (const batch of lineBatches(streams.input()))
    for (const { text, cut: isCut } of batch) {
      number++;
      if (isCut || (text !== '' && args.parse(text) === null))
        throw new UsageError(`line ${number} of standard input: ${args.invalid(printable(text))}`);
      if (text !== '') lines.push(text);
    }
  return requests.map((request) => {
    if (!readsInput(request)) return request;
    const words = request.words.flatMap((word) => (word === '-' ? lines : [word]));
    // Without words, some commands answer for all there is.
    if (words.length === 0) throw new UsageError(`standard input is empty: ${args.missing} are missing`);
    return { ...request, words };
  });
}

interface Answers {
  /** Hash of the output in all formats, which itself can be larger than memory. */
  readonly digest: string;
  /** The exit status of each request. */
  readonly codes: readonly ExitCode[];
}

/** Runs every request in all formats of output. Warnings are logged once. */
async function ask({ image, host }: HostGiven, requests: readonly Request[]): Promise<Answers> {
  const hash = createHash('sha256');
  const codes: ExitCode[] = [];
  const streams: Streams = {
    log: silentLog,
    write: async (piece) => {
      hash.update(piece);
      await turn();
    },
    input: () => {
      throw new UsageError('standard input has already been read');
    },
  };
  for (const request of requests) {
    const given = { image, host };
    if (request.command.records.length > 0) await perform(request, given, 'json', streams);
    const quiet = { ...given, host: { ...host, log: silentLog } };
    codes.push(await perform(request, quiet, 'text', streams));
  }
  return { digest: hash.digest('hex'), codes };
}
