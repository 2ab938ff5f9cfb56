# Completion of hinit's command line in fish: install this file in /usr/share/fish/vendor_completions.d
#
# The lines between `begin` and `end` are generated from the tables of options (src/cli/options) by
# HINIT_WRITE_MANUAL=1 cargo test completions

# Prints which command of hinit the cursor is at. If that is `run` and the server's command line has begun, prints
# `server` and this command line up to the cursor, a word each line.
function __hinit_words
    set -l words (commandline -opc)
    set -e words[1]
    if contains -- "$words[1]" $__hinit_commands
        if test $words[1] != run
            echo $words[1]
            return
        end
        set -e words[1]
    end
    while set -q words[1]
        set -l word $words[1]
        if not string match -q -- '-?*' $word
            break
        end
        set -e words[1]
        if test $word = --
            printf '%s\n' server $words (commandline -ct)
            return
        end
        if contains -- $word $__hinit_options_with_value
            set -e words[1]
        end
    end
    if set -q words[1]
        printf '%s\n' server $words (commandline -ct)
    else
        echo run
    end
end

# Whether the cursor is at this command of hinit.
function __hinit_at
    set -l words (__hinit_words)
    test $words[1] = $argv[1]
end

# Whether the cursor is at the first word.
function __hinit_first
    test (count (commandline -opc)) = 1
end

# Completes the server's command line.
function __hinit_server
    set -l words (__hinit_words)
    if test $words[1] = server
        __fish_complete_subcommand --commandline $words[2..]
    else if not string match -q -- '-*' (commandline -ct)
        __fish_complete_subcommand --commandline (commandline -ct)
    end
end

# Completes a directory, also one that is joined to its option.
function __hinit_directories
    __fish_complete_directories (commandline -ct | string replace -r -- '^--[^=]*=' '')
end

complete -c hinit -f
complete -c hinit -n '__hinit_at server' -a '(__hinit_server)'

# begin
set -g __hinit_commands run healthcheck signal status install
set -g __hinit_options_with_value --pid-file --pid-file-mode --remove-stale --follow --stop-signal --stop-delay --grace \
    --rewrite --parent-death --map-exit --watchdog --watchdog-signal --listen --ready-when \
    --user --umask --workdir --http --fastcgi --grpc --tcp --unix --heartbeat --max-age --send \
    --reply --method --header --body --expect --contains --lacks --timeout --wait
set -g __hinit_signals HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT \
    STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS

complete -c hinit -n __hinit_first -a run -d 'Start a server; the word `run` may be omitted'
complete -c hinit -n __hinit_first -a healthcheck -d 'Check whether the server is healthy'
complete -c hinit -n __hinit_first -a signal -d 'Send the server a signal'
complete -c hinit -n __hinit_first -a status -d 'Show the state of the server'
complete -c hinit -n __hinit_first -a install -d 'Copy this program to a path'

complete -c hinit -n '__hinit_at run' -l pid-file -r -F -d 'The file that contains the server\'s PID'
complete -c hinit -n '__hinit_at run' -l no-pid-file -d 'Keep no PID file'
complete -c hinit -n '__hinit_at run' -l pid-file-mode -x -d 'Permissions of the PID file, in octal, whatever the umask'
complete -c hinit -n '__hinit_at run' -l remove-stale -r -F -d 'Before the start, remove the PID file that the server\'s last run left behind; may be repeated'
complete -c hinit -n '__hinit_at run' -l follow -r -F -d 'When the server exits, the child that its own PID file names becomes the server; may be repeated'
complete -c hinit -n '__hinit_at run' -l stop-signal -x -a '(__fish_append , $__hinit_signals)' -d 'Signals that ask the server to stop, separated by commas'
complete -c hinit -n '__hinit_at run' -l stop-delay -x -d 'On a stop signal, be unhealthy at once but pass the signal on only after this time'
complete -c hinit -n '__hinit_at run' -l grace -x -d 'Kill the server and its descendants this long after the stop signal'
complete -c hinit -n '__hinit_at run' -l no-drain -d 'Exit as soon as the server has exited, and leave its descendants alone'
complete -c hinit -n '__hinit_at run' -s g -l group -d 'Pass signals to the whole process group of the server'
complete -c hinit -n '__hinit_at run' -l rewrite -x -d 'Pass signal FROM on as signal TO, or drop it if TO is empty; may be repeated'
complete -c hinit -n '__hinit_at run' -l parent-death -x -a '$__hinit_signals' -d 'Signal that hinit gets when its parent process dies; not for PID 1'
complete -c hinit -n '__hinit_at run' -l map-exit -x -d 'Exit with code TO instead of FROM, which is a code or the signal that killed the server; may be repeated'
complete -c hinit -n '__hinit_at run' -l clean-stop -d 'Exit with 0 if a signal that hinit passed on killed the server'
complete -c hinit -n '__hinit_at run' -l notify -d 'Give the server a NOTIFY_SOCKET; it is ready once it sends READY=1 (sd_notify(3))'
complete -c hinit -n '__hinit_at run' -l watchdog -x -d 'Be unhealthy when a ready server sends no WATCHDOG=1 for this time; implies --notify'
complete -c hinit -n '__hinit_at run' -l watchdog-signal -x -a '$__hinit_signals' -d 'Signal to send when the watchdog expires, such as ABRT'
complete -c hinit -n '__hinit_at run' -l listen -x -d 'Answer GET /livez, /readyz and /status at 127.0.0.1:9101, [::]:9101 or unix:/run/hinit.sock; may be repeated'
complete -c hinit -n '__hinit_at run' -l ready-when -x -d 'The server is ready once these probes of the health check pass, as in `--ready-when "--tcp 127.0.0.1:8000"`; may be repeated'
complete -c hinit -n '__hinit_at run' -l user -x -a '(__fish_complete_users)' -d 'Run the server as this user: NAME or UID, optionally with :GROUP or :GID'
complete -c hinit -n '__hinit_at run' -l keep-groups -d 'With --user, also keep hinit\'s own supplementary groups (docker run --group-add)'
complete -c hinit -n '__hinit_at run' -l umask -x -d 'Umask of the server, in octal'
complete -c hinit -n '__hinit_at run' -l workdir -x -a '(__hinit_directories)' -d 'Working directory of the server'
complete -c hinit -n '__hinit_at run' -s v -l verbose -d 'Also log each signal and each orphan'
complete -c hinit -n '__hinit_at run' -s q -l quiet -d 'Log errors only'
complete -c hinit -n '__hinit_at run' -l quiet-success -d 'Do not log how the server ended if hinit exits with 0: for images that are used as commands'
complete -c hinit -n '__hinit_at run' -s V -l version -d 'Print the version; with --verbose also the commit and how hinit was built'
complete -c hinit -n '__hinit_at run' -s h -l help -d 'Print this help'
complete -c hinit -n '__hinit_at run' -a '(__hinit_server)'

complete -c hinit -n '__hinit_at healthcheck' -l pid-file -r -F -d 'The file that contains the server\'s PID'
complete -c hinit -n '__hinit_at healthcheck' -l no-pid -d 'Do not look at the PID file; only the probes decide'
complete -c hinit -n '__hinit_at healthcheck' -l ready -d 'Also ask hinit whether the server is ready; hinit must run with --notify, --listen or --ready-when'
complete -c hinit -n '__hinit_at healthcheck' -l foreign -d 'Accept the PID file of another program: any owner, no lock'
complete -c hinit -n '__hinit_at healthcheck' -l http -x -d 'Ask a web server: http://127.0.0.1:8000/health or http+unix:///run/app.sock:/health; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l fastcgi -x -d 'Ask a FastCGI server such as PHP-FPM: 127.0.0.1:9000/ping or unix:/run/php/fpm.sock:/ping; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l grpc -x -d 'Ask the health service of a gRPC server: 127.0.0.1:50051[/SERVICE] or unix:/run/app.sock[:/SERVICE]; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l tcp -x -d 'Connect to this address: 127.0.0.1:5432, [::1]:5432 or localhost:5432; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l unix -r -F -d 'Connect to this Unix socket: a path, or @NAME for an abstract one; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l heartbeat -r -F -d 'File that the server must have touched within --max-age; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l max-age -x -d 'How old the heartbeat file may be'
complete -c hinit -n '__hinit_at healthcheck' -l send -x -d 'Text to send, such as `PING\\r\\n`; the escapes are `\\r \\n \\t \\\\ \\xNN`'
complete -c hinit -n '__hinit_at healthcheck' -l reply -x -d 'How the answer must begin, such as `+PONG`; without --send, the server speaks first'
complete -c hinit -n '__hinit_at healthcheck' -l tls -d 'Use TLS for --send and --reply (only hinit-tls)'
complete -c hinit -n '__hinit_at healthcheck' -l method -x -a 'GET HEAD POST' -d 'Method of the HTTP request, such as HEAD or POST'
complete -c hinit -n '__hinit_at healthcheck' -l header -x -d 'Header field to send, such as `Accept: text/plain`, or metadata of gRPC; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l body -x -d 'Body of the HTTP request; hinit sets its Content-Length'
complete -c hinit -n '__hinit_at healthcheck' -l expect -x -d 'HTTP status codes that are healthy, such as 200 or 200-299,304; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l contains -x -d 'Text that the first 64 KiB of the body must contain; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l lacks -x -d 'Text that the body, of at most 64 KiB, must not contain; may be repeated'
complete -c hinit -n '__hinit_at healthcheck' -l timeout -x -d 'Time limit for the whole check: 500ms, 2s, 1.5s, 1m; a bare number is seconds'
complete -c hinit -n '__hinit_at healthcheck' -l json -d 'Print one JSON object instead of text'
complete -c hinit -n '__hinit_at healthcheck' -s q -l quiet -d 'Print nothing, only set the exit code'
complete -c hinit -n '__hinit_at healthcheck' -s h -l help -d 'Print this help'

complete -c hinit -n '__hinit_at signal' -l pid-file -r -F -d 'The file that contains the server\'s PID'
complete -c hinit -n '__hinit_at signal' -l foreign -d 'Accept the PID file of another program: any owner, no lock'
complete -c hinit -n '__hinit_at signal' -l wait -x -d 'Wait up to this time for the server to exit; exit with 1 if it has not'
complete -c hinit -n '__hinit_at signal' -s h -l help -d 'Print this help'
complete -c hinit -n '__hinit_at signal' -a '$__hinit_signals'

complete -c hinit -n '__hinit_at status' -l pid-file -r -F -d 'The file that contains the server\'s PID'
complete -c hinit -n '__hinit_at status' -l foreign -d 'Accept the PID file of another program: any owner, no lock'
complete -c hinit -n '__hinit_at status' -l json -d 'Print one JSON object instead of text'
complete -c hinit -n '__hinit_at status' -s h -l help -d 'Print this help'

complete -c hinit -n '__hinit_at install' -s h -l help -d 'Print this help'
complete -c hinit -n '__hinit_at install' -F
# end
