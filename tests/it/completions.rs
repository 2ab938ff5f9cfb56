//! The completions of docker/completions, in each shell.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::*;

/// Command lines up to the cursor, and what each shell suggests.
const LINES: [(&str, &[&str]); 31] = [
    // hinit's commands, only as the first word.
    ("hinit healthch", &["healthcheck"]),
    ("hinit run healthch", &[]),
    ("hinit -g healthch", &[]),
    // The options of the command.
    ("hinit --no-d", &["--no-drain"]),
    ("hinit run --no-d", &["--no-drain"]),
    ("hinit --pid", &["--pid-file", "--pid-file-mode"]),
    ("hinit healthcheck --no", &["--no-pid"]),
    ("hinit signal USR1 --fo", &["--foreign"]),
    ("hinit status --js", &["--json"]),
    ("hinit status --no", &[]),
    ("hinit install --he", &["--help"]),
    // Values, also joined ones.
    ("hinit --pid-file si", &["site.conf", "sites"]),
    ("hinit run --pid-file=si", &["site.conf", "sites"]),
    ("hinit --workdir si", &["sites"]),
    ("hinit --workdir=si", &["sites"]),
    ("hinit --user roo", &["root"]),
    ("hinit --user=roo", &["root"]),
    ("hinit --parent-death=US", &["USR1", "USR2"]),
    ("hinit --stop-signal TERM,QU", &["QUIT"]),
    ("hinit healthcheck --method ", &["GET", "HEAD", "POST"]),
    ("hinit healthcheck --method=", &["GET", "HEAD", "POST"]),
    ("hinit --grace ", &[]),
    ("hinit --rewrite HUP=INT --no-d", &["--no-drain"]),
    ("hinit --listen unix:/run/a:b --no-d", &["--no-drain"]),
    // Operands.
    ("hinit signal --wait 3s US", &["USR1", "USR2"]),
    ("hinit install si", &["site.conf", "sites"]),
    ("hinit a-server-of-th", &["a-server-of-the-test"]),
    ("hinit -g -- a-server-of-th", &["a-server-of-the-test"]),
    // The server's own arguments.
    (
        "hinit --user root -- a-server-of-the-test si",
        &["site.conf", "sites"],
    ),
    ("hinit run a-server-of-the-test si", &["site.conf", "sites"]),
    ("hinit a-server-of-the-test --no-d", &[]),
];

/// The probes print what is suggested for each line of their stdin, in one line. Their first argument is the file with
/// the completions.
///
/// bash itself completes paths, and splits words at `=` and `:`.
const BASH: &str = r#"
source "$1"
compopt() {
    case $2 in
    default) paths=-f ;;
    dirnames) paths=-d ;;
    esac
}
while IFS= read -r line; do
    read -ra COMP_WORDS <<<"$(sed 's/[=:][=:]*/ & /g' <<<"$line")"
    [[ $line != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) paths=''
    _hinit
    [[ ! $paths ]] || mapfile -t COMPREPLY < <(compgen "$paths" -- "${COMP_WORDS[COMP_CWORD]#=}")
    echo "${COMPREPLY[*]}"
done
"#;

const FISH: &str = r"
source $argv[1]
while read --local --line line
    echo (complete -C $line | string split --fields 1 \t)
end
";

/// Only a widget of the line editor can complete, and that needs a terminal. The probe runs before the first prompt of
/// a shell whose .zshrc it is.
const ZSH: &str = r"
zmodload zsh/zpty
cat >lines
: >suggested
ZDOTDIR=$PWD zpty terminal zsh -d -i
while zpty -r terminal line; do :; done
cat suggested
";

const ZSHRC: &str = r#"
fpath=($COMPLETIONS $fpath)
autoload -U compinit && compinit -D -u
# Every suggestion passes this, also those that are only kept in an array (-O, -A, -D).
compadd() {
    if [[ " ${@[1,(i)(-|--)]}" != *\ -(O|A|D)* ]]; then
        local -a matches
        builtin compadd -A matches "$@"
        suggestions+=($matches)
    fi
    builtin compadd "$@"
}
zle -C suggest list-choices _main_complete
zle-line-init() {
    local line
    while IFS= read -r line; do
        suggestions=()
        BUFFER=$line CURSOR=$#line
        zle suggest
        print -r -- $suggestions >>suggested
    done <lines
    exit
}
zle -N zle-line-init
"#;

fn completions() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/docker/completions").to_owned()
}

fn is_installed(shell: &str) -> bool {
    let found = Command::new(shell).arg("--version").output().is_ok();
    can_run(found, &format!("not installed: {shell}"))
}

/// What a shell prints that runs this program with these lines as its input, in a directory with files to suggest.
fn output(shell: &[&str], file: &str, input: &str) -> Vec<String> {
    let dir = TempDir::new();
    fs::write(dir.join("site.conf"), "").unwrap();
    fs::create_dir(dir.join("sites")).unwrap();
    fs::create_dir(dir.join("bin")).unwrap();
    fs::write(dir.join("bin/a-server-of-the-test"), "").unwrap();
    set_mode(dir.join("bin/a-server-of-the-test"), 0o755);
    fs::write(dir.join(".zshrc"), ZSHRC).unwrap();

    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", dir.join("bin").display());
    let mut child = Command::new("timeout")
        .arg(bound().as_secs().to_string())
        .args(shell)
        .arg(format!("{}/{file}", completions()))
        .current_dir(&dir)
        .env("HOME", dir.as_ref())
        .env("PATH", path)
        .env("COMPLETIONS", completions())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let ended = child.wait_with_output().unwrap();
    let errors = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), errors.as_str()), (Some(0), ""));
    let text = String::from_utf8(ended.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Checks all lines. A suggestion may repeat what comes before its value, and end with a slash.
#[track_caller]
fn suggests_for_each_line(shell: &[&str], file: &str) {
    let lines = LINES.map(|(line, _)| line);
    let suggested = output(shell, file, &(lines.join("\n") + "\n"));
    for (index, (line, expected)) in LINES.iter().enumerate() {
        let found = suggested.get(index).map_or("none", String::as_str);
        let words = found.split_whitespace().map(|word| {
            let value = word.rsplit(['=', ',']).next().unwrap();
            value.trim_end_matches('/')
        });
        let words: BTreeSet<&str> = words.collect();
        assert_eq!(words, expected.iter().copied().collect(), "{line}");
    }
    assert_eq!(suggested.len(), LINES.len());
}

#[test]
fn bash_suggests_what_the_command_line_may_contain() {
    suggests_for_each_line(&["bash", "-c", BASH, "bash"], "hinit.bash");
}

#[test]
fn fish_suggests_what_the_command_line_may_contain() {
    if is_installed("fish") {
        suggests_for_each_line(&["fish", "--no-config", "-c", FISH], "hinit.fish");
    }
}

#[test]
fn zsh_suggests_what_the_command_line_may_contain() {
    if is_installed("zsh") {
        suggests_for_each_line(&["zsh", "-f", "-c", ZSH, "zsh"], "_hinit");
    }
}

#[test]
fn each_shell_accepts_its_file() {
    for (shell, file) in [
        ("bash", "hinit.bash"),
        ("zsh", "_hinit"),
        ("fish", "hinit.fish"),
    ] {
        if is_installed(shell) {
            assert_eq!(output(&[shell, "-n"], file, ""), [""; 0], "{shell}");
        }
    }
}

/// bash replaces only the part of a word that follows the last break.
#[test]
fn bash_gets_the_part_that_it_replaces() {
    for (words, expected) in [
        (&["--user", "=", "roo"][..], "root"),
        (&["--user=roo"], "--user=root"),
        (&["--stop-signal", "=", "TERM,QU"], "TERM,QUIT"),
        (&["--stop-signal=TERM,QU"], "--stop-signal=TERM,QUIT"),
        (&["healthcheck", "--method", "=", "H"], "HEAD"),
    ] {
        let probe = r#"
            source "$1"
            compopt() { :; }
            mapfile -t COMP_WORDS
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _hinit
            echo "${COMPREPLY[*]}"
        "#;
        let input = format!("hinit\n{}\n", words.join("\n"));
        let found = output(&["bash", "-c", probe, "bash"], "hinit.bash", &input);
        assert_eq!(found, [expected], "{words:?}");
    }
}

/// bash-completion gets the index of the server's program.
#[test]
fn bash_completion_completes_the_servers_command_line() {
    for (line, index) in [
        ("hinit cat -", 1),
        ("hinit run cat -", 2),
        ("hinit -- cat -", 2),
        ("hinit -g --rewrite HUP=INT -- cat -", 7),
        ("hinit --user=root cat -", 4),
        ("hinit --listen unix:/run/a cat a=b", 5),
    ] {
        for offset in ["_command_offset", "_comp_command_offset"] {
            let probe = format!("{offset}() {{ COMPREPLY=(\"$1\"); }}\n{BASH}");
            let found = output(
                &["bash", "-c", &probe, "bash"],
                "hinit.bash",
                &format!("{line}\n"),
            );
            assert_eq!(found, [index.to_string()], "{line}");
        }
    }
}
