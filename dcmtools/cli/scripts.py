"""The scripts that make shells ask ``dcmtools`` what could come next; they are silent where it is missing."""

from __future__ import annotations

from typing import Final

_BASH: Final = r"""# bash completion of dcmtools

_dcmtools_completion() {
    local kind value IFS=$'\n'
    COMPREPLY=()
    if ! type -P -- "$1" >/dev/null; then
        compopt -o default 2>/dev/null
        return 0
    fi
    while IFS=$'\t' read -r kind value _; do
        case $kind in
            file) compopt -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(_DCMTOOLS_COMPLETE=bash_complete COMP_WORDS="${COMP_LINE:0:COMP_POINT}" "$1" 2>/dev/null)
}

complete -o nosort -F _dcmtools_completion dcmtools 2>/dev/null ||
    complete -F _dcmtools_completion dcmtools
"""

_ZSH: Final = r"""#compdef dcmtools
# zsh completion of dcmtools

_dcmtools_completion() {
    local line found=1
    local -a fields plain described
    (( $+commands[dcmtools] )) || { _files; return }
    for line in "${(@f)$(_DCMTOOLS_COMPLETE=zsh_complete \
            COMP_WORDS="${(j: :)words[1,CURRENT-1]} $PREFIX" dcmtools 2>/dev/null)}"; do
        fields=("${(@ps:\t:)line}")
        case $fields[1] in
            plain)
                if [[ -n $fields[3] ]]; then
                    described+=("${fields[2]//:/\\:}:$fields[3]")
                else
                    plain+=("$fields[2]")
                fi
                ;;
            file) compset -P '--*='; _files && found=0 ;;
            dir) compset -P '--*='; _files -/ && found=0 ;;
        esac
    done
    (( $#described )) && _describe -V dcmtools described -U && found=0
    (( $#plain )) && compadd -U -V dcmtools -a plain && found=0
    return found
}

if [[ $zsh_eval_context[-1] == (loadautofunc|shfunc) ]]; then
    _dcmtools_completion "$@"
elif (( $+functions[compdef] )); then
    compdef _dcmtools_completion dcmtools
fi
"""

_FISH: Final = r"""# fish completion of dcmtools

function _dcmtools_completion
    type -q dcmtools; or return
    set -l line (commandline -cp | string collect)
    for answer in (_DCMTOOLS_COMPLETE=fish_complete COMP_WORDS=$line dcmtools 2>/dev/null)
        set -l fields (string split \t -- $answer)
        set -l parts (string match -r '^(--[^=]*=|)(.*)$' -- (commandline -ct))
        switch $fields[1]
            case plain
                echo $fields[2]\t$fields[3]
            case file
                printf '%s\n' $parts[2](__fish_complete_path $parts[3])
            case dir
                printf '%s\n' $parts[2](__fish_complete_directories $parts[3])
        end
    end
end

complete --no-files --command dcmtools --arguments "(_dcmtools_completion)"
"""

SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
FILES: Final = {"bash": "dcmtools.bash", "zsh": "_dcmtools", "fish": "dcmtools.fish"}
"""What the script is called in ``completions/``."""
