//! The checks of who is let in: certificates, the login, rights.

use std::time::Duration;

use block_ipam::clock::Timestamp;

use crate::doctor::facts::{Etcd, Rights};
use crate::doctor::judge::Check;
use crate::doctor::permissions::Lacking;
use crate::time;
use crate::verbs::store_print_role::May;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Time enough to renew a certificate in.
const ENDS_SOON: Duration = DAY.saturating_mul(14);
/// Most rights that are named one by one.
const MOST_NAMED: usize = 3;

/// The certificates of the settings, and those that endpoints show.
pub(super) fn certificates(etcd: &Etcd, now: Timestamp) -> Vec<Check> {
    let own = etcd.certificates.iter();
    let own = own.map(|own| certificate(&format!("that of the {}", own.of), &own.until, now));
    let shown = etcd.spoken.iter().filter_map(|spoken| {
        let until = spoken.certificate.as_ref()?;
        Some(certificate(
            &format!("that of {}", spoken.endpoint),
            until,
            now,
        ))
    });
    own.chain(shown).collect()
}

fn certificate(of: &str, until: &Result<Timestamp, String>, now: Timestamp) -> Check {
    const NAME: &str = "certificate";
    let until = match until {
        Ok(until) => *until,
        Err(error) => {
            let act = "compare it with the authority of the settings, and renew what ended";
            return Check::fail(NAME, format!("{of} cannot be used: {error}"), act);
        }
    };
    let text = time::text(until);
    if until <= now {
        let what = format!("{of} ended at {text}");
        return Check::fail(NAME, what, "renew it: nobody is let in with it");
    }
    let left = until.since(now);
    let days = left.as_secs() / DAY.as_secs();
    let unit = if days == 1 { "day" } else { "days" };
    let what = format!("{of} ends in {days} {unit} ({text})");
    if left < ENDS_SOON {
        let act = "renew it; programs read its file again by themselves";
        Check::warn(NAME, what, act)
    } else {
        Check::ok(NAME, what)
    }
}

/// Whether the user of the settings is let in.
pub(super) fn login(etcd: &Etcd) -> Check {
    const NAME: &str = "login";
    let shut_out = etcd.members.iter().find_map(|surveyed| {
        let why = surveyed.shut_out.as_ref()?;
        Some(format!("{}: {why}", surveyed.endpoint))
    });
    match shut_out {
        Some(why) => {
            let act = "correct ETCD_USERNAME and ETCD_PASSWORD, or add the user (`etcdctl user add`); \
                       `ipamctl store print-role` prints the role that it needs";
            Check::fail(NAME, format!("the user is not let in: {why}"), act)
        }
        None => Check::ok(NAME, "nobody is shut out"),
    }
}

/// Whether the user may do what one of the programs does.
pub(super) fn rights(rights: &Rights) -> Check {
    const NAME: &str = "rights";
    let who = match &rights.user {
        Some(user) => format!("user `{user}`"),
        None => "whoever comes".to_owned(),
    };
    if let Some(error) = &rights.trouble {
        return Check::skip(NAME, format!("not known: {error}"));
    }
    let served = rights
        .programs
        .iter()
        .filter(|(_, lacking)| lacking.is_empty());
    let served: Vec<&str> = served.map(|(program, _)| *program).collect();
    if !served.is_empty() {
        let what = format!("{who} may do what these need: {}", served.join(", "));
        return Check::ok(NAME, what);
    }
    let nearest = rights
        .programs
        .iter()
        .min_by_key(|(_, lacking)| lacking.len());
    let Some((program, lacking)) = nearest else {
        return Check::skip(NAME, "nothing was asked");
    };
    let what = format!("{who} is not permitted to {}", named(lacking));
    let act = format!("`ipamctl store print-role {program}` prints the role that is nearest");
    Check::warn(NAME, what, act)
}

fn named(lacking: &[Lacking]) -> String {
    let words = lacking.iter().take(MOST_NAMED).map(|right| {
        let may = match right.may {
            May::Read => "read",
            May::Write => "write",
        };
        format!("{may} {}", right.keys)
    });
    let mut words: Vec<String> = words.collect();
    let more = lacking.len().saturating_sub(MOST_NAMED);
    if 0 < more {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
