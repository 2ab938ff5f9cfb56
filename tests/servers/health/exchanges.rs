//! Servers that a probe asks in their own words, or whose banner it reads: by --send and --reply.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use nix::unistd::User;

use super::sockets::{postgresql_at, redis};
use super::*;
use crate::postgresql::Cluster;

static PING: [&str; 4] = ["--send", r"PING\r\n", "--reply", "+PONG"];
static VERSION: [&str; 4] = ["--send", r"version\r\n", "--reply", "VERSION "];
static STATS: [&str; 4] = ["--send", r"stats\r\n", "--reply", "OK "];
static RUOK: [&str; 4] = ["--send", "ruok", "--reply", "imok"];
static SRVR: [&str; 4] = ["--send", "srvr", "--reply", "Zookeeper version: "];
static SSL_REQUEST: [&str; 4] = [
    "--send",
    r"\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "--reply",
    "N",
];

/// The verdict on this exchange, without the name of the probe.
#[track_caller]
fn exchange(port: &Port, send: &str, reply: &str) -> String {
    let address = port.address();
    let mut options = vec!["--tcp", &address, "--reply", reply];
    if !send.is_empty() {
        options.extend(["--send", send]);
    }
    check_probes(&options).replace(&format!("tcp {address} "), "")
}

#[track_caller]
fn is_refused(port: &Port, send: &str, reply: &str, shown: &str) {
    let expected = format!("unhealthy: answered `{shown}` instead of --reply after Nms");
    assert_eq!(exchange(port, send, reply), expected);
}

#[test]
fn redis_with_and_without_a_password() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = redis(&home, &port, &[]) else {
        return;
    };
    let path = home.join("socket");
    let probes = [
        Probe::tcp(&port).expecting(&PING),
        Probe::unix(&path).expecting(&PING),
    ];
    while_running(&home, server, &probes, |_| {
        is_refused(
            &port,
            r"PONG\r\n",
            "+PONG",
            r"-ERR unknown command 'PONG', with args beginning with: \r\n",
        );
    });
    let server = redis(&home, &port, &["--requirepass", "secret"]).unwrap();
    while_running(&home, server, &[Probe::tcp(&port)], |_| {
        is_refused(
            &port,
            PING[1],
            "+PONG",
            r"-NOAUTH Authentication required.\r\n",
        );
        let wrong = r"-WRONGPASS invalid username-password pair or user is disabled.\r\n";
        is_refused(&port, r"AUTH public\r\n", "+OK", wrong);
        let send = r"AUTH secret\r\nPING\r\n";
        let healthy = "healthy: answered as expected after Nms";
        assert_eq!(exchange(&port, send, r"+OK\r\n+PONG"), healthy);
    });
}

/// It accepts connections all the time, and answers while it waits 100 ms after each of 1,000 keys.
#[test]
fn redis_that_loads_its_data_is_unhealthy() {
    let (home, port) = (Home::new(), Port::new());
    let load = "--key-load-delay 100000 --loading-process-events-interval-bytes 1024";
    let load: Vec<&str> = load.split(' ').collect();
    let Some(server) = redis(&home, &port, &load) else {
        return;
    };
    // Its own format: database 0, strings with keys of 5 bytes and values of 0x44c, and no checksum.
    let mut data = b"REDIS0009\xfe\x00".to_vec();
    for key in 0..1000 {
        data.extend(format!("\x00\x05{key:05}").bytes());
        data.extend([0x44, 0x4c]);
        data.extend([b'x'; 0x44c]);
    }
    data.extend(b"\xff\0\0\0\0\0\0\0\0");
    fs::write(home.join("dump.rdb"), data).unwrap();
    while_running(&home, server, &[Probe::tcp(&port)], |_| {
        let loading = r"-LOADING Redis is loading the dataset in memory\r\n";
        is_refused(&port, PING[1], "+PONG", loading);
    });
}

#[test]
fn memcached() {
    let (home, port) = (Home::new(), Port::new());
    let Some(memcached) = installed("memcached", Some("/usr/bin/memcached".into())) else {
        return;
    };
    let server = home.start(Mode::Subreaper, &[]).args([memcached]);
    let server = server.args(["-u", "nobody", "-l", "127.0.0.1"]);
    let server = server.args(["-p", &port.number.to_string()]);
    let probes = [Probe::tcp(&port), Probe::tcp(&port).expecting(&VERSION)];
    while_running(&home, server, &probes, |_| {
        is_refused(&port, r"verson\r\n", "VERSION ", r"ERROR\r\n");
    });
}

#[test]
fn beanstalkd() {
    let (home, port) = (Home::new(), Port::new());
    let Some(beanstalkd) = installed("beanstalkd", Some("/usr/bin/beanstalkd".into())) else {
        return;
    };
    // It has no handler for SIGTERM.
    let server = home.start(Mode::Subreaper, &["--clean-stop"]);
    let server = server.args([beanstalkd]).args(["-l", "127.0.0.1"]);
    let server = server.args(["-p", &port.number.to_string()]);
    let probes = [Probe::tcp(&port).expecting(&STATS)];
    while_running(&home, server, &probes, |_| {
        is_refused(&port, r"stat\r\n", "OK ", r"UNKNOWN_COMMAND\r\n");
    });
}

/// A hinit that will start ZooKeeper by Debian's library alone, with these lines of configuration.
fn zookeeper(home: &Home, port: &Port, lines: &str) -> Option<Start> {
    const JAR: &str = "/usr/share/java/zookeeper.jar";
    installed("ZooKeeper", Some(JAR.into()))?;
    let java = installed("Java", Some("/usr/bin/java".into()))?;
    let data = home.join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("myid"), "1").unwrap();
    let configuration = format!(
        "dataDir={}\nclientPortAddress=127.0.0.1\nclientPort={}\nadmin.enableServer=false\n{lines}",
        data.display(),
        port.number
    );
    let file = home.join("zoo.cfg");
    fs::write(&file, configuration).unwrap();
    // Java catches SIGTERM, and exits as if it had killed the process.
    let server = home.start(Mode::Subreaper, &["--map-exit", "TERM=0"]);
    let server = server.args([java]).args(["-cp", JAR]);
    let server = server.args(["org.apache.zookeeper.server.quorum.QuorumPeerMain"]);
    Some(server.args([file]))
}

/// Without a setting it answers only one of its words.
#[test]
fn zookeeper_alone() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = zookeeper(&home, &port, "") else {
        return;
    };
    let probes = [Probe::tcp(&port).expecting(&SRVR)];
    while_running(&home, server, &probes, |_| {
        let refused = r"ruok is not executed because it is not in the whitelist.\n";
        is_refused(&port, RUOK[1], RUOK[3], refused);
    });
}

/// `ruok` asks only whether it runs: it is well without the other half of its ensemble, while no client is served.
#[test]
fn zookeeper_without_a_quorum() {
    let (home, port) = (Home::new(), Port::new());
    let ports = [(); 4].map(|()| Port::new());
    let [a, b, c, d] = ports.each_ref().map(|port| port.number);
    let lines = format!(
        "4lw.commands.whitelist=ruok,srvr\ntickTime=2000\ninitLimit=5\nsyncLimit=2\n\
         server.1=127.0.0.1:{a}:{b}\nserver.2=127.0.0.1:{c}:{d}\n"
    );
    let Some(server) = zookeeper(&home, &port, &lines) else {
        return;
    };
    let probes = [Probe::tcp(&port).expecting(&RUOK)];
    while_running(&home, server, &probes, |_| {
        let refused = r"This ZooKeeper instance is not currently serving requests\n";
        is_refused(&port, SRVR[1], SRVR[3], refused);
    });
}

/// Its banner is text that the client does not ask for.
#[test]
fn openssh() {
    let (home, port) = (Home::new(), Port::new());
    if !is_root() {
        return cannot_run("must be root, to run sshd");
    }
    let Some(sshd) = installed("sshd", Some("/usr/sbin/sshd".into())) else {
        return;
    };
    // It requires this directory for its unprivileged children.
    fs::create_dir_all("/run/sshd").unwrap();
    let key = home.join("key").display().to_string();
    let keygen = ["-q", "-t", "ed25519", "-N", "", "-f", &key];
    let made = Command::new("ssh-keygen").args(keygen).status().unwrap();
    assert!(made.success());
    let server = home.start(Mode::Subreaper, &[]).args([sshd]);
    let server = server.args(["-D", "-f", "/dev/null", "-h", &key]);
    let server = server.args(["-o", &format!("ListenAddress={}", port.address())]);
    let server = server.args(["-o", "PidFile=none"]);
    let probes = [Probe::tcp(&port).expecting(&["--reply", "SSH-2.0-OpenSSH_"])];
    while_running(&home, server, &probes, |_| {
        let verdict = exchange(&port, "", "220 ");
        let start = "unhealthy: answered `SSH-2.0-OpenSSH_";
        assert!(verdict.starts_with(start), "{verdict}");
        assert!(verdict.contains(r"\r\n` instead of --reply"), "{verdict}");
    });
}

/// A hinit that will start Postfix, with these options of its SMTP server.
pub(super) fn postfix_with(home: &Home, port: &Port, options: &str) -> Option<Start> {
    if !is_root() {
        cannot_run("must be root, to run postfix");
        return None;
    }
    let postfix = installed("postfix", Some("/usr/sbin/postfix".into()))?;
    let path = |name: &str| home.join(name).display().to_string();
    // Its daemons change to the user postfix.
    fs::set_permissions(home, Permissions::from_mode(0o755)).unwrap();
    let user = User::from_name("postfix").unwrap().unwrap();
    for name in ["queue", "data"] {
        fs::create_dir(home.join(name)).unwrap();
    }
    chown(home.join("data"), Some(user.uid.as_raw()), None).unwrap();
    let (queue, data) = (path("queue"), path("data"));
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n\
         myhostname = mail.example\ninet_protocols = ipv4\nmaillog_file = /dev/stdout\n"
    );
    let services = format!(
        "{} inet n - n - - smtpd {options}\npostlog unix-dgram n - n - 1 postlogd\n\
         proxymap unix - - n - - proxymap\nanvil unix - - n - 1 anvil\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n",
        port.address()
    );
    fs::write(home.join("main.cf"), main).unwrap();
    fs::write(home.join("master.cf"), services).unwrap();
    // Its script has no handler for SIGTERM.
    let server = home.start(Mode::Subreaper, &["--clean-stop"]);
    let server = server.args([postfix.display().to_string(), "-c".into(), path("")]);
    Some(server.args(["start-fg"]))
}

/// Its banner as well; and a request that is sent too early, which it answers after the banner.
#[test]
fn postfix() {
    let (home, port) = (Home::new(), Port::new());
    let Some(server) = postfix_with(&home, &port, "") else {
        return;
    };
    let probes = [Probe::tcp(&port).expecting(&["--reply", "220 mail.example ESMTP"])];
    while_running(&home, server, &probes, |_| {
        let banner = r"220 mail.example ESMTP Postfix\r\n";
        is_refused(&port, r"NOOP\r\n", "250", banner);
    });
}

/// Its answer to a request for SSL is one byte, from a process that it forks for the connection.
#[test]
fn postgresql() {
    let Some(cluster) = Cluster::new(Mode::Subreaper) else {
        return;
    };
    let port = Port::new();
    let (server, socket) = postgresql_at(&cluster, &port);
    let probes = [
        Probe::tcp(&port).expecting(&SSL_REQUEST),
        Probe::unix(&socket).expecting(&SSL_REQUEST),
    ];
    while_running(&cluster.home, server, &probes, |_| {
        is_refused(&port, SSL_REQUEST[1], "S", "N");
    });
}
