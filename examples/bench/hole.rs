//! What an endpoint that swallows packets costs an ADD: one of three, and the one that answered last time.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::plugin::environment;
use crate::process::Call;
use crate::samples::Samples;

/// More connections than a listener takes that may keep one waiting.
const MOST_WAITING: usize = 8;
/// A connection on loopback that takes longer is not answered at all.
const ANSWERED_WITHIN: Duration = Duration::from_millis(200);

/// A listener whose queue is full, so that the kernel drops what comes.
#[derive(Debug)]
pub(crate) struct Hole {
    url: String,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Hole {
    /// Opens it on loopback, and makes sure that it answers nobody.
    pub(crate) async fn open() -> Result<Hole, String> {
        let listener = one_waiting().map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let mut waiting = Vec::new();
        while let Ok(answer) =
            tokio::time::timeout(ANSWERED_WITHIN, TcpStream::connect(address)).await
        {
            waiting.push(answer.map_err(|error| error.to_string())?);
            if MOST_WAITING < waiting.len() {
                return Err("a listener takes more than it was told to".to_owned());
            }
        }
        Ok(Hole {
            url: format!("http://{address}"),
            _listener: listener,
            _waiting: waiting,
        })
    }
}

fn one_waiting() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    socket.listen(1)
}

/// What was measured: an ADD whose node last used the endpoint that is a hole by now, and the next one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) first: Samples,
    pub(crate) next: Samples,
}

/// A node with three endpoints, one of which is a hole.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    plugin: &'a Path,
    hole: &'a Hole,
    endpoints: String,
    run_dir: PathBuf,
}

impl Node<'_> {
    /// The other two endpoints are the one member under two names.
    pub(crate) fn new<'a>(
        plugin: &'a Path,
        hole: &'a Hole,
        member: &str,
        run_dir: PathBuf,
    ) -> Node<'a> {
        let other = member.replace("127.0.0.1", "localhost");
        Node {
            plugin,
            hole,
            endpoints: format!("{},{member},{other}", hole.url),
            run_dir,
        }
    }

    /// Measures both ADDs so often.
    pub(crate) fn measure(&self, rounds: u64) -> Result<Measured, String> {
        let mut measured = Measured::default();
        let unmeasured = &mut Samples::default();
        self.call("ADD", "hole-0").measure(unmeasured)?;
        for number in 1..=rounds {
            self.point_at_the_hole()?;
            let containers = [format!("hole-{number}"), format!("next-{number}")];
            self.call("ADD", &containers[0])
                .measure(&mut measured.first)?;
            self.call("ADD", &containers[1])
                .measure(&mut measured.next)?;
            for container in &containers {
                self.call("DEL", container).measure(unmeasured)?;
            }
        }
        Ok(measured)
    }

    /// Makes the hole the endpoint that answered last.
    fn point_at_the_hole(&self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.run_dir.display());
        let stores = std::fs::read_dir(&self.run_dir).map_err(failed)?;
        for store in stores {
            let file = store.map_err(failed)?.path().join("hole.json");
            let text = std::fs::read_to_string(&file).map_err(failed)?;
            let mut hint: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            hint["endpoint"] = Value::from(self.hole.url.as_str());
            std::fs::write(&file, hint.to_string()).map_err(failed)?;
        }
        Ok(())
    }

    fn call(&self, verb: &str, container: &str) -> Call {
        let mut environment = environment(verb, container);
        let run_dir = self.run_dir.display().to_string();
        environment.push(("BLOCK_IPAM_RUN_DIR".to_owned(), run_dir));
        Call {
            program: self.plugin.to_owned(),
            arguments: Vec::new(),
            environment,
            stdin: format!(
                r#"{{"cniVersion":"1.0.0","name":"bench","type":"bridge","nodename":"hole","etcd_endpoints":"{}","ipam":{{"type":"block-ipam"}}}}"#,
                self.endpoints
            ),
        }
    }
}
