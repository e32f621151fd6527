//! `kind: IPPool`.

use block_ipam::resources::{FieldError, Metadata, Pool, PoolSpec};

use crate::manifest::fields::Fields;
use crate::value::Value;

pub(super) fn pool(metadata: Metadata, spec: Option<&Value>) -> Result<Pool, Vec<FieldError>> {
    let mut fields = Fields::open("spec", spec);
    let spec = PoolSpec {
        metadata,
        cidr: fields.text("cidr"),
        block_size: fields.whole("blockSize"),
        node_selector: fields.text("nodeSelector"),
        namespace_selector: fields.text("namespaceSelector"),
        allowed_uses: fields.texts("allowedUses"),
        assignment_mode: fields.text("assignmentMode"),
        ipip_mode: fields.text("ipipMode"),
        vxlan_mode: fields.text("vxlanMode"),
        nat_outgoing: fields.flag("natOutgoing"),
        disabled: fields.flag("disabled"),
        disable_bgp_export: fields.flag("disableBGPExport"),
    };
    let errors = fields.close();
    if errors.is_empty() {
        spec.pool()
    } else {
        Err(errors)
    }
}
