/**
 * What a shell loads. All that there is to know about commands, flags and names it asks of `ctr __complete`, which
 * answers in the time of `ctr version` and is never older than the executable.
 */

export const bashScript = String.raw`# bash completion for ctr. Put it into /usr/share/bash-completion/completions/ctr, or source it.
# Made by scripts/generate.ts.

_ctr() {
  # Words as they were typed: bash would cut image names and digests at their colons.
  local line=${"$"}{COMP_LINE:0:COMP_POINT} words current candidates
  read -r -a words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=("")
  current=${"$"}{words[-1]}

  mapfile -t candidates < <("${"$"}{words[0]}" __complete "${"$"}{words[@]:1}" 2>/dev/null)
  case ${"$"}{candidates[0]-} in
    :files | :directories)
      local kind=file
      [[ ${"$"}{candidates[0]} == :directories ]] && kind=directory
      compopt -o filenames
      current=${"$"}{current#-*=}
      mapfile -t COMPREPLY < <(compgen -A "$kind" -- "$current")
      return
      ;;
  esac
  COMPREPLY=("${"$"}{candidates[@]%%$'\t'*}")

  # Bash replaces only what follows the last colon or equals sign.
  local kept=${"$"}{current%"${"$"}{current##*["$COMP_WORDBREAKS"]}"}
  COMPREPLY=("${"$"}{COMPREPLY[@]#"$kept"}")
}

complete -F _ctr ctr
`;

export const zshScript = String.raw`#compdef ctr
# zsh completion for ctr. Put it as _ctr into a directory of $fpath.
# Made by scripts/generate.ts.

_ctr() {
  local -a lines candidates
  local line candidate
  lines=("${"$"}{(@f)$("${"$"}{words[1]}" __complete "${"$"}{(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  case $lines[1] in
    :files) compset -P '-*='; _files; return ;;
    :directories) compset -P '-*='; _files -/; return ;;
  esac
  for line in $lines; do
    candidate=${"$"}{${"$"}{line%%$'\t'*}//:/\\:}
    [[ $line == *$'\t'* ]] && candidate+=":${"$"}{line#*$'\t'}"
    candidates+=("$candidate")
  done
  _describe -t candidates candidate candidates
}

_ctr "$@"
`;
