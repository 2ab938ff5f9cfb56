# Completion of hinit's command line in bash: source this file, or install it as
# /usr/share/bash-completion/completions/hinit
#
# The lines between `begin` and `end` are generated from the tables of options (src/cli/options) by
# HINIT_WRITE_MANUAL=1 cargo test completions

# begin
_hinit_lists() {
    commands='run healthcheck signal status install'
    signals='HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT
        STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'
}

_hinit_command() {
    case $1 in
    run)
        operand=server
        options='--pid-file --no-pid-file --pid-file-mode --remove-stale --follow --stop-signal
            --stop-delay --grace --no-drain -g --group --rewrite --parent-death --map-exit
            --clean-stop --notify --watchdog --watchdog-signal --listen --ready-when --user
            --keep-groups --umask --workdir -v --verbose -q --quiet --quiet-success -V --version -h
            --help'
        ;;
    healthcheck)
        operand=any
        options='--pid-file --no-pid --ready --foreign --http --fastcgi --grpc --tcp --unix --heartbeat
            --max-age --send --reply --tls --method --header --body --expect --contains --lacks
            --timeout --json -q --quiet -h --help'
        ;;
    signal)
        operand=signal
        options='--pid-file --foreign --wait -h --help'
        ;;
    status)
        operand=any
        options='--pid-file --foreign --json -h --help'
        ;;
    install)
        operand=files
        options='-h --help'
        ;;
    esac
}

_hinit_option() {
    case $1 in
    --pid-file) kind=files ;;
    --pid-file-mode) kind=any ;;
    --remove-stale) kind=files ;;
    --follow) kind=files ;;
    --stop-signal) kind=signals ;;
    --stop-delay) kind=any ;;
    --grace) kind=any ;;
    --rewrite) kind=any ;;
    --parent-death) kind=signal ;;
    --map-exit) kind=any ;;
    --watchdog) kind=any ;;
    --watchdog-signal) kind=signal ;;
    --listen) kind=any ;;
    --ready-when) kind=any ;;
    --user) kind=users ;;
    --umask) kind=any ;;
    --workdir) kind=directories ;;
    --http) kind=any ;;
    --fastcgi) kind=any ;;
    --grpc) kind=any ;;
    --tcp) kind=any ;;
    --unix) kind=files ;;
    --heartbeat) kind=files ;;
    --max-age) kind=any ;;
    --send) kind=any ;;
    --reply) kind=any ;;
    --method) kind='GET HEAD POST' ;;
    --header) kind=any ;;
    --body) kind=any ;;
    --expect) kind=any ;;
    --contains) kind=any ;;
    --lacks) kind=any ;;
    --timeout) kind=any ;;
    --wait) kind=any ;;
    esac
}
# end

# Completes the server's command line, which begins at this index of COMP_WORDS.
_hinit_server() {
    local offset
    # The newer of bash-completion's names for it comes first.
    for offset in _comp_command_offset _command_offset; do
        if declare -F "$offset" >/dev/null; then
            "$offset" "$1"
            return
        fi
    done
    if (($1 == COMP_CWORD)); then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[COMP_CWORD]}")
    else
        compopt -o default
    fi
}

_hinit() {
    COMPREPLY=()
    local commands signals operand options
    _hinit_lists

    # bash also splits words at `=` and `:` (COMP_WORDBREAKS), so they are joined again. The start of a word is its
    # index in COMP_WORDS.
    local -a words=() starts=()
    local breaks='^[=:]+$' joins='' word i
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((${#words[@]})) && [[ $joins || $word =~ $breaks ]]; then
            words[-1]+=$word
        else
            words+=("$word")
            starts+=("$i")
        fi
        joins=''
        [[ $word =~ $breaks ]] && joins=yes
    done

    # What was given before the cursor: the command, options, and the server's command line, which ends this.
    local last=$((${#words[@]} - 1)) command=run kind=''
    i=0
    if ((last > 0)) && [[ " $commands " == *" ${words[0]} "* ]]; then
        command=${words[0]}
        i=1
    fi
    for (( ; i < last; i++)); do
        word=${words[i]}
        if [[ $kind ]]; then
            kind=''
        elif [[ $command == run && $word == -- ]]; then
            _hinit_server "${starts[i + 1]}"
            return
        elif [[ $word == -?* ]]; then
            _hinit_option "$word"
        elif [[ $command == run ]]; then
            _hinit_server "${starts[i]}"
            return
        fi
    done

    # The word at the cursor: a value, also one that is joined to its option, or an option or an operand.
    local cur=${words[last]} prefix='' list=''
    if [[ ! $kind && $cur == --*=* ]]; then
        prefix=${cur%%=*}=
        cur=${cur#*=}
        _hinit_option "${prefix%=}"
        kind=${kind:-any}
    elif [[ ! $kind ]]; then
        _hinit_command "$command"
        list=$options
        ((last)) || list+=" $commands"
        kind=$operand
        [[ $cur == -* ]] && kind=any
    fi
    local -a sources
    case $kind in
    files)
        compopt -o default
        return
        ;;
    directories)
        compopt -o dirnames
        return
        ;;
    server)
        compopt -o filenames
        sources=(-c -W "$list")
        ;;
    signals)
        compopt -o nospace
        [[ $cur == *,* ]] && prefix+=${cur%,*},
        cur=${cur##*,}
        sources=(-W "$signals")
        ;;
    signal) sources=(-W "$list $signals") ;;
    users) sources=(-u) ;;
    any) sources=(-W "$list") ;;
    *) sources=(-W "$kind") ;;
    esac
    mapfile -t COMPREPLY < <(compgen -P "$prefix" "${sources[@]}" -- "$cur")

    # bash replaces only what follows the last `=` or `:`.
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word =~ $breaks ]] && word=''
    COMPREPLY=("${COMPREPLY[@]#"${words[last]%"$word"}"}")
}

complete -F _hinit hinit
