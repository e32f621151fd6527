//! Numbers of addresses as calicoctl prints them: five significant digits, and a share in whole percent.

/// Returns the number with five significant digits: `65536`, `2.6214e+05`, `1.2089e+24`.
pub(crate) fn five_digits(number: u128) -> String {
    if number < 100_000 {
        return number.to_string();
    }
    let digits = number.to_string();
    let mut exponent = digits.len() - 1;
    let mut mantissa = rounded(number, exponent - 4);
    if mantissa == 100_000 {
        mantissa = 10_000;
        exponent += 1;
    }
    let text = mantissa.to_string();
    let fraction = text[1..].trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}e+{exponent:02}", &text[..1])
}

/// Returns the number divided by a power of ten, rounded half to even, as C's `printf` does.
fn rounded(number: u128, power: usize) -> u128 {
    let power = u32::try_from(power).expect("a number has few digits");
    let divisor = 10u128.pow(power);
    let (quotient, rest) = (number / divisor, number % divisor);
    let up = divisor / 2 < rest || (divisor / 2 == rest && quotient % 2 == 1);
    quotient + u128::from(up)
}

/// Returns the number and its share of all: `5 (2%)`.
pub(crate) fn share(number: u128, total: u128) -> String {
    format!("{} ({}%)", five_digits(number), percent(number, total))
}

fn percent(number: u128, total: u128) -> u128 {
    // Both shrink alike, so that the product below cannot overflow.
    let shift = total.ilog2().saturating_sub(100);
    let (number, total) = (number >> shift, total >> shift);
    let (quotient, rest) = (number * 100 / total, number * 100 % total);
    let up = total < rest * 2 || (total == rest * 2 && quotient % 2 == 1);
    quotient + u128::from(up)
}

#[cfg(test)]
mod tests {
    use super::{five_digits, share};

    #[test]
    fn numbers_have_five_digits_as_printf_gives_them() {
        for (number, text) in [
            (0, "0"),
            (65_536, "65536"),
            (99_999, "99999"),
            (100_000, "1e+05"),
            (123_450, "1.2345e+05"),
            (262_144, "2.6214e+05"),
            (999_994, "9.9999e+05"),
            (999_995, "1e+06"),
            (999_996, "1e+06"),
            (1_000_050, "1e+06"),
            (1_000_150, "1.0002e+06"),
            (1 << 80, "1.2089e+24"),
            (u128::MAX, "3.4028e+38"),
        ] {
            assert_eq!(five_digits(number), text, "{number}");
        }
    }

    #[test]
    fn shares_are_whole_percent_rounded_half_to_even() {
        for (number, total, text) in [
            (0, 256, "0 (0%)"),
            (8, 256, "8 (3%)"),
            (5, 256, "5 (2%)"),
            (243, 256, "243 (95%)"),
            (1, 64, "1 (2%)"),
            (63, 64, "63 (98%)"),
            (7, 16, "7 (44%)"),
            (1, 200, "1 (0%)"),
            (3, 200, "3 (2%)"),
            (u128::MAX, u128::MAX, "3.4028e+38 (100%)"),
            (1, u128::MAX, "1 (0%)"),
            (1 << 127, u128::MAX, "1.7014e+38 (50%)"),
        ] {
            assert_eq!(share(number, total), text);
        }
    }
}
