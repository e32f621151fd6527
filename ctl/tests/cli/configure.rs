//! `ipam configure`: calicoctl's flags, words and refusals.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn options_are_set_one_by_one_and_kept() {
    let bench = Bench::golden("empty-two-nodes");
    bench.check(
        &["-v", "ipam", "configure", "--strictaffinity=true"],
        &expect![[r#"
            Successfully set StrictAffinity to: true
            --- stderr
            Requests: reads=1 commits=1 conflicts=0
        "#]],
    );
    let all = [
        "-v",
        "ipam",
        "configure",
        "--strictaffinity=true",
        "--max-blocks-per-host=3",
        "--ip-cooldown-seconds=30",
        "--kubevirt-ip-persistence=Disabled",
    ];
    bench.check(&all, &expect![[r#"
        Successfully set StrictAffinity to: true
        Successfully set MaxBlocksPerHost to: 3
        Successfully set KubeVirtVMAddressPersistence to: Disabled
        Successfully set IPCooldownSeconds to: 30
        --- stderr
        Calico up to 3.32 drops this setting when it writes the configuration; 130 seconds are recommended
        Requests: reads=1 commits=1 conflicts=0
    "#]]);
    bench.check(
        &[
            "ipam",
            "configure",
            "--auto-allocate-blocks=false",
            "--dry-run",
        ],
        &expect![[r#"
            Would set AutoAllocateBlocks to: false
        "#]],
    );
    bench.check(
        &["get", "ipamconfig"],
        &expect![[r#"
            NAME      STRICTAFFINITY   AUTOALLOCATEBLOCKS   MAXBLOCKSPERHOST   IPCOOLDOWNSECONDS   
            default   true             true                 3                  30                  

        "#]],
    );
}

#[test]
fn what_makes_no_sense_is_refused_in_calicoctls_words() {
    let bench = Bench::golden("empty-two-nodes");
    for (arguments, expected) in [
        (
            &[][..],
            "at least one configuration option must be specified",
        ),
        (
            &["--ip-cooldown-seconds=-7"],
            "at least one configuration option must be specified",
        ),
        (
            &["--strictaffinity=maybe"],
            "invalid value. Use true or false to set strictaffinity",
        ),
        (
            &["--max-blocks-per-host=x"],
            "invalid value for maxblockhost. Use a valid number",
        ),
        (
            &["--kubevirt-ip-persistence=Sometimes"],
            "invalid value for --kubevirt-ip-persistence. Use Enabled or Disabled",
        ),
        (
            &["--max-blocks-per-host=3"],
            "MaxBlocksPerHost requires StrictAffinity to be enabled",
        ),
        (
            &["--auto-allocate-blocks=false"],
            "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time",
        ),
    ] {
        let output = bench.run(&[&["ipam", "configure"], arguments].concat(), "");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
