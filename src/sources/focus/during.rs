//! Questions on a connection that must be listened to all the same: else what waits to be heard would hold up the answer.

/// Whoever listens to a connection.
pub trait Listener {
    /// Takes one message and keeps what it says; `false`: it can take no more. Cancel-safe.
    fn hear(&mut self) -> impl Future<Output = bool> + Send;
}

/// Does something that waits for answers, and listens meanwhile.
pub async fn during<T>(listener: &mut impl Listener, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            // A connection that is lost is seen by the work, too.
            true = listener.hear() => {}
        }
    }
}
