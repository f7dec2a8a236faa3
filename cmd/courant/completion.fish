# Completes courant in fish. What stands on the line goes to the program as
# words, never through eval: names come from a config, and may hold anything.
function __courant_offers
    set -l words (commandline -opc)
    set -l program (string replace -r '^~(?=/)' -- $HOME $words[1])
    set -l word (commandline -ct)
    # A word whose quote is still open can't be read yet; it goes as it stands.
    set -l plain (string unescape -- $word)
    or set plain (string trim -l -c '"\'' -- $word)
    set -l offers (command $program __complete $words[2..-1] "$plain" 2>/dev/null)
    or return
    set -l directive (string match -r '^:[0-9]+$' -- $offers[-1] | string sub -s 2)
    test -n "$directive"
    or return
    set -e offers[-1]
    # The bits of cobra's ShellCompDirective: 4 no files, 8 files of these
    # endings, 16 directories.
    if test (math "bitand($directive, 16)") -ne 0
        __fish_complete_directories "$plain"
        return
    end
    if test (math "bitand($directive, 8)") -ne 0
        __fish_complete_path "$plain"
        return
    end
    if test (count $offers) -gt 0
        printf '%s\n' $offers
    end
    if test (math "bitand($directive, 4)") -eq 0
        __fish_complete_path "$plain"
    end
end

complete -c courant -e
complete -c courant -f -a '(__courant_offers)'
