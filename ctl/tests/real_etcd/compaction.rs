//! A store that is compacted while `ipam check` reads it: the check begins again, and says so.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use block_ipam::datastore::settings::{EtcdSettings, StoreSettings, TlsSettings};
use block_ipam::datastore::{Datastore, OnAbsent, OpenOptions, Txn, Write as Put, open};
use block_ipam::entropy::SystemEntropy;
use block_ipam_testing::etcd::EtcdServer;

use crate::{ipamctl, text};

/// More than the first page has.
const BLOCKS: u32 = 600;
/// Stands in every request that reads blocks, and in no answer that this test looks at.
const OF_BLOCKS: &[u8] = b"/calico/ipam/v2/assignment/";

fn store(url: &str) -> Arc<dyn Datastore> {
    let settings = StoreSettings::Etcd(EtcdSettings {
        endpoints: vec![url.to_owned()],
        tls: TlsSettings::default(),
        login: None,
    });
    let options = OpenOptions {
        on_absent: OnAbsent::Refuse,
        timeout: Duration::from_secs(10),
        prefer: None,
        entropy: &SystemEntropy,
    };
    open(&settings, &options).expect("a store")
}

async fn fill(store: &dyn Datastore) {
    let block = |index: u32| {
        let base = std::net::Ipv4Addr::from_bits((10 << 24) + index * 4);
        let key = format!("/calico/ipam/v2/assignment/ipv4/block/{base}-30");
        let value = format!(
            r#"{{"cidr":"{base}/30","affinity":null,"allocations":[null,null,null,null],"unallocated":[0,1,2,3],"attributes":[],"deleted":false}}"#
        );
        Put::Put(key, value.into_bytes())
    };
    let all: Vec<u32> = (0..BLOCKS).collect();
    for part in all.chunks(100) {
        let txn = Txn {
            guards: Vec::new(),
            writes: part.iter().map(|index| block(*index)).collect(),
        };
        store.commit(txn).await.expect("a commit");
    }
}

/// A proxy before etcd that compacts it before it passes on the second request about blocks: the second page is gone then.
fn compacting(server: Arc<EtcdServer>, times: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let seen = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (server, seen) = (Arc::clone(&server), Arc::clone(&seen));
            std::thread::spawn(move || forward(client, &server, &seen, times));
        }
    });
    url
}

fn forward(mut client: TcpStream, server: &EtcdServer, seen: &AtomicUsize, times: usize) {
    let url = server.url();
    let place = url.trim_start_matches("http://");
    let mut etcd = TcpStream::connect(place).expect("etcd takes connections");
    let (mut answers, mut back) = (
        etcd.try_clone().expect("a socket"),
        client.try_clone().expect("a socket"),
    );
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut chunk = vec![0; 1 << 16];
    while let Ok(length @ 1..) = client.read(&mut chunk) {
        let is_of_blocks = chunk[..length]
            .windows(OF_BLOCKS.len())
            .any(|window| window == OF_BLOCKS);
        if is_of_blocks && seen.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            compact(server, seen, times);
        }
        if etcd.write_all(&chunk[..length]).is_err() {
            break;
        }
    }
    let _ = etcd.shutdown(Shutdown::Both);
}

fn compact(server: &EtcdServer, seen: &AtomicUsize, times: usize) {
    if 2 * times < seen.load(Ordering::Relaxed) {
        return;
    }
    let status = server.etcdctl(&["put", "other", "x", "-w", "json"]);
    let json: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let revision = json["header"]["revision"].as_u64().expect("a revision");
    server.etcdctl(&["compact", &revision.to_string()]);
}

#[tokio::test]
async fn a_check_of_a_store_that_is_compacted_meanwhile_begins_again_and_says_so() {
    let server = Arc::new(EtcdServer::start());
    fill(store(&server.url()).as_ref()).await;
    let url = compacting(Arc::clone(&server), 1);
    let output = ipamctl(&[("ETCD_ENDPOINTS", &url)], &["ipam", "check"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(
        text.contains("The store was compacted while it was read: the check began again"),
        "{text}"
    );
    assert!(text.contains("600 blocks"), "{text}");
}

#[tokio::test]
async fn a_store_that_is_compacted_again_and_again_is_given_up_with_words() {
    let server = Arc::new(EtcdServer::start());
    fill(store(&server.url()).as_ref()).await;
    let url = compacting(Arc::clone(&server), 1_000);
    let output = ipamctl(&[("ETCD_ENDPOINTS", &url)], &["ipam", "check"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("compact it less often"), "{text}");
}
