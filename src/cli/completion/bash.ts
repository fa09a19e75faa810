// SPDX-License-Identifier: Apache-2.0
import { spellings, type TypedCommand, type TypedOption } from './words.js';

/** The completion script for bash (complete -F). */
export function bash(commands: readonly TypedCommand[]): string {
  const names = commands.map(({ name }) => name).filter((name) => name !== '');
  return `# bash completion of kvm-vtop
_kvm_vtop() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=
  COMPREPLY=()
  if ((COMP_CWORD > 1)); then
    case \${COMP_WORDS[1]} in
      ${names.join(' | ')}) command=\${COMP_WORDS[1]} ;;
    esac
  fi
  case $command:$previous in
${commands.flatMap(values).join('\n')}
  esac
  case $command in
${commands.map(words).join('\n')}
  esac
}
complete -F _kvm_vtop kvm-vtop
`;
}

/** Cases that complete the value of an option. */
function values({ name, options }: TypedCommand): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map((option) => {
      const patterns = spellings(option).map((spelling) => `${name}:${spelling}`);
      return `    ${patterns.join(' | ')}) ${reply(option)}return ;;`;
    });
}

function reply({ values: known }: TypedOption): string {
  if (known === null) return '';
  // -o filenames appends a slash to folders and escapes blanks.
  const what = known === 'file' ? '-f' : known === 'folder' ? '-d' : `-W '${known.join(' ')}'`;
  const names = typeof known === 'string' ? 'compopt -o filenames; ' : '';
  return `${names}mapfile -t COMPREPLY < <(compgen ${what} -- "$current"); `;
}

function words({ name, options, words: known }: TypedCommand, _index: number, all: readonly TypedCommand[]): string {
  const flags = options.flatMap(spellings);
  const commands = name === '' ? all.map((each) => each.name).filter((each) => each !== '') : [];
  // A command can only be the first word.
  const first = commands.length === 0 ? '' : `((COMP_CWORD == 1)) && list+=" ${commands.join(' ')}"; `;
  const list = `local list='${[...known, ...flags].join(' ')}'; ${first}`;
  return `    ${name === '' ? "''" : name}) ${list}mapfile -t COMPREPLY < <(compgen -W "$list" -- "$current") ;;`;
}
