//! `calicoctl ipam check`, which wants a Kubernetes API to ask for Services: one that has none.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::cases::{MANIFESTS, assign};
use super::programs::{Place, Programs, Side};

const NO_SERVICES: &str =
    r#"{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#;

/// What the check reads besides.
const CONTROLLERS: &str = "
apiVersion: projectcalico.org/v3
kind: KubeControllersConfiguration
metadata: {name: default}
spec: {controllers: {}}
";

/// Answers every request on loopback alike, and returns a configuration that leads there.
fn kubernetes() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    format!(
        "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}], contexts: [{{name: c, context: {{cluster: c, user: u}}}}], users: [{{name: u, user: {{}}}}]}}"
    )
}

fn answer(mut stream: TcpStream) {
    let Ok(read) = stream.try_clone() else {
        return;
    };
    let head = BufReader::new(read).lines().map_while(Result::ok);
    // A request without body ends at the first empty line.
    let _ = head.take_while(|line| !line.is_empty()).count();
    let length = NO_SERVICES.len();
    // Who asked may have gone.
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{NO_SERVICES}"
    );
}

pub(super) fn calicoctl_calls_our_addresses_leaked_and_finds_nothing_else(programs: &Programs) {
    let place = Place::new(programs, MANIFESTS);
    place.calicoctl_with(&["create"], CONTROLLERS).done();
    let given = assign(&place, Side::Ours, "n1", &["a", "b"]);
    let arguments = ["ipam", "check", "--show-problem-ips"];
    let checked = place
        .calicoctl_beside_kubernetes(&kubernetes(), &arguments)
        .done();
    let problems = format!("found {} problems", given.len());
    assert!(checked.stdout.contains(&problems), "{checked:#?}");
    for address in given {
        let leaked = checked
            .stdout
            .lines()
            .any(|line| line.contains(&format!("{address} ")) && line.contains("leaked"));
        assert!(leaked, "{address}: {checked:#?}");
    }
    assert!(!checked.stdout.contains("is invalid"), "{checked:#?}");
}
