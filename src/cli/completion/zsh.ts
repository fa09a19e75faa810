// SPDX-License-Identifier: Apache-2.0
import { spellings, type TypedCommand, type TypedOption } from './words.js';

/** The completion script for zsh (compsys). It can be put in a folder of fpath, or be sourced after compinit. */
export function zsh(commands: readonly TypedCommand[]): string {
  if (commands.length === 0) return '';
  const after = commands.filter(({ following }) => following.length > 0);
  return `#compdef kvm-vtop
_kvm-vtop() {
  local -i i
  if ((CURRENT > 3)) && [[ $words[2] == (${after.map(({ name }) => name).join('|')}) ]]; then
    for ((i = CURRENT - 1; i > 2; i--)); do
      [[ $words[i] == -- ]] || continue
      # What follows -- is a command line of its own; its first word stands for the name of the program.
      shift $((i - 1)) words
      ((CURRENT -= i - 1))
      _kvm-vtop-following
      return
    done
  fi
${bodyOf(commands)}
}
_kvm-vtop-following() {
${bodyOf(after[0]?.following ?? [])}
}
# If sourced, register the function; if autoloaded from fpath, call it.
if [[ \${funcstack[1]} == _kvm-vtop ]]; then _kvm-vtop "$@"; else compdef _kvm-vtop kvm-vtop; fi
`;
}

/** Completes a command line: the main command without its name, or another command. */
function bodyOf([main, ...others]: readonly TypedCommand[]): string {
  if (main === undefined) return '';
  return `  local -a commands=(
${others.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join('\n')}
  )
  if ((CURRENT > 2)); then
    case $words[2] in
${others.map(caseOf).join('\n')}
    esac
  elif ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  _arguments -s ${argumentsOf(main)}`;
}

const caseOf = (command: TypedCommand): string =>
  `      ${command.name}) shift words; ((CURRENT--)); _arguments -s ${argumentsOf(command)}; return ;;`;

function argumentsOf({ options, words }: TypedCommand): string {
  const rest = words.length > 0 ? [quoted(`1:word:(${words.join(' ')})`)] : [];
  return [...options.flatMap(specs), ...rest].join(' ');
}

/** One specification for each form of an option. The forms of an option that can't be repeated exclude each other. */
function specs(option: TypedOption): string[] {
  const all = spellings(option);
  return all.map((spelling) => {
    const excluded = option.repeats ? '*' : all.length > 1 ? `(${all.join(' ')})` : '';
    // With =, the value can also follow in the same word.
    const form = option.takesValue && spelling.startsWith('--') ? `${spelling}=` : spelling;
    return quoted(`${excluded}${form}[${option.summary.replace(/[[\]:]/g, '\\$&')}]${action(option)}`);
  });
}

function action({ takesValue, values, value }: TypedOption): string {
  if (!takesValue) return '';
  const what =
    values === null ? ' ' : values === 'file' ? '_files' : values === 'folder' ? '_files -/' : `(${values.join(' ')})`;
  return `:${value.replace(/:/g, ' ')}:${what}`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
