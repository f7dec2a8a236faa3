# Bash completion for courant. It needs nothing but bash, and goes well with
# the package bash-completion.
#
# What stands on the line and what a config has for names is text here: none
# of it is ever run. So the line is read by hand, without eval.

# __courant_read parts a line as the shell does: words without their quotes. Of
# the last word it keeps the quote that is still open, and how many characters
# of it readline leaves alone: it replaces what comes after an open quote, else
# after the last character of COMP_WORDBREAKS, and from an @ on with it.
__courant_read()
{
    local line=$1 i c next word='' begun='' tilde='' kept=0 name
    words=() quote='' skip=0
    for ((i = 0; i < ${#line}; i++)); do
        c=${line:i:1} next=${line:i+1:1}
        if [[ $quote == "'" ]]; then
            if [[ $c == "'" ]]; then quote=''; else word+=$c; fi
        elif [[ $c == \\ && ( -z $quote || $next == [\"\$\`\\] ) ]]; then
            word+=$next begun=1
            i=$((i + 1))
        elif [[ $c == '$' && ${line:i+1} =~ ^(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*) ]]; then
            name=${BASH_REMATCH[1]//[\{\}]/}
            word+=${!name-} begun=1 # a variable is text as well
            i=$((i + ${#BASH_REMATCH[1]}))
        elif [[ $c == '"' && $quote == '"' ]]; then
            quote=''
        elif [[ -n $quote ]]; then
            word+=$c
        elif [[ $c == [\"\'] ]]; then
            quote=$c kept=${#word} begun=1
        elif [[ $c == [[:space:]] ]]; then
            if [[ -n $begun ]]; then words+=("${tilde:+$HOME}${word#"$tilde"}"); fi
            word='' begun='' tilde='' skip=0
        elif [[ $c == [\;\|\&\(\)] ]]; then
            words=() word='' begun='' tilde='' skip=0
        else
            if [[ $c == '~' && -z $begun && $next == / ]]; then tilde='~'; fi
            word+=$c begun=1
            if [[ $COMP_WORDBREAKS == *"$c"* ]]; then skip=${#word}; fi
            if [[ $c == @ && $skip == "${#word}" ]]; then skip=$((skip - 1)); fi
        fi
    done
    if [[ -n $quote ]]; then skip=$kept; fi
    words+=("$word")
}

# __courant_quoted puts into reply how a text is typed after the open quote.
__courant_quoted()
{
    reply=$1
    case $quote in
    "'") reply=${reply//\'/"'\\''"} ;;
    '"')
        reply=${reply//\\/\\\\} reply=${reply//\"/\\\"}
        reply=${reply//\$/\\\$} reply=${reply//\`/\\\`}
        reply=${reply//!/"\"'!'\""} # which would recall a line even so
        ;;
    *) if [[ -n $reply ]]; then printf -v reply %q "$reply"; fi ;;
    esac
}

# __courant_option sets an option of this completion; outside of one, none.
__courant_option() { compopt "$@" 2>/dev/null || true; }

# __courant_files offers files that end in one of yaml|yml, or directories (-d).
__courant_files()
{
    local file
    __courant_option -o filenames # then readline quotes them
    while IFS='' read -r file; do
        if [[ -d ${file/#\~\//$HOME/} || $1 != -d && $file == *.@($1) ]]; then
            file=$flag$file
            COMPREPLY+=("${file:skip}")
        fi
    done < <(compgen -f -- "${typed:${#flag}}")
}

# __courant_names offers those names that go on from what is typed. A Tab puts
# what they have in common on the line, so they are quoted; a second Tab only
# shows them, each with its word.
__courant_names()
{
    local line name reply tab=$'\t' plain=1 names=() quoted=() says=() longest=0 i
    for line in "$@"; do
        name=$flag${line%%"$tab"*}
        [[ $name == "$typed"* ]] || continue
        __courant_quoted "${name:skip}"
        if [[ -n $quote || $reply != "${name:skip}" ]]; then plain=''; fi
        name=${name:${#flag}}
        names+=("$name") quoted+=("$reply")
        if [[ $line == *"$tab"* ]]; then says+=("${line#*"$tab"}"); else says+=(''); fi
        if ((${#name} > longest)); then longest=${#name}; fi
    done
    COMPREPLY=("${quoted[@]}")
    # 37 and 42 put one name after the other on the line.
    if ((${#names[@]} < 2 || COMP_TYPE == 37 || COMP_TYPE == 42)) || [[ -z $plain && $COMP_TYPE != 63 ]]; then
        return
    fi
    for i in "${!names[@]}"; do
        __courant_beside "${names[i]}" "${says[i]}"
        COMPREPLY[i]=$reply
    done
}

# __courant_beside puts into reply a name with the word on it, in one line.
__courant_beside()
{
    local says=$2 room=$((${COLUMNS:-80} - longest - 4)) width=$longest
    reply=$1
    if [[ -z $says ]]; then return; fi
    if ((room <= 8)); then
        width=${#1} room=$((${COLUMNS:-80} - ${#1} - 4))
    fi
    if ((room < 1)); then return; fi
    if ((${#says} > room)); then says=${says:0:room-1}…; fi
    while ((${#reply} < width)); do reply+=' '; done
    reply+="  ($says)"
}

__start_courant()
{
    local words quote skip typed flag='' command out offered=() line directive=1 filter IFS=$' \t\n'
    COMPREPLY=()
    __courant_read "${COMP_LINE:0:COMP_POINT}"
    while [[ ${words[0]} == [A-Za-z_]*=* ]]; do words=("${words[@]:1}"); done
    if ((${#words[@]} < 2)); then return; fi
    typed=${words[${#words[@]}-1]} command=${words[0]}
    if [[ $typed == -*=* ]]; then flag=${typed%%=*}=; fi
    case $(type -t "$command") in
    file | function) ;;
    *) command=courant ;; # an alias for it
    esac
    out=$("$command" __complete "${words[@]:1}" 2>/dev/null)
    while IFS='' read -r line; do
        if [[ -n $line ]]; then offered+=("$line"); fi
    done <<<"$out"
    # The last line is how to go on: a colon and a sum of flags.
    if ((${#offered[@]})) && [[ ${offered[${#offered[@]}-1]} =~ ^:([0-9]+)$ ]]; then
        directive=${BASH_REMATCH[1]}
        unset "offered[${#offered[@]}-1]"
    fi
    if ((directive & 1)); then return; fi
    if ((directive & 2)); then __courant_option -o nospace; fi
    if ((directive & 4)); then __courant_option +o default; fi
    if ((directive & 32)); then __courant_option -o nosort; fi
    if ((directive & 8)); then
        printf -v filter '%s|' "${offered[@]}"
        __courant_files "${filter%|}"
    elif ((directive & 16)); then
        __courant_files -d
    else
        __courant_names "${offered[@]}"
    fi
}

complete -o default -F __start_courant courant
