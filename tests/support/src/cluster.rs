//! A real etcd of three members on loopback. Any one of them can be stopped without ending it, or killed and started again.
//!
//! **Invariant:** where there is no etcd the test fails and says how to get it; nothing is skipped.

use std::process::Child;

use tempfile::TempDir;

use crate::etcd::{begin, free_ports, member, signal, wait_until_it_serves};

const MEMBERS: usize = 3;

/// A running etcd of three members. It dies with its value.
#[derive(Debug)]
pub struct EtcdCluster {
    members: Vec<Member>,
    /// All members with their peers' URLs, as each is told them.
    peers: String,
    folder: TempDir,
}

#[derive(Debug)]
struct Member {
    name: String,
    url: String,
    peer: String,
    process: Child,
}

impl EtcdCluster {
    /// Starts three members without authentication and waits until all serve.
    ///
    /// # Panics
    /// Where etcd is not installed, or does not start.
    pub fn start() -> EtcdCluster {
        // Another process may take a port between the look and the start: then there are others.
        for _ in 0..5 {
            if let Some(cluster) = EtcdCluster::try_start() {
                return cluster;
            }
        }
        panic!("etcd does not start; its last words stand above");
    }

    fn try_start() -> Option<EtcdCluster> {
        let folder = TempDir::new().expect("a folder for etcd can be made");
        let ports: Vec<[u16; 2]> = (0..MEMBERS).map(|_| free_ports()).collect();
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let peers: Vec<String> = ports
            .iter()
            .enumerate()
            .map(|(index, [_, peer])| format!("m{index}={}", url(*peer)))
            .collect();
        let peers = peers.join(",");
        let started: Vec<Member> = ports
            .iter()
            .enumerate()
            .map(|(index, [client, peer])| {
                let (name, client, peer) = (format!("m{index}"), url(*client), url(*peer));
                let mut command = member(&name, folder.path(), &client, &peer, &peers);
                Member {
                    process: begin(&mut command),
                    name,
                    url: client,
                    peer,
                }
            })
            .collect();
        // None serves before most of them run.
        let mut members = Vec::new();
        let mut ended = false;
        for started in started {
            match wait_until_it_serves(started.process) {
                Some(process) => members.push(Member { process, ..started }),
                None => ended = true,
            }
        }
        let cluster = EtcdCluster {
            members,
            peers,
            folder,
        };
        (!ended).then_some(cluster)
    }

    /// Returns the URLs of its clients, one for each member.
    pub fn urls(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|member| member.url.clone())
            .collect()
    }

    /// Stops the member of this URL without ending it: its connections stay open and nothing answers.
    ///
    /// # Panics
    /// Where there is no such member, or no `kill` command.
    pub fn pause(&self, url: &str) {
        signal(self.of(url), "STOP");
    }

    /// Lets it go on after [`EtcdCluster::pause`].
    ///
    /// # Panics
    /// Where there is no such member, or no `kill` command.
    pub fn resume(&self, url: &str) {
        signal(self.of(url), "CONT");
    }

    /// Kills the member of this URL at once, as a power failure would.
    ///
    /// # Panics
    /// Where there is no such member.
    pub fn kill(&mut self, url: &str) {
        let mut members = self.members.iter_mut();
        let member = members.find(|member| member.url == url);
        let process = &mut member.expect("a member has this URL").process;
        process.kill().expect("a child can be killed");
        process.wait().expect("a killed child ends");
    }

    /// Starts it again after [`EtcdCluster::kill`], on its ports and data, and waits until it serves.
    ///
    /// # Panics
    /// Where there is no such member, or it does not start.
    pub fn restart(&mut self, url: &str) {
        let mut members = self.members.iter_mut();
        let found = members.find(|member| member.url == url);
        let found = found.expect("a member has this URL");
        let folder = self.folder.path();
        let mut command = member(&found.name, folder, &found.url, &found.peer, &self.peers);
        let process = wait_until_it_serves(begin(&mut command));
        found.process = process.expect("etcd starts again; its last words stand above");
    }

    fn of(&self, url: &str) -> u32 {
        let member = self.members.iter().find(|member| member.url == url);
        member.expect("a member has this URL").process.id()
    }
}

impl Drop for EtcdCluster {
    fn drop(&mut self) {
        for member in &mut self.members {
            // It may be dead already. A stopped process dies of this, too.
            let _ = member.process.kill();
            let _ = member.process.wait();
        }
    }
}
