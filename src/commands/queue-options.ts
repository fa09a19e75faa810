// SPDX-License-Identifier: Apache-2.0
// The options of scan for a queue, and which of them each action has.
import { UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { type RedisAddress, redisAddress } from '../queue/address.js';
import { file, flag, type OptionSpec, parsed, repeated, type Values, valued } from './options.js';

/** What can be done with a queue: the words after --queue. */
export const ACTIONS = ['submit', 'work', 'collect', 'status'] as const;
export type Action = (typeof ACTIONS)[number];

/** The environment variable that holds the URL, so that a password is not on the command line. */
const URL_VARIABLE = 'KVM_VTOP_REDIS_URL';

const whole =
  (most: number, least = 1) =>
  (text: string): number | null =>
    /^[0-9]{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : null;

/** So many jobs in so many seconds. */
export interface Rate {
  readonly jobs: number;
  readonly seconds: number;
}

function rateOf(text: string): Rate | null {
  const [, jobs, seconds] = /^([1-9][0-9]{0,6})\/([1-9][0-9]{0,6})$/.exec(text) ?? [];
  return jobs === undefined || seconds === undefined ? null : { jobs: Number(jobs), seconds: Number(seconds) };
}

/** BullMQ's lowest priority. */
const LOWEST = 2_097_151;

/** Options that mean something only with --queue. */
export const queueOptions = {
  queue: valued(
    'url',
    'use a queue in Redis or Valkey: redis://HOST[:PORT][/DB], or rediss:// for TLS; env: the URL in $KVM_VTOP_REDIS_URL. The words are then submit (with dumps), work, collect or status',
  ),
  name: parsed<string>('name', 'name of the queue', 'kvm-vtop', {
    read: (text) => (/^[\w.-]{1,64}$/.test(text) ? text : null),
    expected: 'it must be letters, digits, dots, hyphens and underscores, at most 64',
  }),
  results: file('submit, work, collect: the folder for results, which all machines share'),
  root: repeated('folder', 'work: read only dumps and other files in this folder; can be repeated', {
    completes: 'folder',
  }),
  priority: parsed<number>('number', `submit: 1 to ${LOWEST}, the lowest number first; 0 is before all others`, 0, {
    read: whole(LOWEST, 0),
    expected: `it must be a number from 0 to ${LOWEST}`,
  }),
  attempts: parsed<number>('number', 'submit: how often a dump is tried whose process is killed', 5, {
    read: whole(1000),
    expected: 'it must be a number from 1 to 1000',
  }),
  backoff: parsed<number>(
    'seconds',
    'submit: the time before the second attempt; each later one waits twice as long',
    5,
    { read: whole(86_400), expected: 'it must be a number of seconds from 1 to 86400' },
  ),
  rate: parsed<Rate | null>('N/S', 'work: at most N dumps in S seconds, by all workers together', null, {
    read: rateOf,
    expected: 'it must be N/S, two numbers from 1 on',
  }),
  lock: parsed<number>('seconds', 'work: after this time a dump of a worker that has ended is given to another', 30, {
    read: whole(3600),
    expected: 'it must be a number of seconds from 1 to 3600',
  }),
  drain: flag('work: end when no dump is left in the queue'),
  noWait: flag('work: fail if the server can not be reached, instead of waiting for it'),
  partial: flag('collect: also if dumps are not done; each of them has a record that says so'),
  json: flag('status: print JSON, one object per line'),
};

/** The options of scan itself that an action has, besides those for a queue. */
const OWN: Readonly<Record<Action, readonly string[]>> = {
  submit: ['list', 'null', 'run', 'addresses', 'shard'],
  work: ['jobs', 'timeout', 'maxMemory'],
  collect: ['output', 'force', 'summary', 'html'],
  status: [],
};

const FOR_QUEUE: Readonly<Record<Action, readonly (keyof typeof queueOptions)[]>> = {
  submit: ['results', 'priority', 'attempts', 'backoff'],
  work: ['results', 'root', 'rate', 'lock', 'drain', 'noWait'],
  collect: ['results', 'partial'],
  status: ['json'],
};

/** Options that every action has. */
const ALWAYS = ['queue', 'name', 'verbose', 'quiet', 'noCache'];

const isGiven = (value: unknown, start: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== start;

const kebab = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Throws `UsageError` for an option that has no effect without --queue. */
export function refuseQueueOptions(options: Readonly<Record<string, unknown>>): void {
  const specs: Readonly<Record<string, OptionSpec<unknown>>> = queueOptions;
  for (const [name, spec] of Object.entries(specs))
    if (isGiven(options[name], spec.default)) throw new UsageError(`${kebab(name)} has no effect without --queue`);
}

/** The action, and the words after it. Throws `UsageError`, also for an option that has no effect with the action. */
export function actionOf(
  [word, ...words]: readonly string[],
  options: Readonly<Record<string, unknown>>,
  specs: Readonly<Record<string, OptionSpec<unknown>>>,
): { readonly action: Action; readonly words: readonly string[] } {
  const action = ACTIONS.find((each) => each === word);
  if (action === undefined)
    throw new UsageError(
      `--queue needs one of the words ${ACTIONS.join(', ')}${word === undefined ? '' : `; '${printable(word)}' is none of them`}`,
    );
  if (action !== 'submit' && words[0] !== undefined)
    throw new UsageError(`'${printable(words[0])}' is not expected: '${action}' takes no words besides its options`);
  const allowed: readonly string[] = [...ALWAYS, ...OWN[action], ...FOR_QUEUE[action]];
  const wrong = Object.entries(specs).find(
    ([name, spec]) => !allowed.includes(name) && isGiven(options[name], spec.default),
  );
  if (wrong !== undefined) throw new UsageError(`${kebab(wrong[0])} has no effect with '${action}'`);
  return { action, words };
}

/** The address of the server. Throws `UsageError`. */
export function addressOf(value: string): RedisAddress {
  const isPrivate = value === 'env';
  const text = isPrivate ? process.env[URL_VARIABLE] : value;
  if (text === undefined || text === '') throw new UsageError(`--queue env: ${URL_VARIABLE} is not set`);
  const address = redisAddress(text);
  // The URL itself is not shown: it can have a password.
  if (address === null)
    throw new UsageError(
      `${isPrivate ? `--queue env: ${URL_VARIABLE}` : '--queue'} is not valid: it must be redis://HOST[:PORT][/DB], or rediss:// for TLS`,
    );
  if (!isPrivate && address.password !== null)
    throw new UsageError(
      `--queue has a password, which others can see on a command line: put the URL into the environment variable ${URL_VARIABLE} and use --queue env`,
    );
  return address;
}

/** The folder for results. Throws `UsageError` if it is not given. */
export function resultsOf({ results }: Pick<Values<typeof queueOptions>, 'results'>, action: Action): string {
  if (results === null) throw new UsageError(`--results is missing: the folder for results; '${action}' needs it`);
  return results;
}
