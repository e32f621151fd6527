//! A real etcd on loopback, with free ports and a folder of its own. It dies with its value.
//!
//! **Invariant:** where there is no etcd the test fails and says how to get it; nothing is skipped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;
use tokio::net::TcpSocket;

const INSTALL: &str = "apt-get install -y --no-install-recommends etcd-server etcd-client";
/// Lines of its log. It serves once all were written; before the last it refuses requests as "not capable".
const READY: [&str; 2] = ["serving client traffic", "enabled capabilities for version"];

/// How to start an etcd.
#[derive(Debug, Clone, Default)]
pub struct EtcdOptions {
    /// The certificates of server and clients; the server then wants one from each client.
    pub certificates: Option<PathBuf>,
    /// Further arguments, such as `--quota-backend-bytes=...`.
    pub arguments: Vec<String>,
    /// The network namespace that it runs in, and whose loopback it listens on; this process's if `None`.
    pub namespace: Option<PathBuf>,
}

/// A running etcd of one member.
#[derive(Debug)]
pub struct EtcdServer {
    folder: TempDir,
    options: EtcdOptions,
    client_port: u16,
    peer_port: u16,
    process: Child,
}

impl EtcdServer {
    /// Starts an etcd without authentication and waits until it serves.
    ///
    /// # Panics
    /// Where etcd is not installed, or does not start.
    pub fn start() -> EtcdServer {
        EtcdServer::start_with(EtcdOptions::default())
    }

    /// Starts an etcd with these options and waits until it serves.
    ///
    /// # Panics
    /// Where etcd is not installed, or does not start.
    pub fn start_with(options: EtcdOptions) -> EtcdServer {
        let folder = TempDir::new().expect("a folder for etcd can be made");
        // Another process may take a port between the look and the start: then there are others.
        for _ in 0..5 {
            let [client_port, peer_port] = free_ports();
            let process = spawn(folder.path(), &options, client_port, peer_port);
            if let Some(process) = process {
                return EtcdServer {
                    folder,
                    options,
                    client_port,
                    peer_port,
                    process,
                };
            }
        }
        panic!("etcd does not start; its last words stand above");
    }

    /// Returns the URL of its clients.
    pub fn url(&self) -> String {
        url(&self.options, self.client_port)
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it at once, as a power failure would.
    ///
    /// # Panics
    /// Where the process cannot be killed.
    pub fn kill(&mut self) {
        self.process.kill().expect("a child can be killed");
        self.process.wait().expect("a killed child ends");
    }

    /// Starts it again on its ports and data.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let ports = (self.client_port, self.peer_port);
        let process = spawn(self.folder.path(), &self.options, ports.0, ports.1);
        self.process = process.expect("etcd starts again; its last words stand above");
    }

    /// Ends it, and starts it again on its ports with what a snapshot holds, as an operator would restore it. A cluster
    /// of another token has another identity.
    ///
    /// # Panics
    /// Where `etcdctl` is not installed, or the snapshot cannot be restored.
    pub fn restore(&mut self, snapshot: &Path, token: &str) {
        self.kill();
        let data = self.folder.path().join("test");
        std::fs::remove_dir_all(&data).expect("its data can be removed");
        let peer = format!("http://127.0.0.1:{}", self.peer_port);
        let mut command = Command::new("etcdctl");
        command
            .env("ETCDCTL_API", "3")
            .args(["snapshot", "restore"]);
        command.arg(snapshot).arg("--data-dir").arg(&data);
        command.args(["--name", "test", "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("test={peer}")]);
        command.args(["--initial-cluster-token", token]);
        let output = command.output();
        let output = output.unwrap_or_else(|error| panic!("etcdctl: {error}; {INSTALL}"));
        assert!(output.status.success(), "{output:?}");
        let ports = (self.client_port, self.peer_port);
        let process = spawn(self.folder.path(), &self.options, ports.0, ports.1);
        self.process = process.expect("etcd starts again; its last words stand above");
    }

    /// Stops it without ending it: its connections stay open and nothing answers.
    ///
    /// # Panics
    /// Where there is no `kill` command.
    pub fn pause(&self) {
        signal(self.process.id(), "STOP");
    }

    /// Lets it go on after [`EtcdServer::pause`].
    ///
    /// # Panics
    /// Where there is no `kill` command.
    pub fn resume(&self) {
        signal(self.process.id(), "CONT");
    }

    /// Runs `etcdctl` on it, and returns what it wrote.
    ///
    /// # Panics
    /// Where `etcdctl` is not installed, or fails.
    pub fn etcdctl(&self, arguments: &[&str]) -> String {
        let output = self.try_etcdctl(arguments);
        assert!(output.status.success(), "etcdctl {arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `etcdctl` on it.
    ///
    /// # Panics
    /// Where `etcdctl` is not installed.
    pub fn try_etcdctl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("etcdctl");
        command
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &self.url()]);
        if let Some(folder) = &self.options.certificates {
            let file = |name: &str| folder.join(name).into_os_string();
            command.arg("--cacert").arg(file("ca.crt"));
            command
                .arg("--cert")
                .arg(file("client.crt"))
                .arg("--key")
                .arg(file("client.key"));
        }
        let output = command.args(arguments).output();
        output.unwrap_or_else(|error| panic!("etcdctl: {error}; {INSTALL}"))
    }

    /// Returns the value of one of its metrics, as `/metrics` spells its name with labels; 0 if it is not there yet.
    ///
    /// # Panics
    /// Where it does not answer over plain HTTP.
    pub fn metric(&self, name: &str) -> u64 {
        let text = http_get(self.client_port, "/metrics");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: Option<f64> = line.and_then(|value| value.trim().parse().ok());
        format!("{:.0}", value.unwrap_or(0.0))
            .parse()
            .expect("a count is a number")
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Makes a certificate authority, and certificates of a server on loopback and of the client `ipam`, by
/// `test-env/certs.sh`.
///
/// # Panics
/// Where openssl is not installed.
pub fn make_certificates(folder: &Path) {
    make_certificates_for(folder, 30);
}

/// The same, and the certificates of server and client end after so many days.
///
/// # Panics
/// Where openssl is not installed.
pub fn make_certificates_for(folder: &Path, days: u32) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-env/certs.sh");
    let mut command = Command::new("bash");
    command
        .arg(script)
        .arg(folder)
        .env("DAYS", days.to_string());
    let output = command.output();
    let output = output.expect("bash runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A port on loopback that is taken and where nobody listens: connecting to it is refused, for as long as this lives.
#[derive(Debug)]
pub struct Refusing(TcpSocket);

impl Refusing {
    /// Takes a port.
    ///
    /// # Panics
    /// Where there is no free port.
    pub fn open() -> Refusing {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(any).expect("loopback has a free port");
        Refusing(socket)
    }

    /// Returns its URL.
    ///
    /// # Panics
    /// Never: it is bound.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("it is bound"))
    }
}

/// A listener that takes connections and never says a word, as a stopped machine does.
#[derive(Debug)]
pub struct BlackHole(TcpListener);

impl BlackHole {
    /// Opens it on loopback.
    ///
    /// # Panics
    /// Where there is no free port.
    pub fn open() -> BlackHole {
        BlackHole(TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"))
    }

    /// Returns its URL.
    ///
    /// # Panics
    /// Never: it is bound.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("it is bound"))
    }

    /// Returns whether anybody connected since it was opened or asked last.
    ///
    /// # Panics
    /// Where the listener fails.
    pub fn was_tried(&self) -> bool {
        self.0
            .set_nonblocking(true)
            .expect("a listener need not block");
        self.0.accept().is_ok()
    }
}

fn url(options: &EtcdOptions, port: u16) -> String {
    let scheme = if options.certificates.is_some() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://127.0.0.1:{port}")
}

pub(crate) fn free_ports() -> [u16; 2] {
    let free = || TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    // Both are held until both are known, so that they differ.
    [free(), free()].map(|held| held.local_addr().expect("it is bound").port())
}

/// Starts etcd; `None` if it ended before it served.
fn spawn(folder: &Path, options: &EtcdOptions, client_port: u16, peer_port: u16) -> Option<Child> {
    let client = url(options, client_port);
    let peer = format!("http://127.0.0.1:{peer_port}");
    let mut command = member("test", folder, &client, &peer, &format!("test={peer}"));
    if let Some(folder) = &options.certificates {
        let file = |name: &str| folder.join(name).into_os_string();
        command
            .arg("--client-cert-auth")
            .arg("--trusted-ca-file")
            .arg(file("ca.crt"));
        command.arg("--cert-file").arg(file("server.crt"));
        command.arg("--key-file").arg(file("server.key"));
    }
    command.args(&options.arguments);
    let mut command = in_namespace(options.namespace.as_deref(), command);
    wait_until_it_serves(begin(&mut command))
}

/// The command of a member of a cluster.
pub(crate) fn member(
    name: &str,
    folder: &Path,
    client: &str,
    peer: &str,
    all_peers: &str,
) -> Command {
    let mut command = Command::new("etcd");
    command.args(["--name", name, "--logger=zap", "--log-outputs=stderr"]);
    command.arg("--data-dir").arg(folder.join(name));
    command.args(["--listen-client-urls", client]);
    command.args(["--advertise-client-urls", client]);
    command.args(["--listen-peer-urls", peer]);
    command.args(["--initial-advertise-peer-urls", peer]);
    command.args(["--initial-cluster", all_peers]);
    command
}

/// Starts it with its log as a pipe.
pub(crate) fn begin(command: &mut Command) -> Child {
    let spawned = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    spawned.unwrap_or_else(|error| panic!("etcd: {error}; {INSTALL}"))
}

/// The same command in a network namespace.
fn in_namespace(namespace: Option<&Path>, command: Command) -> Command {
    let Some(namespace) = namespace else {
        return command;
    };
    let mut inside = Command::new("nsenter");
    inside.arg(format!("--net={}", namespace.display()));
    inside
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    inside
}

/// Reads the log until etcd serves. The rest is read and thrown away, for a full pipe would stop it.
pub(crate) fn wait_until_it_serves(mut process: Child) -> Option<Child> {
    let mut log = BufReader::new(process.stderr.take().expect("the log is a pipe"));
    let mut seen = String::new();
    while !READY.iter().all(|line| seen.contains(line)) {
        let read = log.read_line(&mut seen).expect("the log is text");
        if read == 0 {
            process.wait().expect("a child whose log ended ends");
            let last: Vec<&str> = seen.lines().rev().take(3).collect();
            let _ = writeln!(std::io::stderr(), "etcd ended: {last:#?}");
            return None;
        }
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Some(process)
}

pub(crate) fn signal(process: u32, name: &str) {
    let arguments = [format!("-{name}"), process.to_string()];
    let status = Command::new("kill")
        .args(arguments)
        .status()
        .expect("there is a kill command");
    assert!(status.success(), "kill -{name} {process}");
}

fn http_get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("etcd takes connections");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").expect("etcd reads");
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .expect("etcd answers with text");
    text
}
