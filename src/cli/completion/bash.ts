// SPDX-License-Identifier: Apache-2.0
import { spellings, type TypedCommand, type TypedOption } from './words.js';

/** A command in the script: its key there, and its definition. The keys of commands that follow `--` begin with `@`. */
type Keyed = readonly [string, TypedCommand];

/** The completion script for bash (complete -F). */
export function bash(commands: readonly TypedCommand[]): string {
  const own = commands.map((command): Keyed => [command.name, command]);
  const after = commands.flatMap(({ following }) => following).map((command): Keyed => [`@${command.name}`, command]);
  const keyed = [...own, ...after];
  return `# bash completion of kvm-vtop
_kvm_vtop() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= first=1 prefix= i
  COMPREPLY=()
  if ((COMP_CWORD > 1)); then
    case \${COMP_WORDS[1]} in
      ${namesOf(commands).join(' | ')}) command=\${COMP_WORDS[1]} ;;
    esac
  fi
${commands
  .filter(({ following }) => following.length > 0)
  .map(seeFollowing)
  .join('\n')}
  # --option=value is three words if COMP_WORDBREAKS has =, else one.
  if [[ $current == = ]]; then current=
  elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $current == --*=* ]]; then previous=\${current%%=*} prefix=$previous= current=\${current#*=}
  fi
  case $command:$previous in
${keyed.flatMap(values).join('\n')}
  esac
  case $command in
${keyed.map(words).join('\n')}
  esac
}
complete -F _kvm_vtop kvm-vtop
`;
}

const namesOf = (commands: readonly TypedCommand[]): string[] =>
  commands.map(({ name }) => name).filter((name) => name !== '');

/** Looks for the last `--` before the word, and for the command that follows it. */
const seeFollowing = ({ name, following }: TypedCommand): string => `  if [[ $command == ${name} ]]; then
    for ((i = COMP_CWORD - 1; i > 1; i--)); do
      [[ \${COMP_WORDS[i]} == -- ]] || continue
      command=@ first=$((i + 1))
      ((first < COMP_CWORD)) && case \${COMP_WORDS[first]} in
        ${namesOf(following).join(' | ')}) command=@\${COMP_WORDS[first]} ;;
      esac
      break
    done
  fi`;

/** Cases that complete the value of an option. */
function values([key, { options }]: Keyed): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map((option) => {
      const patterns = spellings(option).map((spelling) => `${key}:${spelling}`);
      return `    ${patterns.join(' | ')}) ${reply(option)}return ;;`;
    });
}

function reply({ values: known }: TypedOption): string {
  if (known === null) return '';
  // -o filenames appends a slash to folders and escapes blanks.
  const what = known === 'file' ? '-f' : known === 'folder' ? '-d' : `-W '${known.join(' ')}'`;
  const names = typeof known === 'string' ? 'compopt -o filenames; ' : '';
  return `${names}mapfile -t COMPREPLY < <(compgen -P "$prefix" ${what} -- "$current"); `;
}

function words(
  [key, { name, options, words: known, following }]: Keyed,
  _index: number,
  all: readonly Keyed[],
): string {
  const flags = [...options.flatMap(spellings), ...(following.length === 0 ? [] : ['--'])];
  const isAfter = key.startsWith('@');
  const others = all.filter(([other]) => other.startsWith('@') === isAfter).map(([, each]) => each);
  const commands = name === '' ? namesOf(others) : [];
  // A command can only be the first word.
  const first = commands.length === 0 ? '' : `((COMP_CWORD == first)) && list+=" ${commands.join(' ')}"; `;
  const list = `local list='${[...known, ...flags].join(' ')}'; ${first}`;
  return `    ${key === '' ? "''" : key}) ${list}mapfile -t COMPREPLY < <(compgen -W "$list" -- "$current") ;;`;
}
