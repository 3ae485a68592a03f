//! The scheduled function that refreshes tokens.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    callgate::lambda::serve_refresh().await
}
