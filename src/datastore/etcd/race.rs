//! Asking several endpoints until one answers.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::errors::Failure;

/// Waits for an answer for as long as it takes: the asked bring their own deadline.
const NO_HEDGE: Duration = Duration::from_hours(1);

/// Asks the endpoints in this order until one answers: the next one at once after a failure, and beside those that were
/// asked before whenever `hedge_after` passes in silence.
///
/// # Errors
/// A failure that makes asking on useless, alone; else the failures of all endpoints.
pub(super) async fn first_answer<T, Asked>(
    order: Vec<usize>,
    hedge_after: Duration,
    ask: impl Fn(usize) -> Asked,
) -> Result<(usize, T), Vec<(usize, Failure)>>
where
    Asked: Future<Output = Result<T, Failure>>,
{
    let ask = |endpoint: usize| {
        let answer = ask(endpoint);
        async move { (endpoint, answer.await) }
    };
    let mut waiting = order.into_iter();
    let mut asked: FuturesUnordered<_> = waiting.next().map(ask).into_iter().collect();
    let mut failures = Vec::new();
    while !asked.is_empty() {
        let patience = if waiting.len() == 0 {
            NO_HEDGE
        } else {
            hedge_after
        };
        match tokio::time::timeout(patience, asked.next()).await {
            Ok(Some((endpoint, Ok(answer)))) => return Ok((endpoint, answer)),
            Ok(Some((endpoint, Err(failure)))) if failure.is_final() => {
                return Err(vec![(endpoint, failure)]);
            }
            Ok(Some((endpoint, Err(failure)))) => failures.push((endpoint, failure)),
            Ok(None) | Err(_) => {}
        }
        asked.extend(waiting.next().map(ask));
    }
    Err(failures)
}
