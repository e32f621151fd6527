//! `ipamctl store print-role`: what each program may read and write in etcd, and no more, as commands of etcdctl.

use crate::context::Context;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ipamctl store print-role plugin | sh
  etcdctl user add ipam --no-password; etcdctl user grant-role ipam block-ipam-plugin")]
pub(crate) struct PrintRoleArgs {
    /// The program
    #[arg(value_enum)]
    program: Program,
    /// What the role is called; block-ipam- and the program if nothing is said
    #[arg(long)]
    name: Option<String>,
}

/// Who needs a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Program {
    /// The CNI plugin, and `ipamctl ipam gc` on a node
    Plugin,
    /// ipamctl with all of its verbs
    Ipamctl,
    /// ipamctl with those verbs that only look
    Reader,
}

/// What may be done to keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum May {
    Read,
    /// Who may write may read.
    Write,
}

impl May {
    /// Returns the rights that it consists of.
    pub(crate) const fn includes(self) -> &'static [May] {
        match self {
            May::Read => &[May::Read],
            May::Write => &[May::Read, May::Write],
        }
    }
}

impl Program {
    /// All of them, the one that needs most last.
    pub(crate) const ALL: [Program; 3] = [Program::Plugin, Program::Reader, Program::Ipamctl];

    /// Returns its word on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Program::Plugin => "plugin",
            Program::Ipamctl => "ipamctl",
            Program::Reader => "reader",
        }
    }

    /// Returns what it may do, and to which keys: all below one that ends with a slash, else the one.
    pub(crate) fn grants(self) -> Vec<(May, &'static str)> {
        match self {
            Program::Plugin => PLUGIN.to_vec(),
            Program::Ipamctl => ALL.to_vec(),
            Program::Reader => ALL.iter().map(|(_, keys)| (May::Read, *keys)).collect(),
        }
    }
}

/// Keys of which a role is made. The reader may read what ipamctl may write.
const ALL: [Grant; 7] = [
    (
        May::Write,
        "/calico/resources/v3/projectcalico.org/ippools/",
    ),
    (
        May::Write,
        "/calico/resources/v3/projectcalico.org/ipreservations/",
    ),
    (May::Write, "/calico/resources/v3/projectcalico.org/nodes/"),
    (May::Write, "/calico/ipam/v2/"),
    (May::Write, "/block-ipam/v1/"),
    (
        May::Read,
        "/calico/resources/v3/projectcalico.org/workloadendpoints/",
    ),
    (
        May::Read,
        "/calico/resources/v3/projectcalico.org/clusterinformations/default",
    ),
];

/// Affinities are of all nodes, for an empty block of another one is taken over.
const PLUGIN: [Grant; 9] = [
    (May::Read, "/calico/resources/v3/projectcalico.org/ippools/"),
    (
        May::Read,
        "/calico/resources/v3/projectcalico.org/ipreservations/",
    ),
    (May::Read, "/calico/resources/v3/projectcalico.org/nodes/"),
    (
        May::Read,
        "/calico/resources/v3/projectcalico.org/clusterinformations/default",
    ),
    (May::Read, "/calico/ipam/v2/config"),
    (May::Write, "/calico/ipam/v2/assignment/"),
    (May::Write, "/calico/ipam/v2/handle/"),
    (May::Write, "/calico/ipam/v2/host/"),
    (May::Write, "/block-ipam/v1/"),
];

/// What may be done, and to which keys: all below one that ends with a slash, else the one.
type Grant = (May, &'static str);

pub(crate) fn run(context: &Context, args: &PrintRoleArgs) -> Result<(), Failure> {
    let own = format!("block-ipam-{}", args.program.word());
    let grants = args.program.grants();
    let name = args.name.as_deref().unwrap_or(&own);
    if !name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    {
        let error = format!("role name `{name}` has more than letters, digits, `-`, `_` and `.`");
        return Err(Failure::usage(error));
    }
    let lines = grants.iter().map(|(may, keys)| {
        let may = match may {
            May::Read => "read",
            May::Write => "readwrite",
        };
        let prefix = if keys.ends_with('/') {
            " --prefix=true"
        } else {
            ""
        };
        format!("etcdctl role grant-permission{prefix} {name} {may} {keys}\n")
    });
    let text: String = std::iter::once(format!("etcdctl role add {name}\n"))
        .chain(lines)
        .collect();
    context.ui.data(&text)
}
