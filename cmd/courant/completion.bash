
# The words of the line up to the cursor, in cur, prev, words and cword. Bash
# parts words at = and :, too; they are put together again.
__courant_words()
{
    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@"
        return
    fi
    local line=${COMP_LINE:0:COMP_POINT} word i
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -eq 0 || $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=("")
        fi
        if ((i == COMP_CWORD)); then
            word=$line
        fi
        words[${#words[@]} - 1]+=$word
        line=${line#"$word"}
    done
    cword=$((${#words[@]} - 1))
    cur=${words[cword]}
    prev=
    if ((cword > 0)); then
        prev=${words[cword - 1]}
    fi
}

# Files whose names end as given (yaml|yml|), or with -d directories.
__courant_filedir()
{
    if declare -F _filedir >/dev/null 2>&1; then
        _filedir "$@"
        return
    fi
    local file
    COMPREPLY=()
    while IFS='' read -r file; do
        if [[ -d $file || -z ${1-} || $1 != -d && $file == *.@(${1%|}) ]]; then
            COMPREPLY+=("$file")
        fi
    done < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
    return 0
}
