// SPDX-License-Identifier: Apache-2.0
// The man page compared with what it describes: the commands, their options, the states, the environment that is read.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { optionsOf } from '../../../src/cli/groups.js';
import { usageOf } from '../../../src/cli/help.js';
import { manPage } from '../../../src/cli/man.js';
import { kebab } from '../../../src/cli/names.js';
import type { Command } from '../../../src/commands/command.js';
import { commands } from '../../../src/commands/index.js';
import { STATES } from '../../../src/core/outcome.js';
import { ROOT } from '../../run.js';

/** The page without the marks of roff. */
const page = manPage(new Date(0)).replaceAll('\\-', '-').replaceAll('\\&', '').replaceAll('\\e', '\\');

/** The sections by their titles, also those inside others. */
const sections = new Map(
  page
    .split(/^\.S[hs] /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1)]),
);
const section = (title: string): string => sections.get(title) ?? `no section ${title}`;

/** The long names of the options in a list. */
const listed = (text: string): string[] =>
  [...text.matchAll(/^\.It (?:Fl \w , )?Fl Fl ([a-z0-9-]+)/gm)].map(([, name = '']) => name);

describe.each(commands.map((command) => ({ name: command.name, command })))('$name', ({ name, command }) => {
  const own = section(name.toUpperCase());
  const options = Object.entries(optionsOf(command));

  test('its section lists or refers to every option that it takes, and no other', () => {
    const [, common = ''] = own.split('Common options:\n');
    const taken = [...common.matchAll(/^\.(Sx|Fl Fl) (.*) [,.]$/gm)].flatMap(([, kind, what = '']) =>
      kind === 'Sx' ? listed(section(what)) : [what],
    );
    expect([...listed(own), ...taken].sort()).toEqual(options.map(([key]) => kebab(key)).sort());
  });

  test('every default is stated', () => {
    for (const [key, { value, default: start }] of options) {
      if (value === undefined || (typeof start !== 'string' && typeof start !== 'number')) continue;
      const items = page.split(/^\.(?:It|El)/m).filter((text) => listed(`.It${text}`).includes(kebab(key)));
      expect([key, items.length > 0]).toEqual([key, true]);
      for (const item of items) expect(item.replaceAll('\n', ' ')).toContain(`default: ${start})`);
    }
  });
});

test('the synopsis has the usage of --help', () => {
  const usages = commands.map((command) =>
    usageOf(command)
      .replace(/^kvm-vtop /, '')
      .replaceAll(/[<>]/g, '')
      .replaceAll(/([a-z])\.\.\.\]/g, '$1 ...]'),
  );
  const forms = section('SYNOPSIS')
    .split(/^\.Nm\n/m)
    .map((form) =>
      form
        .replaceAll(/^\.Oo Li (.*) Oc Ns \.\.\./gm, '[$1]...')
        .replaceAll(/^\.Op (?:Ar )?(.*)$/gm, '[$1]')
        .replaceAll(/^\.(?:Cm|Ar) /gm, '')
        .replaceAll(' Ar ', ' ')
        .trim()
        .replaceAll('\n', ' '),
    );
  expect(usages.filter((usage) => !forms.includes(usage))).toEqual([]);
  expect(forms).toContain('[options] [address ...]');
});

test('every state has a meaning, here and in docs/output.md', () => {
  const items = [...section('STATES').matchAll(/^\.It Li (\S+)\n(.+)$/gm)].map(([, state]) => state);
  expect(items).toEqual([...STATES]);
  const [, reasons = ''] = readFileSync(join(ROOT, 'docs', 'output.md'), 'utf8').split('# States and reasons\n');
  const rows = reasons.split(/^#/m)[0]?.matchAll(/^\| `([a-z-]+)` \|/gm) ?? [];
  expect([...rows].map(([, state]) => state)).toEqual([...STATES]);
});

test('docs/output.md names the commands that print JSON and CSV', () => {
  const [, json = '', csv = ''] =
    /text for people\. (.*)\s+also print JSON lines \(`--json`\),\s+and (.*) CSV \(`--csv`\)/s.exec(
      readFileSync(join(ROOT, 'docs', 'output.md'), 'utf8'),
    ) ?? [];
  const named = (text: string): string[] => [...text.matchAll(/`(\w+)`/g)].map(([, name = '']) => name).sort();
  const having = (has: (command: Command) => boolean): string[] =>
    commands
      .filter(has)
      .map(({ name }) => name)
      .sort();
  expect(named(json)).toEqual(having(({ records, needs }) => records.length > 0 && needs !== 'many'));
  expect(named(csv)).toEqual(having((command) => command.csv));
});

test('the environment has the variables that the source reads', () => {
  const read = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
    .filter((text) => /process\.env|NodeJS\.ProcessEnv|homedir\(\)/.test(text))
    .flatMap((text) => [
      ...text.matchAll(/\b(?:environment|process\.env)\.([A-Z_]+)|\bnumber\('([A-Z_]+)'\)|\b(home)dir\(\)/g),
    ])
    .map(([, member, named, home = '']) => member ?? named ?? home.toUpperCase());
  const documented = [...section('ENVIRONMENT').matchAll(/^\.It Ev (\w+)$/gm)].map(([, name]) => name);
  expect(documented.sort()).toEqual([...new Set(read)].sort());
});
