// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { setImmediate as breath } from 'node:timers/promises';
import { DumpError, UsageError } from '../core/errors.js';
import { lineBatches } from '../core/lines.js';
import { type Log, silentLog } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { oneLine } from '../core/one-line.js';
import { parseAddress, printable } from '../core/text.js';
import type { DumpImage } from '../dump/image.js';
import { RecordingFrames } from '../dump/recorder.js';
import type { Host } from '../kernel/host.js';
import { KVM_MODULE } from '../kvm/needs.js';
import { moduleBuildId } from '../opening/module-build.js';
import { type ExcerptSource, writeExcerpt } from '../write/excerpt.js';
import { checkTarget } from '../write/target.js';
import type { ExitCode, Streams } from './command.js';
import { Vtop } from './vtop.js';

/** Opens a dump; `watch` may look on while its frames are read. */
export type Opener = (
  paths: readonly string[],
  options: { readonly log: Log; readonly watch?: (image: DumpImage) => FrameSource },
) => Promise<{ image: DumpImage; host: Host; close: () => void }>;

/** Addresses of one VM that an excerpt must be able to answer. */
export interface Question {
  readonly process: string | null;
  readonly vm: string | null;
  readonly addressSpace: number;
  readonly addresses: readonly string[];
}

export interface ExcerptOptions {
  readonly core: readonly string[];
  readonly output: string;
  readonly force: boolean;
  /** Other files that are read: never overwritten. */
  readonly inputs?: readonly string[];
}

/**
 * Cuts out of a dump what the answers to some questions read, so that it can be sent to somebody. The questions are
 * asked in both forms of output, of the dump and again of the excerpt, and the answers must be the same.
 */
export async function excerpt(
  open: Opener,
  options: ExcerptOptions,
  questions: readonly Question[],
  streams: Streams,
): Promise<ExitCode> {
  const { core, output, force } = options;
  const { log } = streams;
  const target = checkTarget(output, force, [...core, ...(options.inputs ?? [])]);
  const asked = await spelledOut(questions, streams);
  let recorder: RecordingFrames | null = null;
  const watch = (image: DumpImage): FrameSource => (recorder = new RecordingFrames(image));
  const opened = await open(core, { log, watch });
  try {
    const answers = await log.stepAsync('answers', () => ask(opened.host, asked));
    readIdentity(opened.host);
    const frames = (recorder as RecordingFrames | null)?.seen ?? [];
    const verify = async (draft: string): Promise<void> => {
      const again = await open([draft], { log: silentLog });
      const { digest } = await ask(again.host, asked).finally(again.close);
      if (digest !== answers.digest)
        throw new DumpError(`${output}: read again, it gives other answers; nothing was kept`);
    };
    const size = await log.stepAsync('excerpt', () =>
      writeExcerpt(target, sourceOf(opened), frames, (draft) => log.stepAsync('read again', () => verify(draft)), log),
    );
    await streams.write(
      `${oneLine(output)}: ${frames.length} pages, ${size} bytes, ${answers.count} addresses, the same answers when read again\n`,
    );
    return answers.code;
  } finally {
    opened.close();
  }
}

/** Files beside the excerpt must be told from those of another build, as files beside the dump are. */
function readIdentity({ identity, memory, symbols, types, log }: Host): void {
  const ofModule = moduleBuildId(memory, symbols.table, types, KVM_MODULE.name);
  log.found(`build-ids: kernel ${identity.buildId ?? 'not known'}, module kvm ${ofModule ?? 'not known'}`);
}

function sourceOf({ image, host }: { readonly image: DumpImage; readonly host: Host }): ExcerptSource {
  const { reader } = image;
  return {
    uts: host.uts,
    physBase: reader.physBase ?? host.info.number('phys_base') ?? 0n,
    notes: reader.notes.map(({ name, type, desc }) => ({ name, type, desc: desc.array() })),
    vmcoreinfo: reader.vmcoreinfo?.array() ?? null,
    memory: image,
  };
}

/** `-` replaced by the lines of standard input, which can be read but once. */
async function spelledOut(questions: readonly Question[], streams: Streams): Promise<Question[]> {
  if (!questions.some(({ addresses }) => addresses.includes('-'))) return [...questions];
  const lines: string[] = [];
  for await (const batch of lineBatches(streams.input()))
    for (const { text, cut } of batch) {
      if (cut || (text !== '' && parseAddress(text) === null))
        throw new UsageError(
          `line ${lines.length + 1} of standard input: '${printable(text)}' is not a hexadecimal address`,
        );
      lines.push(text);
    }
  return questions.map((question) => ({
    ...question,
    addresses: question.addresses.flatMap((word) => (word === '-' ? lines.filter((line) => line !== '') : [word])),
  }));
}

interface Answers {
  /** Of both forms of output: the text itself can be larger than memory. */
  readonly digest: string;
  readonly count: number;
  readonly code: ExitCode;
}

/** Both forms of output for every question; what there is to warn of is told once. */
async function ask(host: Host, questions: readonly Question[]): Promise<Answers> {
  const hash = createHash('sha256');
  let count = 0;
  let code: ExitCode = 0;
  const streams: Streams = {
    log: silentLog,
    write: async (piece) => {
      hash.update(piece);
      await breath();
    },
    input: () => {
      throw new UsageError('standard input was read before');
    },
  };
  const quiet = { ...host, log: silentLog };
  for (const question of questions) {
    if ((await new Vtop({ ...question, json: true, style: 'crash' }).run(host, streams)) !== 0) code = 1;
    await new Vtop({ ...question, json: false, style: 'crash' }).run(quiet, streams);
    count += question.addresses.length;
  }
  if (count === 0) throw new UsageError('no address came from standard input');
  return { digest: hash.digest('hex'), count, code };
}
