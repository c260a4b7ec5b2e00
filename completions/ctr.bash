# bash completion for ctr. Put it into /usr/share/bash-completion/completions/ctr, or source it.
# Made by scripts/generate.ts.

_ctr() {
  # Words as they were typed: bash would cut image names and digests at their colons.
  local line=${COMP_LINE:0:COMP_POINT} words current candidates
  read -r -a words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=("")
  current=${words[-1]}

  mapfile -t candidates < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
  case ${candidates[0]-} in
    :files | :directories)
      local kind=file
      [[ ${candidates[0]} == :directories ]] && kind=directory
      compopt -o filenames
      current=${current#-*=}
      mapfile -t COMPREPLY < <(compgen -A "$kind" -- "$current")
      return
      ;;
  esac
  COMPREPLY=("${candidates[@]%%$'\t'*}")

  # Bash replaces only what follows the last colon or equals sign.
  local kept=${current%"${current##*["$COMP_WORDBREAKS"]}"}
  COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _ctr ctr
