//! The text of endpoints.

/// Splits a list at its commas and checks each endpoint. One without a scheme gets this one.
pub(super) fn parse(list: &str, scheme: &str) -> Result<Vec<String>, String> {
    let texts = list
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let endpoints: Vec<String> = texts
        .map(|text| parse_one(text, scheme))
        .collect::<Result<_, _>>()?;
    if endpoints.is_empty() {
        return Err("it names no endpoint".to_owned());
    }
    Ok(endpoints)
}

fn parse_one(text: &str, scheme: &str) -> Result<String, String> {
    let (scheme, authority) = text.split_once("://").unwrap_or((scheme, text));
    if !matches!(scheme, "http" | "https") {
        return Err(format!("`{text}` is neither http:// nor https://"));
    }
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let Some((host, port)) = authority.rsplit_once(':') else {
        return Err(format!("`{text}` has no port"));
    };
    if port.parse::<u16>().is_err() {
        return Err(format!("`{text}` has no usable port"));
    }
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let usable = match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        }
    };
    if usable {
        Ok(format!("{scheme}://{authority}"))
    } else {
        Err(format!("`{text}` is not a host and a port"))
    }
}
