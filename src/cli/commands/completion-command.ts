import { Argument } from 'commander';
import type { Command } from 'commander';
import { print } from '../print.js';
import { replayProgram } from '../replay-program.js';

/** `hindcast completion bash|zsh|fish`: a script for the shell, made from the commands as they are. */
export function completionCommand(program: Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .description('print a completion script for hindcast and replay')
    .addHelpText('after', '\nExample (bash):\n  source <(hindcast completion bash)')
    .action((shell: 'bash' | 'zsh' | 'fish') => {
      const words = [...wordsBelow(program), ...wordsBelow(replayProgram(), 'replay')];
      print(
        shell === 'fish'
          ? fish(words)
          : shell === 'zsh'
            ? `autoload -U bashcompinit && bashcompinit\n${bash(words)}`
            : bash(words),
      );
    });
}

/** What may follow each command path: its commands and its long options. */
interface Words {
  readonly path: string;
  readonly next: readonly string[];
}

function wordsBelow(command: Command, path = command.name()): readonly Words[] {
  const next = [
    ...command.commands.map((child) => child.name()),
    ...command.options.flatMap((option) => option.long ?? []),
    '--help',
  ];
  return [
    { path, next },
    ...command.commands.flatMap((child) => wordsBelow(child, `${path} ${child.name()}`)),
  ];
}

function bash(words: readonly Words[]): string {
  const cases = words.map(({ path, next }) => `    "${path}") words="${next.join(' ')}" ;;`).join('\n');
  return `_hindcast() {
  local path="\${COMP_WORDS[0]##*/}" words="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    [[ "\${COMP_WORDS[index]}" == -* ]] || path="$path \${COMP_WORDS[index]}"
  done
  while [[ -n "$path" ]]; do
    case "$path" in
${cases}
    esac
    [[ -n "$words" || "$path" != *" "* ]] && break
    path="\${path% *}"
  done
  COMPREPLY=($(compgen -W "$words" -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _hindcast hindcast replay`;
}

function fish(words: readonly Words[]): string {
  return words
    .flatMap(({ path, next }) => {
      const [root, ...rest] = path.split(' ');
      const condition =
        rest.length === 0 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${rest.at(-1) ?? ''}`;
      return next.map((word) =>
        word.startsWith('--')
          ? `complete -c ${root} -n "${condition}" -l ${word.slice(2)}`
          : `complete -c ${root} -f -n "${condition}" -a ${word}`,
      );
    })
    .join('\n');
}
