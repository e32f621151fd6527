//! `patch`, `label`, `validate`, and what `get` prints.

use expect_test::expect;

use crate::support::Bench;

#[test]
fn a_patch_changes_members_and_keeps_the_rules() {
    let bench = Bench::golden("calicoctl-base");
    let patch = |patch: &'static str| ["-v", "patch", "ippool", "six", "--patch", patch];
    bench.check(
        &patch(r#"{"spec":{"natOutgoing":true}}"#),
        &expect![[r#"
        Successfully patched 1 'IPPool' resource
        --- stderr
        Requests: reads=2 commits=1 conflicts=0
    "#]],
    );
    bench.check(
        &patch(r#"{"spec":{"blockSize":125}}"#),
        &expect![[r#"
            --- stderr
            Error: IPPool `six` is refused
              spec.blockSize = '125': IPPool BlockSize cannot be modified; it is 124
            Requests: reads=2 commits=0 conflicts=0
            [exit status: 1]
        "#]],
    );
    bench.check(
        &patch(r#"{"spec":{"cidr":"fd00:91::/120"}}"#),
        &expect![[r#"
            --- stderr
            Error: IPPool `six` is refused
              spec.cidr = 'fd00:91::/120': IPPool CIDR cannot be modified; it is fd00:90::/120
            Requests: reads=2 commits=0 conflicts=0
            [exit status: 1]
        "#]],
    );
    bench.check(&patch(r#"{"spec":{"colour":"red"}}"#), &expect![[r#"
        --- stderr
        Error: IPPool `six` is refused
          spec.colour: field in document is not recognized or is in the wrong location; known are cidr, blockSize, nodeSelector, namespaceSelector, allowedUses, assignmentMode, ipipMode, vxlanMode, natOutgoing, disabled, disableBGPExport
        Requests: reads=1 commits=0 conflicts=0
        [exit status: 1]
    "#]]);
    bench.check(
        &patch(r#"{"metadata":{"name":"seven"}}"#),
        &expect![[r#"
            --- stderr
            Error: IPPool `six` keeps its kind and its name
            Requests: reads=1 commits=0 conflicts=0
            [exit status: 1]
        "#]],
    );
    bench.check(
        &patch(r#"{"metadata":{"resourceVersion":"1"}}"#),
        &expect![[r#"
            Successfully patched 1 'IPPool' resource
            --- stderr
            Requests: reads=2 commits=0 conflicts=0
        "#]],
    );
    bench.check(
        &patch("{"),
        &expect![[r#"
        --- stderr
        Error: the patch is neither JSON nor YAML
        Caused by: error: line 1 column 1: unclosed bracket '{'
         --> <input>:1:1
          |
        1 | {
          | ^ unclosed bracket '{'
        [exit status: 2]
    "#]],
    );
    bench.check(
        &patch("spec: {disabled: true}"),
        &expect![[r#"
        Successfully patched 1 'IPPool' resource
        --- stderr
        Requests: reads=2 commits=1 conflicts=0
    "#]],
    );
    bench.check(
        &["get", "ippool", "six", "-o", "yaml", "--export"],
        &expect![[r#"
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata:
              name: six
            spec:
              allowedUses:
              - Workload
              - Tunnel
              assignmentMode: Automatic
              blockSize: 124
              cidr: fd00:90::/120
              disabled: true
              ipipMode: Never
              natOutgoing: true
              nodeSelector: all()
              vxlanMode: Never
        "#]],
    );
}

#[test]
fn a_patch_may_be_a_list_of_operations() {
    let bench = Bench::golden("calicoctl-base");
    let json = |patch: &'static str| ["patch", "ippool", "six", "--type=json", "-p", patch];
    let disable = r#"[{"op":"test","path":"/spec/blockSize","value":124},{"op":"add","path":"/spec/disabled","value":true}]"#;
    bench.check(
        &json(disable),
        &expect![[r#"
        Successfully patched 1 'IPPool' resource
    "#]],
    );
    bench.check(
        &json(r#"[{"op":"remove","path":"/spec/nothing"}]"#),
        &expect![[r#"
            --- stderr
            Error: the patch cannot be applied
            Caused by: operation '/0' failed at path '/spec/nothing': path is invalid
            [exit status: 1]
        "#]],
    );
    bench.check(
        &json(r#"{"spec":{}}"#),
        &expect![[r#"
        --- stderr
        Error: the patch is no list of operations
        Caused by: invalid type: map, expected a sequence
        [exit status: 2]
    "#]],
    );
    bench.check(
        &["patch", "ippool", "absent", "-p", "{}"],
        &expect![[r#"
        --- stderr
        Error: IPPool `absent` does not exist
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["patch", "blockaffinity", "x", "-p", "{}"],
        &expect![[r#"
        --- stderr
        Error: BlockAffinity can only be shown
        [exit status: 2]
    "#]],
    );
    bench.check(
        &[
            "patch",
            "node",
            "n1",
            "-p",
            "{metadata: {labels: {a: b}}}",
            "--dry-run",
        ],
        &expect![[r#"
            would change node `n1`
        "#]],
    );
}

#[test]
fn labels_come_change_and_go() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["-v", "label", "nodes", "n1", "zone=a"],
        &expect![[r#"
        Successfully set label zone on nodes n1.
        --- stderr
        Requests: reads=2 commits=1 conflicts=0
    "#]],
    );
    bench.check(&["label", "node", "n1", "zone=b"], &expect![[r#"
        --- stderr
        Error: failed to update label of node n1, key zone is already present. please use '--overwrite' to set a new value.
        [exit status: 1]
    "#]]);
    bench.check(
        &["label", "node", "n1", "zone=b", "--overwrite"],
        &expect![[r#"
            Successfully updated label zone on nodes n1.
        "#]],
    );
    bench.check(
        &["get", "node", "-o", "wide"],
        &expect![[r#"
            NAME   ASN   IPV4   IPV6   LABELS           
            n1                         rack=r1,zone=b   
            n2                         rack=r1          

        "#]],
    );
    bench.check(
        &["label", "node", "n1", "zone", "--remove"],
        &expect![[r#"
        Successfully removed label zone from nodes n1.
    "#]],
    );
    bench.check(
        &["label", "node", "n1", "zone", "--remove"],
        &expect![[r#"
        --- stderr
        Error: node `n1` has no label zone
        [exit status: 1]
    "#]],
    );
    bench.check(
        &["label", "node", "n1", "zone"],
        &expect![[r#"
        --- stderr
        Error: a label is KEY=VALUE, or --remove KEY
        [exit status: 2]
    "#]],
    );
    bench.check(
        &["label", "node", "n9", "zone=a"],
        &expect![[r#"
        --- stderr
        Error: Node `n9` does not exist
        [exit status: 1]
    "#]],
    );
    bench.check(
        &[
            "label",
            "ippool",
            "six",
            "block-ipam/pool-group=blue",
            "--dry-run",
        ],
        &expect![[r#"
            would change pool `six`
        "#]],
    );
}

#[test]
fn affinities_are_shown() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["-v", "get", "blockaffinity"],
        &expect![[r#"
            NAME                 CIDR              OWNER     STATE       
            n1-10-90-0-224-28    10.90.0.224/28    host:n1   confirmed   
            n1-10-91-0-0-26      10.91.0.0/26      host:n1   confirmed   
            n1-fd00-90--e0-124   fd00:90::e0/124   host:n1   confirmed   
            n2-10-90-0-64-28     10.90.0.64/28     host:n2   confirmed   
            n2-fd00-90--40-124   fd00:90::40/124   host:n2   confirmed   

            --- stderr
            Requests: reads=1 commits=0 conflicts=0
        "#]],
    );
    bench.check(
        &["get", "affinity", "n1-10-91-0-0-26", "-o", "yaml"],
        &expect![[r#"
            apiVersion: projectcalico.org/v3
            kind: BlockAffinity
            metadata:
              name: n1-10-91-0-0-26
              resourceVersion: "16"
            spec:
              cidr: 10.91.0.0/26
              node: n1
              state: confirmed
              type: host
        "#]],
    );
    bench.check(
        &["get", "affinity", "n1-10-91-0-0-27"],
        &expect![[r#"
            --- stderr
            Error: BlockAffinity `n1-10-91-0-0-27` does not exist
            [exit status: 1]
        "#]],
    );
}

#[test]
fn columns_are_chosen_and_misspelt_names_are_guessed() {
    let bench = Bench::golden("calicoctl-base");
    bench.check(
        &["get", "ippool", "-o", "custom-columns=CIDR,NAME"],
        &expect![[r#"
            CIDR            NAME    
            10.90.0.0/24    rack1   
            fd00:90::/120   six     
            10.91.0.0/26    spare   

        "#]],
    );
    bench.check(
        &["get", "ippool", "-o", "custom-columns=NAME,CIDRS"],
        &expect![[r#"
            --- stderr
            Error: IPPool has no column `CIDRS`
            Hint: did you mean CIDR?
            [exit status: 2]
        "#]],
    );
    bench.check(
        &["get", "ippool", "-o", "go-template={{len .Items}}"],
        &expect![[r#"
            --- stderr
            error: invalid value 'go-template={{len .Items}}' for '--output <FORMAT>': templates of Go are not supported: `-o json` and jq print the same, or `-o custom-columns=NAME,..`

            For more information, try '--help'.
            [exit status: 2]
        "#]],
    );
    bench.check(&["get", "ippool", "-o", "xml"], &expect![[r#"
        --- stderr
        error: invalid value 'xml' for '--output <FORMAT>': known are table, wide, yaml, json, name, custom-columns=NAME,..

        For more information, try '--help'.
        [exit status: 2]
    "#]]);
    bench.check(
        &["get", "widget"],
        &expect![[r#"
        --- stderr
        Error: resource type 'widget' is not supported
        Hint: there are ippool, ipreservation, node, ipamconfiguration and blockaffinity
        [exit status: 2]
    "#]],
    );
    bench.check(
        &["get", "ipppool"],
        &expect![[r#"
            --- stderr
            Error: resource type 'ipppool' is not supported
            Hint: did you mean ippool?
            Hint: there are ippool, ipreservation, node, ipamconfiguration and blockaffinity
            [exit status: 2]
        "#]],
    );
    bench.check(
        &["-v", "get", "ippool", "rak1"],
        &expect![[r#"
            --- stderr
            Error: IPPool `rak1` does not exist
            Hint: did you mean rack1?
            Requests: reads=2 commits=0 conflicts=0
            [exit status: 1]
        "#]],
    );
    bench.check(
        &["get", "node", "n1", "-o", "wide"],
        &expect![[r#"
            NAME   ASN   IPV4   IPV6   LABELS    
            n1                         rack=r1   

        "#]],
    );
}

#[test]
fn a_pool_over_the_network_of_a_node_is_warned_about() {
    let bench = Bench::golden("empty-two-nodes");
    let key = "/calico/resources/v3/projectcalico.org/nodes/n1";
    let value = r#"{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"n1"},"spec":{"bgp":{"ipv4Address":"192.168.7.4/24","asNumber":64512}}}"#;
    bench.put(&[(key.to_owned(), value.to_owned())]);
    let pool = r#"{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"near"},"spec":{"cidr":"192.168.0.0/16"}}"#;
    bench.check_with(&["-v", "create", "-f", "-"], pool, &expect![[r#"
        Successfully created 1 'IPPool' resource(s)
        --- stderr
        Created IPPool near
        Warning: pool near (192.168.0.0/16) overlaps the network of node n1 (192.168.7.0/24): workloads may get addresses of machines
        Requests: reads=2 commits=1 conflicts=0
    "#]]);
    bench.check(
        &["get", "node", "-o", "wide"],
        &expect![[r#"
            NAME   ASN     IPV4             IPV6   LABELS   
            n1     64512   192.168.7.4/24                   
            n2                                              

        "#]],
    );
}
