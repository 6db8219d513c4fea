# bash completion of dcmtools

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
