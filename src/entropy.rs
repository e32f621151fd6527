//! The only source of random numbers. Everything else is given bits.

/// Draws random bits. Simulations bring a seeded one.
pub trait Entropy: std::fmt::Debug + Send + Sync {
    /// Returns 64 random bits.
    fn bits(&self) -> u64;
}

/// The random numbers of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the one source")]
    fn bits(&self) -> u64 {
        getrandom::u64().expect("the operating system gives random numbers")
    }
}
